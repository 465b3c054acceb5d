// Package passthrough is the way of a stream between an upstream and a client that speak the same format: it is watched
// for its usage, its errors and its end, and not changed. What the events of a format mean is told by an inspector, of
// which each format has one.
package passthrough

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
	"uniapi/codec/trigger"
)

// maxLead is how much is held back for an answer to begin. An upstream that has said more is taken to be answering.
const maxLead = 1 << 20

// Stream watches a stream of events on its way from an upstream to the client. Bytes go out as they came in, whole
// events at a time. The zero value is not ready: Reset first, also for the next stream.
//
// Before Started, comments are dropped and events that only lead to an answer are held back; an error then makes Push
// return it with nothing to send: another channel can still be asked. After it, an error ends the stream, and the
// client is not shown the event.
type Stream struct {
	codec.Drops
	inspector Inspector
	lastWord  string // "" if the format has none
	triggers  []string
	censor    sse.Censor

	shape    template
	boundary sse.Boundary
	held     []byte // an event that is not complete yet, behind emitted bytes of the last Push
	from     int    // where it starts in held
	scanned  int    // how much of it boundary has seen
	join     []byte // for events with several data lines
	anew     []byte // the event that goes out in the place of the last one, until it is among lead
	lead     []byte // events from before the answer, with what follows them in the Push that it begins in; and what goes out with an event written anew
	tail     []byte // the last bytes of a big event, at least bigTail of them

	phase
	err *codec.Error
}

// phase is where a stream is.
type phase struct {
	started bool
	done    bool
	big     bool // in the middle of an event that is forwarded piece by piece
	opened  bool // the first event is past
	crEnd   bool // the last event ended with a CR; an LF next belongs to it
	kept    bool // the last event goes out
}

// Reset starts a new stream of the inspector's format. A trigger is a text that makes an error of an event that
// contains it and would begin the answer.
func (s *Stream) Reset(inspector Inspector, triggers ...string) {
	inspector.Reset()
	if cap(s.tail) > mostTail {
		s.tail = nil
	}
	*s = Stream{inspector: inspector, triggers: triggers, held: reused(s.held), join: reused(s.join), anew: reused(s.anew), lead: reused(s.lead), tail: s.tail[:0],
		shape: template{bytes: s.shape.bytes[:0]}}
	if in, has := inspector.(Worded); has {
		s.lastWord = in.LastWord()
	}
}

// Watch has a censor look at what is not the model's own, until the next Reset: at every event but those that are Plain
// or have the shape of one before, and in those at what the answer does not say. Nil does not.
func (s *Stream) Watch(c sse.Censor) { s.censor = c }

// look has the censor look at an event that goes out.
func (s *Stream) look(event []byte) bool {
	if s.censor != nil && s.censor.Censor(event) {
		if in, learns := s.inspector.(Learner); learns {
			in.Forget()
		}
	}
	return true
}

// frame is what stands around the name and the data of a usual event, at most.
const frame = len("event: \r\ndata: \r\n\r\n")

// reused is a buffer for the next stream, unless it has grown too large to be kept.
func reused(buffer []byte) []byte {
	if cap(buffer) > 2*bigEvent {
		return nil
	}
	return buffer[:0]
}

// Started says whether the answer has begun.
func (s *Stream) Started() bool { return s.started }

// Done says whether the upstream has ended its answer: nothing can follow, even if it keeps the connection open.
func (s *Stream) Done() bool { return s.done }

// Held is how many bytes are held of what has come.
func (s *Stream) Held() int {
	return cap(s.held) + cap(s.join) + cap(s.anew) + cap(s.lead) + cap(s.tail)
}

// Usage returns the usage that the upstream reported last, and whether it reported any.
func (s *Stream) Usage() (codec.Usage, bool) {
	u := s.inspector.Usage()
	return u, !u.Zero()
}

// Counted says whether the usage is known to be of the whole answer.
func (s *Stream) Counted() bool {
	in, knows := s.inspector.(Counter)
	return knows && in.Counted()
}

// Said is about how many characters the answer has had so far.
func (s *Stream) Said() int64 { return s.inspector.Said() + s.shape.said }

