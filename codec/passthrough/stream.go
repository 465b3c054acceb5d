// Package passthrough is the way of a stream between an upstream and a client that speak the same format: it is watched for its usage, its errors and its
// end, and not changed. What the events of a format mean is told by an inspector, of which each format has one.
package passthrough

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
	"uniapi/codec/trigger"
)

const (
	// bigEvent is the size from which on an event is forwarded piece by piece. Inline images are that large, and what echoes a request.
	bigEvent = 64 << 10
	// bigTail is how much of the end of such an event is kept for the inspector.
	bigTail = 4 << 10
	// maxLead is how much is held back for an answer to begin. An upstream that has said more is taken to be answering.
	maxLead = 1 << 20
)

// Sign is what an event means to the stream that it is in.
type Sign struct {
	// Begins says that it is part of an answer and not only of what leads to one: once it is out, no other channel can be asked.
	Begins bool
	// Done says that it ends the answer and that nothing can follow.
	Done bool
	// Plain says that it has a piece of the model's answer in the words of the format, and nothing else.
	Plain bool
	// Err is the error that it reports, or that it is; nil for most.
	Err *codec.Error
	// NotJSON says that Err is but that it cannot be read: an answer that has begun goes on without it.
	NotJSON bool
}

// NotJSON is the sign of an event that cannot be read.
func NotJSON(err error) Sign { return Sign{Err: codec.NotJSON(err), NotJSON: true} }

// Inspector reads the events of one format. It keeps what runs through a stream, such as the usage so far.
type Inspector interface {
	// Reset forgets the stream before.
	Reset()
	// Event reads a whole event: its name, which may be missing, and its data, which begins with a brace. Begun says that the answer has
	// begun, so that an event which only goes on with it need not be read closely. Neither slice may be kept.
	Event(name, data []byte, begun bool) Sign
	// Head reads the first 64 KiB of an event that is larger, whose data is therefore cut off.
	Head(name, data []byte, begun bool) Sign
	// Tail reads the last 4 KiB of such an event. What begins there has begun by its head.
	Tail(data []byte) Sign
	// Failure makes an error of what came in the place of an event: bare JSON, a page, words. Nil if it is of no matter.
	Failure(block []byte) *codec.Error
	// End is asked when the upstream ended the stream without an event that is Done: which bytes complete it for the client, or which
	// error it is. An answer that is complete though it never began may go out now.
	End(begun bool) (last string, err *codec.Error)
	// Usage is what was reported so far.
	Usage() codec.Usage
	// Said is about how many characters the answer has had so far.
	Said() int64
}

// Learner is an inspector for which an event that is like one before is Plain. What was changed behind it is no example.
type Learner interface{ Forget() }

// Stream watches a stream of events on its way from an upstream to the client. Bytes go out as they came in, whole events at a time. The
// zero value is not ready: Reset first, also for the next stream.
//
// Before Started, comments are dropped and events that only lead to an answer are held back; an error then makes Push return it with
// nothing to send: another channel can still be asked. After it, an error ends the stream, and the client is not shown the event.
type Stream struct {
	codec.Drops
	inspector Inspector
	triggers  []string
	censor    sse.Censor

	boundary sse.Boundary
	held     []byte // an event that is not complete yet, behind emitted bytes of the last Push
	from     int    // where it starts in held
	scanned  int    // how much of it boundary has seen
	join     []byte // for events with several data lines
	lead     []byte // events from before the answer, with what follows them in the Push that it begins in
	tail     []byte // the last bytes of a big event, at least bigTail of them

	started bool
	done    bool
	big     bool // in the middle of an event that is forwarded piece by piece
	opened  bool // the first event is past
	crEnd   bool // the last event ended with a CR; an LF next belongs to it
	kept    bool // the last event goes out
	err     *codec.Error
}

// Reset starts a new stream of the inspector's format. A trigger is a text that makes an error of an event that contains it and would begin
// the answer.
func (s *Stream) Reset(inspector Inspector, triggers ...string) {
	inspector.Reset()
	*s = Stream{inspector: inspector, triggers: triggers, held: reused(s.held), join: reused(s.join), lead: reused(s.lead), tail: s.tail[:0]}
}

// Watch has a censor look at what is not the model's own, until the next Reset. Nil does not.
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
func (s *Stream) Held() int { return cap(s.held) + cap(s.join) + cap(s.lead) + cap(s.tail) }

// Usage returns the usage that the upstream reported last, and whether it reported any.
func (s *Stream) Usage() (codec.Usage, bool) {
	u := s.inspector.Usage()
	return u, !u.Zero()
}

// Said is about how many characters the answer has had so far.
func (s *Stream) Said() int64 { return s.inspector.Said() }

