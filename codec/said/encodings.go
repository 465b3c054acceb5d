package said

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// IsText says whether a file, as it is, can be read as a text: by what its beginning is. UTF-8, UTF-16, UTF-32 and what
// the West had before are tried.
func IsText(content []byte) bool {
	head := content[:min(len(content), mostLooked)]
	return readable(head) || isWestern(head) && !bytes.HasPrefix(head, []byte("%PDF-")) || isWide(head, wide16LE) || isWide(head, wide16BE) ||
		isWide(head, wide32LE) || isWide(head, wide32BE)
}

// mostReadings is how much longer a file's readings can be than the file, together: as bytes of Windows-1252, and as
// UTF-16 in either order.
const mostReadings = 6

// AppendReadings appends what a file says, in every encoding that it may be in. In one that is told to be a text,
// characters of control hide nothing.
func AppendReadings(dst, content []byte, isText bool) []byte {
	if readable(content) {
		return append(dst, content...)
	}
	head := content[:min(len(content), mostLooked)]
	wide := false
	for _, w := range []width{wide32LE, wide32BE, wide16LE, wide16BE} {
		if w.marked(head) || isWide(head, w) || isText && w.mostly(content) {
			wide = true
			dst = append(w.append(dst, content), '\n')
			if w.size == 4 || w.marked(head) {
				break
			}
		}
	}
	if !wide || isText || isWestern(head) {
		dst = appendWestern(dst, content)
	}
	return dst
}

// readable says whether the beginning of a file is text.
func readable(head []byte) bool {
	for len(head) > 0 {
		r, size := utf8.DecodeRune(head)
		if r == utf8.RuneError && size < 2 {
			return len(head) < utf8.UTFMax && !utf8.FullRune(head) // cut
		}
		if isControl(r) {
			return false
		}
		head = head[size:]
	}
	return true
}

// isControl is true for characters that no text has.
func isControl(r rune) bool {
	return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f'
}

// isWestern says whether a file can be a text that has a byte for each character, UTF-8 here and there or not at all.
func isWestern(head []byte) bool {
	for _, c := range head {
		if isControl(rune(c)) {
			return false
		}
	}
	return true
}

// windows1252 are the characters of the bytes from 0x80 to 0x9f, where Latin-1 has none that are seen. Those that have
// none stay as they are.
var windows1252 = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")

// appendWestern appends a text with what is no UTF-8 in it read as Windows-1252, without the zeros that stand between
// the letters of UTF-16.
func appendWestern(dst, content []byte) []byte {
	for len(content) > 0 {
		r, size := utf8.DecodeRune(content)
		if r == utf8.RuneError && size < 2 {
			if r = rune(content[0]); r >= 0x80 && r < 0xa0 {
				r = windows1252[r-0x80]
			}
		}
		if r != 0 {
			dst = utf8.AppendRune(dst, r)
		}
		content = content[size:]
	}
	return dst
}

// width is an encoding that has two or four bytes for each character, or half of one.
type width struct {
	size int
	big  bool // the byte that counts most comes first
}

var (
	wide16LE = width{2, false}
	wide16BE = width{2, true}
	wide32LE = width{4, false}
	wide32BE = width{4, true}
)

// unit is the number at the beginning of a text.
func (w width) unit(text []byte) rune {
	switch { // by no interface: what is looked at would be on the heap
	case w.size == 2 && w.big:
		return rune(binary.BigEndian.Uint16(text))
	case w.size == 2:
		return rune(binary.LittleEndian.Uint16(text))
	case w.big:
		return rune(min(binary.BigEndian.Uint32(text), unicode.MaxRune+1))
	}
	return rune(min(binary.LittleEndian.Uint32(text), unicode.MaxRune+1))
}

// marked says whether a text begins with the mark of the encoding.
func (w width) marked(text []byte) bool {
	return len(text) >= w.size && w.unit(text) == '\ufeff' && !(w.size == 2 && wide32LE.marked(text))
}

// leastWide is how many units are needed to tell the encoding.
const leastWide = 4

// isWide says whether the beginning of a file can be a text of the encoding: all of it is characters that texts have.
func isWide(head []byte, w width) bool {
	bad, all := w.count(head)
	return bad == 0 && all >= leastWide
}

// mostly says whether most of a text can be in the encoding.
func (w width) mostly(text []byte) bool {
	bad, all := w.count(text[:min(len(text), 8*mostLooked)])
	return all > 0 && bad*8 <= all
}

// count is how many units of a text are no characters, of how many.
func (w width) count(text []byte) (bad, all int) {
	for ; len(text) >= w.size; text = text[w.size:] {
		all++
		r := w.unit(text)
		if w.size == 2 && utf16.IsSurrogate(r) {
			if len(text) < 2*w.size {
				break // cut
			}
			r = utf16.DecodeRune(r, w.unit(text[w.size:]))
			text = text[w.size:]
		}
		if isControl(r) || r == utf8.RuneError || !utf8.ValidRune(r) || r != '\ufeff' && !unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) {
			bad++
		}
	}
	return bad, all
}

// append appends a text of the encoding.
func (w width) append(dst, text []byte) []byte {
	for ; len(text) >= w.size; text = text[w.size:] {
		r := w.unit(text)
		if w.size == 2 && utf16.IsSurrogate(r) && len(text) >= 2*w.size {
			if whole := utf16.DecodeRune(r, w.unit(text[w.size:])); whole != utf8.RuneError {
				r, text = whole, text[w.size:]
			}
		}
		if r != 0 && r != '\ufeff' {
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
