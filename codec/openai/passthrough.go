package openai

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
	"uniapi/codec/trigger"
)

const (
	// bigEvent is the size from which on an event is forwarded piece by piece. Only inline images and audio are that large.
	bigEvent = 64 << 10
	// bigTail is how much of the end of such an event is kept to look for usage and finish_reason, which stand there.
	bigTail = 4 << 10
)

// Passthrough watches a chat stream on its way from an upstream to the client. Bytes go out as they came in, whole events at a time,
// except those that the client must not see. The zero value is not ready: Reset first, also for the next stream.
//
// Before Started, comments are dropped and an event that is an error, or no event of a chat stream at all, makes Push return it
// with nothing to send: another channel can still be asked.
type Passthrough struct {
	codec.Drops
	hideUsage bool
	triggers  []string
	censor    sse.Censor

	shape    template
	mend     mender
	boundary sse.Boundary
	held     []byte // an event that is not complete yet, behind emitted bytes of the last Push
	from     int    // where it starts in held
	scanned  int    // how much of it boundary has seen
	join     []byte // for events with several data lines
	tail     []byte // the last bytes of a big event

	started  bool
	done     bool // [DONE] has been seen
	finished bool // a finish_reason has been seen
	big      bool // in the middle of an event that is forwarded piece by piece
	opened   bool // the first event is past
	crEnd    bool // the last event ended with a CR; an LF next belongs to it
	kept     bool // the last event was forwarded
	counted  bool // the usage came with a finish_reason or behind it
	usage    codec.Usage
	said     int64 // bytes of what the answer says, in events that are not of the template's shape
	err      *codec.Error
}

// Reset starts a new stream. With hideUsage an event that has usage and no choices is not forwarded: a client that did not ask for
// it may index choices[0]. A trigger is a text that makes an error of a first event that contains it.
func (s *Passthrough) Reset(hideUsage bool, triggers ...string) {
	held, join, tail, shape := s.held[:0], s.join[:0], s.tail[:0], s.shape.bytes[:0]
	if cap(held) > 2*bigEvent {
		held = nil
	}
	if cap(s.mend.out) > 2*bigEvent {
		s.mend.out = nil
	}
	mend := mender{event: s.mend.event[:0], out: s.mend.out[:0]}
	*s = Passthrough{hideUsage: hideUsage, triggers: triggers, held: held, join: join, tail: tail, mend: mend}
	s.shape.bytes = shape
}

// Watch has a censor look at every event that is not of the shape of one before it, and at what else is not the answer's in those that are, until the next Reset. Nil does not.
func (s *Passthrough) Watch(c sse.Censor) { s.censor = c }

// look has the censor look at an event that goes out.
func (s *Passthrough) look(event []byte) {
	if s.censor != nil {
		s.censor.Censor(event)
	}
}

// Started says whether a first real event has been seen, so that the answer can begin.
func (s *Passthrough) Started() bool { return s.started }

// Done says whether the upstream has said [DONE]: nothing can follow, even if it keeps the connection open.
func (s *Passthrough) Done() bool { return s.done }

// Held is how many bytes are held of what has come.
func (s *Passthrough) Held() int {
	return cap(s.held) + cap(s.join) + cap(s.tail) + cap(s.mend.event) + cap(s.mend.out)
}

// Usage returns the usage that the upstream reported last, and whether it reported any.
func (s *Passthrough) Usage() (codec.Usage, bool) { return s.usage, !s.usage.Zero() }

// Counted says whether the usage was reported at the end of the answer, and so is of the whole of it.
func (s *Passthrough) Counted() bool { return s.counted }

// Said is about how many characters the answer has had so far.
func (s *Passthrough) Said() int64 { return s.said + s.shape.said }

