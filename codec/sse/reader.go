package sse

// Reader gives the events of a stream whose bytes come in pieces split anywhere. Unlike the passthrough it needs events
// whole, so an event larger than its limit is an error. The zero value is ready.
type Reader struct {
	// Limit is the largest event in bytes; 0 is 64 MiB, which inline images stay below.
	Limit int

	boundary Boundary
	buf      []byte // what has come: the last piece, or held
	held     []byte // what was kept of pieces
	from     int    // where the current event starts in buf
	scanned  int    // how much of it boundary has seen
	begun    bool   // the first event is past
	join     []byte
}

const (
	defaultLimit = 64 << 20
	// keptBuffer is how large a buffer is kept behind the event that needed it.
	keptBuffer = 1 << 20
)

// Push takes the next piece, which must stay unchanged until the next. Events from before are invalid from here on.
// False if an event grows over the limit.
func (r *Reader) Push(p []byte) bool {
	switch rest := r.buf[r.from:]; {
	case len(rest) == 0:
		if r.buf = p; cap(r.held) > keptBuffer {
			r.held = nil
		}
	case r.from == 0 && r.isHeld():
		r.held = append(r.held, p...)
		r.buf = r.held
	default: // it came with the last piece, so that no byte moves twice
		r.held = append(append(r.held[:0], rest...), p...)
		r.buf = r.held
	}
	r.from = 0
	limit := r.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	return len(r.buf) <= limit+len(p)
}

// isHeld says whether buf is held, all of it.
func (r *Reader) isHeld() bool {
	return len(r.held) > 0 && len(r.buf) > 0 && &r.buf[0] == &r.held[0]
}

// Next returns the next complete event with anything in it. False if more bytes are needed.
func (r *Reader) Next() (Event, bool) {
	for r.from < len(r.buf) {
		rest := r.buf[r.from:]
		end, scanned := r.boundary.Find(rest[r.scanned:])
		if end < 0 {
			r.scanned += scanned
			r.keep()
			return Event{}, false
		}
		n := r.scanned + end
		r.scanned = 0
		r.from += n
		e := Parse(r.trimmed(rest[:n]), &r.join)
		if e.Lines > 1 {
			r.join = nil // it belongs to the event now
		}
		if e.Lines > 0 || e.Name != nil || e.Foreign != nil {
			return e, true
		}
	}
	return Event{}, false
}

// trimmed is an event without the mark that the first one may begin with.
func (r *Reader) trimmed(block []byte) []byte {
	if r.begun {
		return block
	}
	r.begun = true
	return TrimBOM(block)
}

// keep copies what is left of a piece, which belongs to the caller.
func (r *Reader) keep() {
	if r.isHeld() {
		return
	}
	r.held = append(r.held[:0], r.buf[r.from:]...)
	r.buf, r.from = r.held, 0
}

// Rest returns the event that the stream ended in, which lacks its empty line. False if there is none.
func (r *Reader) Rest() (Event, bool) {
	rest := r.buf[r.from:]
	r.from = len(r.buf)
	e := Parse(r.trimmed(rest), &r.join)
	return e, e.Lines > 0 || e.Foreign != nil
}
