package telemetry

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// mostLayers is how often escapes are undone: a page in HTML that quotes a query in JSON has three.
const mostLayers = 5

// escapeSigns are what escapes begin with: those of JSON and of program texts, of URLs, and of HTML.
const escapeSigns = `\%&`

// unescaped is a text with its escapes undone, and where it stands in the text that it comes from.
type unescaped struct {
	text string
	from []int32 // for each byte, and for the end; nil if nobody asks
}

// place is a piece of it in the text that it comes from.
func (u *unescaped) place(start, end int) (int, int) {
	if u.from == nil {
		return start, end
	}
	return int(u.from[start]), int(u.from[end])
}

// hasEscapes is false for most texts, and costs next to nothing.
func hasEscapes(text string) bool { return signsIn(text) != "" }

// signsIn are those of the signs that a text has.
func signsIn(text string) string {
	some := 0
	for i := range len(escapeSigns) {
		if strings.IndexByte(text, escapeSigns[i]) >= 0 {
			some |= 1 << i
		}
	}
	return [...]string{"", `\`, "%", `\%`, "&", `\&`, "%&", `\%&`}[some]
}

// layers visits a text, what it says when the escapes of one kind are undone, and what it says when those of all kinds
// are, again and again, until a visit returns false. A secret that has what looks like an escape itself is seen in one
// kind.
func layers(text string, placed bool, visit func(u *unescaped) bool) {
	u := unescaped{text: text}
	if !visit(&u) {
		return
	}
	for i, signs := 0, signsIn(text); len(signs) > 1 && i < len(signs); i++ {
		if one, any := u.undo(signs[i:i+1], placed); any && !visit(&one) {
			return
		}
	}
	for range mostLayers {
		inner, any := u.undo(escapeSigns, placed)
		if !any || !visit(&inner) {
			return
		}
		u = inner
	}
}

// undo undoes one layer of the escapes that begin with one of the signs. False if there is none.
func (u *unescaped) undo(signs string, placed bool) (inner unescaped, any bool) {
	var out []byte
	done := 0
	copied := func(to int) {
		out = append(out, u.text[done:to]...)
		for i := done; placed && i < to; i++ {
			inner.from = append(inner.from, u.at(i))
		}
	}
	for i := 0; i < len(u.text); i++ {
		if c := u.text[i]; c != '\\' && c != '%' && c != '&' || strings.IndexByte(signs, c) < 0 {
			continue
		}
		var room [2 * utf8.UTFMax]byte
		meant, size := unescape(room[:0], u.text[i:])
		if size == 0 {
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(u.text))
			if placed {
				inner.from = make([]int32, 0, len(u.text)+1)
			}
		}
		copied(i)
		out = append(out, meant...)
		for range meant {
			if placed {
				inner.from = append(inner.from, u.at(i))
			}
		}
		done = i + size
		i = done - 1
	}
	if out == nil {
		return *u, false
	}
	copied(len(u.text))
	if placed {
		inner.from = append(inner.from, u.at(len(u.text)))
	}
	inner.text = string(out)
	return inner, true
}

func (u *unescaped) at(i int) int32 {
	if u.from == nil {
		return int32(i)
	}
	return u.from[i]
}

// unescape appends what the escape at the beginning of a text means, and says how long it is; 0 if none is there.
func unescape(dst []byte, text string) (meant []byte, size int) {
	switch text[0] {
	case '\\':
		return unescapeBackslash(dst, text)
	case '%':
		if r, n := hexadecimal(text[1:], 2, 2); n > 0 {
			return append(dst, byte(r)), 1 + n
		}
		if len(text) > 1 && text[1] == 'u' {
			if r, n := hexadecimal(text[2:], 4, 4); n > 0 {
				return utf8.AppendRune(dst, r), 2 + n
			}
		}
	case '&':
		return unescapeEntity(dst, text)
	}
	return dst, 0
}

func unescapeBackslash(dst []byte, text string) (meant []byte, size int) {
	if len(text) < 2 {
		return dst, 0
	}
	switch c := text[1]; {
	case c == 'u':
		if strings.HasPrefix(text, `\u{`) {
			digits := strings.TrimLeft(text[3:], "0")
			r, n := hexadecimal(digits, 0, 8)
			if n += len(text) - len(digits); n > 3 && n < len(text) && text[n] == '}' {
				return utf8.AppendRune(dst, r), n + 1
			}
		}
		r, n := hexadecimal(text[2:], 4, 4)
		if n == 0 {
			return dst, 0
		}
		if utf16.IsSurrogate(r) && strings.HasPrefix(text[2+n:], `\u`) {
			low, m := hexadecimal(text[4+n:], 4, 4)
			if whole := utf16.DecodeRune(r, low); m > 0 && whole != unicode.ReplacementChar {
				return utf8.AppendRune(dst, whole), 4 + n + m
			}
		}
		return utf8.AppendRune(dst, r), 2 + n
	case c == 'U':
		if r, n := hexadecimal(text[2:], 8, 8); n > 0 {
			return utf8.AppendRune(dst, r), 2 + n
		}
	case c == 'x':
		if r, n := hexadecimal(text[2:], 2, 2); n > 0 {
			return append(dst, byte(r)), 2 + n
		}
	case c >= '0' && c <= '3' && len(text) > 3 && isOctal(text[2]) && isOctal(text[3]):
		return append(dst, (c-'0')<<6|(text[2]-'0')<<3|(text[3]-'0')), 4
	case isOctal(c) && len(text) > 2 && isOctal(text[2]):
		return append(dst, (c-'0')<<3|(text[2]-'0')), 3
	case strings.IndexByte("abfnrtv", c) >= 0:
		return append(dst, "\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)]), 2
	case c > ' ' && c < utf8.RuneSelf && !isAlphanumeric(c): // some escape more than they must
		return append(dst, c), 2
	}
	return dst, 0
}

// longestEntity is that of HTML's names, and of numbers but for zeros before them, of which there may be any number.
const longestEntity = 34

func unescapeEntity(dst []byte, text string) (meant []byte, size int) {
	if len(text) > 2 && text[1] == '#' {
		digits, base := text[2:], rune(10)
		if c := digits[0]; c == 'x' || c == 'X' {
			digits, base = digits[1:], 16
		}
		zeros := len(digits)
		digits = strings.TrimLeft(digits, "0")
		zeros -= len(digits)
		all := len(text) - len(digits)
		digits = digits[:min(len(digits), longestEntity)]
		r, n := rune(0), 0
		for ; n < len(digits); n++ {
			d := digit(digits[n])
			if d < 0 || rune(d) >= base || r > unicode.MaxRune {
				break
			}
			r = r*base + rune(d)
		}
		if n+zeros == 0 {
			return dst, 0
		}
		size = all + n
		if size < len(text) && text[size] == ';' { // which readers do without
			size++
		}
		return utf8.AppendRune(dst, r), size
	}
	for end := 1; end < len(text) && end < longestEntity; end++ {
		switch c := text[end]; {
		case c == ';':
			entity := text[:end+1]
			if plain := html.UnescapeString(entity); plain != entity && (plain == ";" || !strings.HasSuffix(plain, ";")) { // else it is a name without its end
				return append(dst, plain...), len(entity)
			}
			return dst, 0
		case !isAlphanumeric(c):
			return dst, 0
		}
	}
	return dst, 0
}

// hexadecimal reads so many digits. The length is 0 if there are fewer.
func hexadecimal(text string, least, most int) (r rune, n int) {
	for n < len(text) && n < most {
		d := digit(text[n])
		if d < 0 {
			break
		}
		r = r<<4 | rune(d)
		n++
	}
	if n < least {
		return 0, 0
	}
	return r, n
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// plainest is a text with all its escapes undone.
func plainest(text string) string {
	u := unescaped{text: text}
	for range mostLayers {
		inner, any := u.undo(escapeSigns, false)
		if !any {
			break
		}
		u = inner
	}
	return u.text
}