// Push takes the next bytes of the stream, which it may change, and returns what can go out now as one slice, valid
// until the next Push; it aliases p or a buffer of s. An error, always a *codec.Error, is the upstream's, reported in
// the stream: out is what came before it, and nothing follows.
func (s *Stream) Push(p []byte) (out []byte, err error) {
	if s.done || s.err != nil {
		return nil, s.failure()
	}
	if s.started {
		s.lead = s.lead[:0] // it is out
	}
	buf := p
	if len(s.held) > s.from {
		if s.from > 0 { // what is left came with the last piece, so that no byte moves twice
			s.held = s.held[:copy(s.held, s.held[s.from:])]
			s.from = 0
		}
		s.held = append(s.held, p...)
		buf = s.held
	}
	at := 0 // start of the current event in buf
	for at < len(buf) && !s.done && s.err == nil {
		rest := buf[at:]
		n := s.next(rest)
		if n == 0 {
			break
		}
		switch {
		case !s.kept || s.err != nil:
		case s.started && len(s.lead) == 0 && len(s.anew) == 0:
			out = extend(out, rest, n)
		default:
			out = s.collect(out, rest[:n])
		}
		at += n
	}
	if len(s.held) > 0 && len(buf) > 0 && &buf[0] == &s.held[0] {
		s.from = at
	} else {
		s.held = append(s.held[:0], buf[at:]...)
		s.from = 0
	}
	return out, s.failure()
}

// extend adds the first n bytes of rest to out, which holds bytes from before rest in the same buffer. Nothing moves
// unless an event that does not go out lies between them.
func extend(out, rest []byte, n int) []byte {
	switch {
	case out == nil:
		return rest[:n]
	case cap(out)-len(out) == cap(rest):
		return out[:len(out)+n]
	}
	return append(out, rest[:n]...)
}

// collect adds an event to what is held back, or to what goes out apart from what has come, since an event of it was
// written anew.
func (s *Stream) collect(out, event []byte) []byte {
	if len(s.lead) == 0 {
		s.lead = append(s.lead, out...)
	}
	if len(s.anew) > 0 {
		event = s.anew
	}
	s.lead = append(s.lead, event...)
	s.anew = s.anew[:0]
	if s.started = s.started || len(s.lead) > maxLead; s.started {
		return s.lead
	}
	return nil
}

// next decides on the event that rest starts with, or on the next piece of a big one, and returns its length: kept says
// whether it goes out. 0 means that more bytes are needed.
func (s *Stream) next(rest []byte) int {
	if s.shape.n > 0 && s.scanned == 0 && !s.big { // not again for each piece of an event
		if n := s.shape.match(rest, s.censor); n > 0 {
			s.boundary = sse.Boundary{}
			s.kept, s.crEnd = true, false
			return n
		}
	}
	end, scanned := s.boundary.Find(rest[s.scanned:])
	if end < 0 {
		n := s.scanned + scanned
		if !s.big && n <= bigEvent || s.big && n <= 2*sse.Overlap || sse.WantsWhole(s.censor) {
			s.scanned = n
			return 0
		}
		s.scanned = sse.Overlap
		s.piece(rest[:n], n-sse.Overlap)
		return n - sse.Overlap
	}
	n := s.scanned + end
	s.scanned = 0
	switch {
	case s.big || n > bigEvent && !sse.WantsWhole(s.censor):
		s.piece(rest[:n], n)
		s.endBig()
	case s.crEnd && n == 1 && rest[0] == '\n':
	default:
		s.kept = s.judge(rest[:n])
	}
	s.crEnd = rest[n-1] == '\r'
	return n
}

func (s *Stream) failure() error {
	if s.err == nil {
		return nil
	}
	return s.err
}

// trimmed is an event without the mark that the first one may begin with.
func (s *Stream) trimmed(event []byte) []byte {
	if s.opened {
		return event
	}
	s.opened = true
	return sse.TrimBOM(event)
}

// judge decides on a whole event: whether it goes out, or ends the stream.
func (s *Stream) judge(event []byte) bool {
	e := sse.Parse(s.trimmed(event), &s.join)
	data := bytes.TrimSpace(e.Data)
	failed := string(e.Name) == "error"
	switch {
	case len(data) == 0 && e.Foreign != nil:
		return s.fail(s.inspector.Failure(nil, e.Foreign))
	case len(data) == 0 && failed:
		return s.fail(errUnsaid())
	case e.Lines == 0:
		return s.started && s.look(event) // a comment, or a field that we do not know
	case len(data) == 0:
		return false // clients parse the data of every event as JSON
	case data[0] == '{':
		return s.judgeJSON(event, &e, data)
	case string(data) == doneWord || string(data) == s.lastWord:
		return string(data) == s.lastWord && s.take(Sign{Done: true}, nil) && s.look(event) // there may be comments in it
	case failed || !s.begun():
		return s.fail(s.inspector.Failure(e.Name, data))
	}
	return false // a keep-alive word
}

// doneWord is what streams of some upstreams end with though their format has no last word.
const doneWord = "[DONE]"

