package passthrough

import (
	"bytes"

	"uniapi/codec/sse"
)

// An event larger than bigEvent is judged by its first 64 KiB, before any of it goes out, and its end is looked at for
// what stands there. So memory stays bounded whatever an upstream sends, and the client need not wait for the whole of
// it.

const (
	// bigEvent is the size from which on an event is forwarded piece by piece. Inline images are that large, and what
	// echoes a request.
	bigEvent = 64 << 10
	// bigTail is how much of the end of such an event is kept for the inspector. OpenAI's responses have the client's
	// metadata behind the usage, 16 pairs of up to 64 and 512 characters, of which an escape has six bytes
	// (https://platform.openai.com/docs/api-reference/responses/object).
	bigTail = 64 << 10
	// mostTail is how large its buffer may be to be kept for the next stream.
	mostTail = 8 << 10
)

// piece takes the next bytes of a big event, the first 64 KiB at least when it begins, of which so many go out now. All
// are looked at, so that what begins in them is found though its end comes later.
func (s *Stream) piece(p []byte, out int) {
	if !s.big {
		s.kept = s.judgeHead(p[:bigEvent])
		s.big = true
		s.tail = s.tail[:0]
	}
	if s.kept {
		s.look(p)
	}
	p = p[max(0, out-bigTail):out]
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
	case string(e.Name) == "error":
		return s.fail(s.inspector.Failure(e.Name, data))
	case s.started && e.Foreign == nil:
		return true // a comment, or a field that we do not know
	}
	return s.fail(s.inspector.Failure(nil, head))
}

func (s *Stream) endBig() {
	s.big = false
	if s.kept && s.err == nil {
		s.take(s.inspector.Tail(s.bigEnding()), nil)
	}
}
