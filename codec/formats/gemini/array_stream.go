package gemini

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/passthrough"
	"uniapi/codec/sse"
)

// ArrayStream is a passthrough.Stream for a client that asked for a stream without alt=sse, which Google answers with
// one JSON array. The upstream is asked for events all the same, since only these can be watched for their end; the
// client's content type is application/json.
type ArrayStream struct {
	passthrough.Stream
	array arrayWriter
}

// Reset starts a new stream, whose inspector must be an Inspector.
func (s *ArrayStream) Reset(in *Inspector, triggers ...string) {
	s.Stream.Reset(in, triggers...)
	s.array = arrayWriter{out: s.array.out[:0]}
}

// Held is that of passthrough.Stream, with the elements.
func (s *ArrayStream) Held() int { return s.Stream.Held() + cap(s.array.out) }

// Push is that of passthrough.Stream, with elements of the array in the place of events.
func (s *ArrayStream) Push(p []byte) ([]byte, error) {
	events, err := s.Stream.Push(p)
	return s.array.write(events), err
}

// End is that of passthrough.Stream, and closes the array.
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
	if !w.begun {
		events = sse.TrimBOM(events) // an event comes whole, or by its first 64 KiB
	}
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
			n = lineLength(events)
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

// lineLength is how many of the first bytes belong to one line. Not more than some are looked at, lest a stream with
// one kind of line end is searched through for the other at each line.
func lineLength(b []byte) int {
	b = b[:min(len(b), 2048)]
	if n := bytes.IndexByte(b, '\n'); n >= 0 {
		b = b[:n]
	}
	if n := bytes.IndexByte(b, '\r'); n >= 0 {
		b = b[:n]
	}
	return len(b)
}
