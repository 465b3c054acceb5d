package openai

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/rawjson"
)

// An event larger than bigEvent is judged by its first 64 KiB, before any of it goes out, and its end is searched for usage and the
// finish reason. So memory stays bounded whatever an upstream sends, and the client need not wait for the whole of it.

// piece takes the next bytes of a big event, the first 64 KiB at least when it begins.
func (s *Passthrough) piece(p []byte) {
	if !s.big {
		s.kept = s.bigStart(p[:bigEvent])
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
func (s *Passthrough) bigEnding() []byte { return s.tail[max(0, len(s.tail)-bigTail):] }

// bigStart judges the first bytes of a big event. False, with the error set, if it must not go out.
func (s *Passthrough) bigStart(head []byte) bool {
	e := s.parse(head)
	data := bytes.TrimLeft(e.Data, " \t")
	if string(e.Name) == "error" {
		return s.fail(eventError(nil))
	}
	if len(data) == 0 || data[0] != '{' {
		if s.started && e.Foreign == nil {
			return true // a comment, or a field we do not know
		}
		return s.fail(notAnAnswer(head))
	}
	var f findings
	_ = f.inspect(data) // it is cut off, so it always ends in an error
	if f.failure != nil {
		return s.fail(f.failure)
	}
	f.content, f.choices = true, true // whatever is so large
	f.said = estimate.MediaTokens * estimate.CharactersPerToken
	return s.take(&f, data)
}

// bigEnd reads the end of a big event. Inside a JSON string a quote has a backslash before it, so a bare `"usage":` is a member;
// of which object is not known, but no other has a usage with token counts.
func (s *Passthrough) bigEnd() {
	s.big = false
	tail := s.bigEnding()
	if at := lastMember(tail, `"usage"`); at >= 0 {
		if v, err := rawjson.Skip(tail, at); err == nil {
			u, _ := codec.ReadUsage(tail, v)
			s.usage.Update(u)
		}
	}
	if at := lastMember(tail, `"finish_reason"`); at >= 0 {
		v, err := rawjson.Skip(tail, at)
		s.finished = s.finished || err == nil && v.Kind == rawjson.String && v.End-v.Start > len(`""`)
	}
}

// endBig closes a big event that the stream ended in: complete but for its empty line, or cut.
func (s *Passthrough) endBig(rest []byte) (out []byte) {
	if len(rest) > 0 {
		s.piece(rest)
	}
	if !bytes.HasSuffix(bytes.TrimSpace(s.bigEnding()), []byte{'}'}) {
		s.err = codec.CutShort()
		return nil
	}
	out = append(out, rest...)
	out = append(out, missingLineEnds(s.tail)...)
	s.bigEnd()
	return out
}

// lastMember returns the offset of the value of the last member with that quoted name, -1 if there is none.
func lastMember(b []byte, quoted string) int {
	at := bytes.LastIndex(b, []byte(quoted))
	if at <= 0 || b[at-1] == '\\' {
		return -1
	}
	at += len(quoted)
	for at < len(b) && (b[at] == ' ' || b[at] == '\t') {
		at++
	}
	if at >= len(b) || b[at] != ':' {
		return -1
	}
	return at + 1
}
