package schema

import (
	"bytes"

	"uniapi/codec/rawjson"
)

// Unwrapper takes the answer out of the object that Wrap has asked for, however its text is split. What is no such
// object passes as it is. The zero value is ready.
type Unwrapper struct {
	state state
	held  []byte // what may be the beginning of the object
	space []byte // behind a piece of the answer, which may be its end

	depth  int
	quoted bool // inside a string
	escape bool // behind a backslash
}

type state uint8

const (
	before state = iota // the answer's value has not begun
	inside
	behind
	foreign // it is no such object
)

// Push appends to dst what of a piece of the text is the answer.
func (u *Unwrapper) Push(dst, p []byte) []byte {
	if u.state == before {
		u.held = append(u.held, p...)
		n, certain := begin(u.held)
		switch {
		case !certain && len(u.held) < mostLead:
			return dst
		case n < 0 || !certain:
			u.state, p = foreign, u.held
		default:
			u.state, p = inside, u.held[n:]
		}
	}
	switch u.state {
	case foreign:
		return append(dst, p...)
	case inside:
		return u.value(dst, p)
	}
	return dst
}

// End appends what is left when nothing follows.
func (u *Unwrapper) End(dst []byte) []byte {
	if u.state == before {
		dst = append(dst, u.held...)
	}
	u.state, u.held = behind, nil
	return dst
}

// mostLead is how much white space may be before an answer, or behind it.
const mostLead = 4 << 10

// begin finds where the value of the answer begins in a text, -1 if it is no object with that as its first member. It
// is certain when enough of the text is there.
func begin(text []byte) (n int, certain bool) {
	rest := text
	for _, token := range []string{"{", `"` + AnswerMember + `"`, ":", ""} {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if len(rest) < max(len(token), 1) {
			return -1, len(rest) > 0 && !bytes.HasPrefix([]byte(token), rest)
		}
		if !bytes.HasPrefix(rest, []byte(token)) {
			return -1, true
		}
		rest = rest[len(token):]
	}
	return len(text) - len(rest), true
}

// value appends what of a piece belongs to the value, up to its end.
func (u *Unwrapper) value(dst, p []byte) []byte {
	from := 0
	for i, c := range p {
		switch {
		case u.escape:
			u.escape = false
		case u.quoted && c == '\\':
			u.escape = true
		case c == '"':
			u.quoted = !u.quoted
		case u.quoted:
		case c == '{', c == '[':
			u.depth++
		case u.depth > 0 && (c == '}' || c == ']'):
			u.depth--
		case u.depth == 0 && (c == '}' || c == ','):
			u.state = behind
			return u.piece(dst, p[from:i])
		}
	}
	return u.piece(dst, p[from:])
}

// piece appends a piece of the value, and holds back the space at its end until more comes.
func (u *Unwrapper) piece(dst, p []byte) []byte {
	said := bytes.TrimRight(p, " \t\r\n")
	if u.quoted || u.depth > 0 {
		said = p
	}
	if len(said) > 0 {
		dst = append(append(dst, u.space...), said...)
		u.space = u.space[:0]
	}
	if u.space = append(u.space, p[len(said):]...); len(u.space) > mostLead { // which is no part of any value
		u.space = u.space[:0]
	}
	return dst
}

// Bare is an answer that is a text without its quotes.
func Bare(answer []byte) []byte {
	v, err := rawjson.One(answer)
	if err != nil || v.Kind != rawjson.String {
		return answer
	}
	if text, is := rawjson.AppendText(nil, answer, v); is {
		return text
	}
	return answer
}