// Push takes the next bytes of the stream, which it may change, and returns what can go out now as one slice, valid until the next
// Push; it aliases p or a buffer of s. An error, always a *codec.Error, is the upstream's, reported in the stream: out is what
// came before it, and nothing follows.
func (s *Passthrough) Push(p []byte) (out []byte, err error) {
	if s.done || s.err != nil {
		return nil, s.failure()
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
	s.mend.apart = false
	at := 0 // start of the current event in buf
	for at < len(buf) && !s.done && s.err == nil {
		rest := buf[at:]
		n := s.next(rest)
		if n == 0 {
			break
		}
		switch {
		case !s.kept || s.err != nil:
		case s.mend.apart || len(s.mend.event) > 0:
			out = s.mend.emit(out, rest[:n])
		default:
			out = extend(out, rest, n)
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

// next decides on the event that rest starts with, or on the next piece of a big one, and returns its length: kept says whether it
// goes out. 0 means that more bytes are needed.
func (s *Passthrough) next(rest []byte) int {
	if !s.big && s.scanned == 0 { // not again for each piece of an event
		if n := s.shape.match(rest, s.censor); n > 0 {
			s.boundary = sse.Boundary{}
			s.kept, s.crEnd = true, false
			return n
		}
	}
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
		s.bigEnd()
	case s.crEnd && n == 1 && rest[0] == '\n':
	default:
		s.kept = s.judge(rest[:n])
	}
	s.crEnd = rest[n-1] == '\r'
	return n
}

func (s *Passthrough) failure() error {
	if s.err == nil {
		return nil
	}
	return s.err
}

// extend adds the first n bytes of rest to out, which holds bytes from before rest in the same buffer. Nothing moves unless a
// hidden event lies between them.
func extend(out, rest []byte, n int) []byte {
	switch {
	case out == nil:
		return rest[:n]
	case cap(out)-len(out) == cap(rest):
		return out[:len(out)+n]
	}
	return append(out, rest[:n]...)
}

func (s *Passthrough) parse(event []byte) sse.Event {
	if !s.opened {
		s.opened = true
		event = sse.TrimBOM(event)
	}
	return sse.Parse(event, &s.join)
}

// judge decides on a whole event: whether it goes out, or ends the stream.
func (s *Passthrough) judge(event []byte) bool {
	e := s.parse(event)
	data := bytes.TrimSpace(e.Data)
	failed := string(e.Name) == "error"
	switch {
	case e.Foreign != nil && len(data) == 0:
		return s.fail(foreignError(e.Foreign))
	case failed:
		return s.fail(eventError(data))
	case e.Lines == 0:
		s.look(event)
		return s.started
	case len(data) == 0:
		return false // clients parse the data of every event as JSON
	case string(data) == "[DONE]":
		if !s.started {
			return s.fail(errEmpty())
		}
		s.look(event) // there may be comments in it
		s.done = true
		return true
	}
	var f findings
	err := f.inspect(data)
	switch {
	case f.failure != nil:
		return s.fail(f.failure)
	case err != nil && !s.started:
		return s.fail(notAnAnswer(data))
	case err != nil && data[0] == '{':
		s.Drop()
		return false
	case err != nil:
		return false // a keep-alive word
	}
	if !s.take(&f, data) {
		return false
	}
	if s.hideUsage && f.hasUsage && !f.choices {
		return false
	}
	s.look(event)
	if s.mend.take(&f, e.Name, data) {
		return true
	}
	if f.single && !f.hasUsage && !f.finished && len(e.Name) == 0 && e.Lines == 1 {
		s.shape.learn(event, offsetIn(event, data), &f)
	}
	return true
}

// offsetIn is where part, a subslice of whole, starts in it.
func offsetIn(whole, part []byte) int { return cap(whole) - cap(part) }

// take notes what an event tells. False if it is not to go out.
func (s *Passthrough) take(f *findings, data []byte) bool {
	s.usage.Update(f.usage)
	s.said += f.said
	s.finished = s.finished || f.finished
	if f.hasUsage {
		s.counted = s.finished
	}
	if s.started {
		return true
	}
	if f.hasUsage && !f.choices {
		return false // no answer yet
	}
	if e := f.disguised(data); e != nil {
		return s.fail(e)
	}
	if e := trigger.InJSON(data, s.triggers); e != nil {
		return s.fail(e)
	}
	if e := finishFailure(f.finish); e != nil {
		return s.fail(e)
	}
	if f.finish == "stop" && !f.content {
		return s.fail(errEmpty())
	}
	s.started = true
	return true
}

func (s *Passthrough) fail(e *codec.Error) bool {
	s.err = e
	return false
}

// End takes the upstream's clean end of the stream. out is what remains to be sent: an event that lacked its empty line, and [DONE]
// if the upstream left it out but gave a finish reason. An upstream that gave neither was cut off, however clean its connection
// ended, and that is an error (a cut tool call must not look complete), as is a stream with no event in it.
func (s *Passthrough) End() (out []byte, err error) {
	if s.done || s.err != nil {
		return nil, s.failure()
	}
	rest := s.held[s.from:]
	switch {
	case s.big:
		out = s.endBig(rest)
	case len(rest) > 0:
		whole := s.Dropped()
		if s.judge(rest) {
			if len(s.mend.event) > 0 {
				out = append(out, s.mend.event...)
			} else {
				out = append(out, rest...)
				out = append(out, missingLineEnds(rest)...)
			}
		} else if s.Cut(whole); s.started && s.err != nil && s.err.Raw == nil {
			// Half an event. Behind a finish reason only the usage is lost.
			if s.err = codec.CutShort(); s.finished {
				s.err = nil
			}
		}
	}
	s.held, s.from = s.held[:0], 0
	switch {
	case s.err != nil || s.done:
	case !s.started:
		s.err = errEmpty()
	case s.finished:
		s.done = true
		out = append(out, "data: [DONE]\n\n"...)
	default:
		s.err = codec.CutShort()
	}
	return out, s.failure()
}

// missingLineEnds is what must follow an event for it to be complete.
func missingLineEnds(event []byte) string {
	if bytes.HasSuffix(event, []byte{'\n'}) || bytes.HasSuffix(event, []byte{'\r'}) {
		return "\n"
	}
	return "\n\n"
}

// foreignError is the error for a block that is not made of fields: a JSON error or a page in the place of the stream or in it.
func foreignError(block []byte) *codec.Error {
	var f findings
	err := f.inspect(block)
	switch {
	case f.failure != nil:
		return f.failure
	case err == nil:
		return codec.NoAnswer("the upstream sent a JSON object where an event stream was due")
	}
	return notAnAnswer(block)
}

// eventError reads the data of an "event: error".
func eventError(data []byte) *codec.Error {
	v, err := rawjson.One(data)
	if err != nil {
		if len(data) == 0 {
			return codec.NoAnswer("the upstream reported an error without a text")
		}
		return codec.NoAnswer(clip(string(data)))
	}
	return answerError(data, v)
}
