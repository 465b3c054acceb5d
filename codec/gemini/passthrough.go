package gemini

import (
	"bytes"
	"slices"

	"uniapi/codec"
	"uniapi/codec/native"
	"uniapi/codec/rawjson"
)

// Inspector reads a stream of generateContent for a native.Stream. Google has no event that is the last: the answer is complete with its
// finishReason, and what it counts may come behind that.
type Inspector struct {
	answer answer
	said   []codec.Event
}

var _ native.Inspector = (*Inspector)(nil)

// Reset implements native.Inspector.
func (in *Inspector) Reset() {
	a := &in.answer
	*a = answer{text: a.text[:0], choices: a.choices[:0], shape: template{bytes: a.shape.bytes[:0], holes: a.shape.holes[:0]}}
}

// Usage implements native.Inspector.
func (in *Inspector) Usage() codec.Usage { return in.answer.usage }

// Failure implements native.Inspector. What comes behind a finish comes too late to matter.
func (in *Inspector) Failure(block []byte) *codec.Error {
	if in.answer.finished() {
		return nil
	}
	return foreignError(block)
}

// Event implements native.Inspector.
func (in *Inspector) Event(_, data []byte, begun bool) native.Sign {
	a := &in.answer
	if begun && a.shape.match(data) { // nothing but its text and its counts is new
		a.shape.miss = 0
		if u := a.shape.counts.usage(); !u.Zero() {
			a.usage = u
		}
		return native.Sign{}
	}
	a.text = a.text[:0]
	in.said = a.object(in.said[:0], data)
	if a.err == nil && a.blocked != "" && !a.started && !a.finished() {
		a.err = errBlocked(a.blocked, a.message)
	}
	return native.Sign{Begins: a.started, Err: a.err}
}

// Head implements native.Inspector. What is so large is an image, or an error that can be told by its first member.
func (in *Inspector) Head(_, data []byte, _ bool) native.Sign {
	a := &in.answer
	it := rawjson.MembersOf(data)
	for it.Next() {
		if it.Name() == "error" && it.Value.Present() {
			whole := slices.Concat([]byte(`{"error":`), it.Value.Raw(data), []byte{'}'})
			a.err = foreignError(whole)
			return native.Sign{Err: a.err}
		}
	}
	if it.Key.End > 0 && it.Name() == "error" {
		a.err = codec.NoAnswer("the upstream reported an error whose text is too long")
		return native.Sign{Err: a.err}
	}
	a.started, a.seen = true, true
	a.state(0).said = true
	return native.Sign{Begins: true}
}

// Tail implements native.Inspector. Counts and finishes stand behind what makes an event large.
func (in *Inspector) Tail(data []byte) native.Sign {
	a := &in.answer
	c := readCounts(data, native.LastMember(data, `"usageMetadata"`))
	if u := c.usage(); !u.Zero() {
		a.usage = u
	}
	if finish := native.LastMember(data, `"finishReason"`); finish.Present() {
		a.state(0).finish = a.keep(data, finish)
	}
	return native.Sign{}
}

// End implements native.Inspector.
func (in *Inspector) End(bool) (last string, err *codec.Error) {
	in.said = in.answer.end(in.said[:0], false)
	return "", in.answer.err
}

// CheckAnswer looks at a whole plain answer that came with a success status, and returns its usage. The error, always a *codec.Error, says
// that it is none: an error object, a page, a refused prompt, an answer that says nothing, or one that holds one of the operator's error
// triggers.
func CheckAnswer(body []byte, triggers []string) (codec.Usage, error) {
	var a answer
	a.object(nil, bytes.TrimSpace(body))
	if a.err == nil {
		a.end(nil, true)
	}
	if a.err != nil {
		return a.usage, a.err
	}
	if t := native.Triggered(body, triggers); t != "" {
		return a.usage, native.TriggerError(t)
	}
	return a.usage, nil
}

// ArrayStream is a native.Stream for a client that asked for a stream without alt=sse, which Google answers with one JSON array. The
// upstream is asked for events all the same, since only these can be watched for their end; the client's content type is
// application/json.
type ArrayStream struct {
	native.Stream
	array arrayWriter
}

// Reset starts a new stream, whose inspector must be an Inspector.
func (s *ArrayStream) Reset(in *Inspector, triggers ...string) {
	s.Stream.Reset(in, triggers...)
	s.array = arrayWriter{out: s.array.out[:0]}
}

// Push is that of native.Stream, with elements of the array in the place of events.
func (s *ArrayStream) Push(p []byte) ([]byte, error) {
	events, err := s.Stream.Push(p)
	return s.array.write(events), err
}

// End is that of native.Stream, and closes the array.
func (s *ArrayStream) End() ([]byte, error) {
	events, err := s.Stream.End()
	out := s.array.write(events)
	if err == nil {
		s.array.out = append(out, ']')
		out = s.array.out
	}
	return out, err
}

// Fail appends the error as the last element, and closes the array.
func (s *ArrayStream) Fail(dst []byte, e *codec.Error) []byte {
	return append(Format{}.EncodeError(append(dst, s.array.separator()...), e), ']')
}

// arrayWriter turns events into the elements of an array. An event may come in pieces, as large ones do.
type arrayWriter struct {
	out     []byte
	begun   bool // the array's bracket is out
	element bool // the current event has had data
	place   linePlace
	matched int // bytes of "data:" at the start of the line
	cr      bool
}

type linePlace uint8

const (
	inName  linePlace = iota // where the field's name may still be data
	atValue                  // behind the colon, where a space may stand
	inValue
	inOther // a line that is not data
)

const dataField = "data:"

// separator is what must stand before the next element.
func (w *arrayWriter) separator() string {
	if !w.begun {
		w.begun = true
		return "["
	}
	return ",\r\n"
}

// write returns what the events' bytes come to, valid until the next call.
func (w *arrayWriter) write(events []byte) []byte {
	w.out = w.out[:0]
	for len(events) > 0 {
		n := 1
		switch c := events[0]; {
		case c == '\n' && w.cr: // of a CRLF that has ended the line
			w.cr = false
			events = events[1:]
			continue
		case c == '\n' || c == '\r':
			w.endLine()
			w.cr = c == '\r'
			events = events[1:]
			continue
		case w.place == inName && c == dataField[w.matched]:
			if w.matched++; w.matched == len(dataField) {
				w.place = atValue
			}
		case w.place == inName:
			w.place = inOther
		case w.place == atValue && c == ' ':
			w.beginValue()
		default:
			if w.place == atValue {
				w.beginValue()
			}
			if n = bytes.IndexAny(events, "\r\n"); n < 0 {
				n = len(events)
			}
			if w.place == inValue {
				w.out = append(w.out, events[:n]...)
			}
		}
		w.cr = false
		events = events[n:]
	}
	return w.out
}

func (w *arrayWriter) beginValue() {
	w.place = inValue
	if w.element {
		w.out = append(w.out, '\n') // the lines of one event's data are joined
		return
	}
	w.element = true
	w.out = append(w.out, w.separator()...)
}

// endLine ends a line, and the event if the line is empty.
func (w *arrayWriter) endLine() {
	if w.place == inName && w.matched == 0 {
		w.element = false
	}
	w.place, w.matched = inName, 0
}
