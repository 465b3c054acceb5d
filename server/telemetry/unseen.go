package telemetry

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// visible is lines of JSON in which what a terminal would obey, or what changes the
// direction of text, is escaped: DEL, the controls U+0080 to U+009F, of which
// U+009B begins an escape sequence, and the marks of bidirectional text. They only
// stand in strings, where a reader of JSON takes both forms for the same. It is
// done where lines are written, a batch at a time, and not for each line.
func visible(lines []byte) []byte {
	first := mayBeUnseen(lines)
	if first < 0 {
		return lines
	}
	out := append(make([]byte, 0, len(lines)+64), lines[:first]...)
	for rest := lines[first:]; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if unseen(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, rest[:size]...)
		}
		rest = rest[size:]
		if next := mayBeUnseen(rest); next < 0 {
			out, rest = append(out, rest...), nil
		} else {
			out, rest = append(out, rest[:next]...), rest[next:]
		}
	}
	return out
}

func unseen(r rune) bool {
	return r == 0x7f || r >= 0x80 && r < 0xa0 || unicode.Is(unicode.Bidi_Control, r)
}

// mayBeUnseen is where the first character may begin that is unseen, by the first
// byte of its UTF-8; -1 if there is none.
func mayBeUnseen(lines []byte) int {
	first := -1
	for _, b := range [...]byte{0x7f, 0xc2, 0xd8, 0xe2} { // DEL, U+0080 …, U+061C, U+200E …
		if at := bytes.IndexByte(lines, b); at >= 0 {
			first, lines = at, lines[:at]
		}
	}
	return first
}