// Push takes the next bytes of the stream, which it may change, and returns what can go out now as one slice, valid until the next
// Push; it aliases p or a buffer of s. An error, always a *codec.Error, is the upstream's, reported in the stream: out is what
// came before it, and nothing follows.
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
		if s.kept && s.err == nil {
			out = s.emit(out, rest, n)
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

// emit adds the first n bytes of rest to out, or to what is held back. Where nothing was held back, out lies before rest in the same
// buffer, and nothing moves unless a dropped event lies between them.
func (s *Stream) emit(out, rest []byte, n int) []byte {
	if s.started && len(s.lead) == 0 {
		switch {
		case out == nil:
			return rest[:n]
		case cap(out)-len(out) == cap(rest):
			return out[:len(out)+n]
		}
		return append(out, rest[:n]...)
	}
	s.lead = append(s.lead, rest[:n]...)
	if s.started = s.started || len(s.lead) > maxLead; s.started {
		return s.lead
	}
	return nil
}

// next decides on the event that rest starts with, or on the next piece of a big one, and returns its length: kept says whether it
// goes out. 0 means that more bytes are needed.
func (s *Stream) next(rest []byte) int {
	end, scanned := s.boundary.Find(rest[s.scanned:])
	if end < 0 {
		n := s.scanned + scanned
		if !s.big && n <= bigEvent {
			s.scanned = n
			return 0
		}
		s.scanned = 0
		s.piece(rest[:n])
		return n
	}
	n := s.scanned + end
	s.scanned = 0
	switch {
	case s.big || n > bigEvent:
		s.piece(rest[:n])
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
		return s.fail(s.inspector.Failure(e.Foreign))
	case len(data) == 0 && failed:
		return s.fail(codec.NoAnswer("the upstream reported an error without a text"))
	case e.Lines == 0:
		return s.started && s.look(event) // a comment, or a field that we do not know
	case len(data) == 0, string(data) == "[DONE]":
		return false // clients parse the data of every event as JSON
	case data[0] == '{':
		sign := s.inspector.Event(e.Name, data, s.started)
		return s.take(sign, data) && (sign.Plain && len(event) <= len(e.Name)+len(data)+frame || s.look(event))
	case failed || !s.begun():
		return s.fail(s.inspector.Failure(data))
	}
	return false // a keep-alive word
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
		return s.fail(ErrEmpty())
	}
	s.done = s.done || sign.Done
	return true
}

func (s *Stream) fail(e *codec.Error) bool {
	s.err = e
	return false
}

// piece takes the next bytes of a big event, the first 64 KiB at least when it begins.
func (s *Stream) piece(p []byte) {
	if !s.big {
		s.kept = s.judgeHead(p[:bigEvent])
		s.big = true
		s.tail = s.tail[:0]
	}
	if s.kept {
		s.look(p)
	}
	p = p[max(0, len(p)-bigTail):]
	if len(s.tail)+len(p) > 2*bigTail { // not for each piece: they may be of a byte
		s.tail = s.tail[:copy(s.tail, s.tail[len(s.tail)-bigTail:])]
	}
	s.tail = append(s.tail, p...)
}

// bigEnding is the end of a big event, as much as is kept of it.
func (s *Stream) bigEnding() []byte { return s.tail[max(0, len(s.tail)-bigTail):] }

// judgeHead decides on a big event by its first bytes, before any of it goes out.
func (s *Stream) judgeHead(head []byte) bool {
	e := sse.Parse(s.trimmed(head), &s.join)
	data := bytes.TrimLeft(e.Data, " \t")
	switch {
	case len(data) > 0 && data[0] == '{':
		return s.take(s.inspector.Head(e.Name, data, s.started), data)
	case s.started && e.Foreign == nil:
		return true // a comment, or a field that we do not know
	}
	return s.fail(s.inspector.Failure(head))
}

func (s *Stream) endBig() {
	s.big = false
	if s.kept && s.err == nil {
		s.take(s.inspector.Tail(s.bigEnding()), nil)
	}
}

// End takes the upstream's clean end of the stream. out is what remains to be sent: an event that lacked its empty line, and what the
// format ends with if the upstream left it out but the answer is complete. An answer that is not was cut off, however clean its
// connection ended, and that is an error (a cut tool call must not look complete), as is a stream without an answer.
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

// rest decides on the event that the stream ended in. One that is complete but for its empty line gets that; half a one is nothing.
func (s *Stream) rest(event []byte) {
	if s.big {
		if len(event) > 0 {
			s.piece(event)
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
	if e.Lines == 0 && e.Foreign == nil {
		return
	}
	if s.begun() && e.Foreign == nil {
		if _, err := rawjson.One(e.Data); err != nil {
			return
		}
	}
	if s.judge(event) {
		s.close(event, event)
	}
}

// close sends an event with the line ends that it lacks. Seen is as much of its end as is known.
func (s *Stream) close(event, seen []byte) {
	s.lead = append(s.lead, event...)
	if !bytes.HasSuffix(seen, []byte{'\n'}) && !bytes.HasSuffix(seen, []byte{'\r'}) {
		s.lead = append(s.lead, '\n')
	}
	s.lead = append(s.lead, '\n')
}

// ErrEmpty is the error of an answer that says nothing.
func ErrEmpty() *codec.Error { return codec.NoAnswer("the upstream returned an empty response") }