// errUnsaid is the error of an event that says nothing but that it is one.
func errUnsaid() *codec.Error {
	return codec.NoAnswer("the upstream reported an error without a text")
}

// judgeJSON decides on an event of the format.
func (s *Stream) judgeJSON(event []byte, e *sse.Event, data []byte) bool {
	sign := s.inspector.Event(e.Name, data, s.started)
	if !s.take(sign, data) {
		return false
	}
	if sign.Lacks { // what is written anew goes out in the place of what has come, and in one line
		s.anew = s.inspector.(Mender).Mend(s.anew[:0], e.Name, data)
		s.shape.n = 0 // what looks like the events before may be meant otherwise behind this one
		return s.look(s.anew)
	}
	if !sign.Plain || len(event) > len(e.Name)+len(data)+frame {
		s.look(event)
	}
	if sign.Shaped && len(e.Name) == 0 && e.Lines == 1 {
		s.shape.learn(event, cap(event)-cap(data), s.inspector.(Shaper).Holes()) // data lies in event
	}
	return true
}

// begun says whether there was anything that is of the format.
func (s *Stream) begun() bool { return s.started || len(s.lead) > 0 }

// take notes what an event means. False if it is not to go out.
func (s *Stream) take(sign Sign, data []byte) bool {
	switch {
	case sign.NotJSON && s.started:
		s.Drop()
		return false
	case sign.Err != nil:
		return s.fail(sign.Err)
	case sign.Begins && !s.started:
		if e := trigger.InJSON(data, s.triggers); e != nil {
			return s.fail(e)
		}
		s.started = true
	case sign.Done && !s.started:
		return s.fail(codec.Empty())
	}
	s.done = s.done || sign.Done
	return !sign.Hidden
}

func (s *Stream) fail(e *codec.Error) bool {
	s.err = e
	return false
}

// End takes the upstream's clean end of the stream. out is what remains to be sent: an event that lacked its empty
// line, and what the format ends with if the upstream left it out but the answer is complete. An answer that is not was
// cut off, however clean its connection ended, and that is an error (a cut tool call must not look complete), as is a
// stream without an answer.
func (s *Stream) End() (out []byte, err error) {
	if s.done || s.err != nil {
		return nil, s.failure()
	}
	if s.started {
		s.lead = s.lead[:0]
	}
	s.rest(s.held[s.from:])
	s.held, s.from = s.held[:0], 0
	if s.err == nil && !s.done {
		var last string
		if last, s.err = s.inspector.End(s.started); s.err == nil {
			s.started, s.done = true, true
			s.lead = append(s.lead, last...)
		}
	}
	if !s.started {
		return nil, s.failure()
	}
	return s.lead, s.failure()
}

// rest decides on the event that the stream ended in. One that is complete but for its empty line gets that; half a one
// is nothing.
func (s *Stream) rest(event []byte) {
	if s.big {
		if len(event) > 0 {
			s.piece(event, len(event))
		}
		if !bytes.HasSuffix(bytes.TrimSpace(s.bigEnding()), []byte{'}'}) {
			s.err = codec.CutShort()
			return
		}
		if s.endBig(); s.kept && s.err == nil {
			s.close(event, s.tail)
		}
		return
	}
	e := sse.Parse(s.trimmed(event), &s.join)
	if e.Lines == 0 && e.Foreign == nil && string(e.Name) != "error" || s.begun() && !s.whole(&e) {
		return
	}
	begun := s.begun()
	switch {
	case s.judge(event):
		s.close(event, event)
	case begun && e.Foreign != nil && s.err != nil && s.err.Raw == nil:
		s.err = nil // nobody's error: it is cut off, too
	}
}

// whole says whether an event in an answer that has begun is more than the beginning of one.
func (s *Stream) whole(e *sse.Event) bool {
	data := bytes.TrimSpace(e.Data)
	if len(data) == 0 && e.Foreign != nil {
		return true // of an error that is cut off much can be read
	}
	_, err := rawjson.One(data)
	return err == nil || s.lastWord != "" && string(data) == s.lastWord
}

// close sends an event with the line ends that it lacks. Seen is as much of its end as is known.
func (s *Stream) close(event, seen []byte) {
	if len(s.anew) > 0 { // which has them
		s.lead = append(s.lead, s.anew...)
		s.anew = s.anew[:0]
		return
	}
	s.lead = append(s.lead, event...)
	if !bytes.HasSuffix(seen, []byte{'\n'}) { // a CR may be half of a CRLF, and with one LF it is no more than that
		s.lead = append(s.lead, '\n')
	}
	s.lead = append(s.lead, '\n')
}
