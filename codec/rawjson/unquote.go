package rawjson

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// TextIn is the decoded text of a string value: in place where it needs no decoding, else behind what is in room, which
// it is added to. It is valid as long as data are and room is not used anew. nil if v is no string or an empty one. It
// is lenient as AppendText is.
func TextIn(room *[]byte, data []byte, v Value) []byte {
	if v.Kind != String || v.End-v.Start == len(`""`) {
		return nil
	}
	if inner := data[v.Start+1 : v.End-1]; bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	at := len(*room)
	*room, _ = AppendText(*room, data, v)
	return (*room)[at:len(*room):len(*room)]
}

// AppendText appends the decoded text of a string value. False if v is not a string, or holds a bad escape or a raw
// control character, which then stand in the text as they came: a stream must not lose a word for them. Half of a
// surrogate pair becomes U+FFFD, as in every lenient decoder.
func AppendText(dst, data []byte, v Value) (text []byte, ok bool) {
	if v.Kind != String {
		return dst, false
	}
	ok = true
	b := data[v.Start+1 : v.End-1]
	for len(b) > 0 {
		n := bytes.IndexByte(b, '\\')
		if n < 0 {
			n = len(b)
		}
		for _, c := range b[:n] {
			if c < ' ' {
				ok = false
				break
			}
		}
		dst = append(dst, b[:n]...)
		if b = b[n:]; len(b) == 0 {
			break
		}
		c := byte(0)
		if len(b) > 1 {
			c = b[1]
		}
		switch c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, good := escaped(b)
			if !good {
				dst, b, ok = append(dst, '\\'), b[1:], false
				continue
			}
			b = b[len(`\u0000`):]
			if utf16.IsSurrogate(r) {
				low, _ := escaped(b)
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					b = b[len(`\u0000`):]
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		default:
			dst, b, ok = append(dst, '\\'), b[1:], false
			continue
		}
		dst = append(dst, c)
		b = b[2:]
	}
	return dst, ok
}

// escaped reads the \u and four hexadecimal digits that b starts with. False if b does not start with them.
func escaped(b []byte) (rune, bool) {
	if len(b) < len(`\u0000`) || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
