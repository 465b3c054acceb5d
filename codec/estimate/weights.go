package estimate

import (
	"encoding/binary"
	"math/bits"
)

// A character weighs as many as it stands for in a language with an alphabet: of Chinese, Japanese and Korean, which
// begin at U+3000, a token takes hardly more than one, and of emoji less.
const (
	weightOfCJK   = 3
	weightOfEmoji = 4
)

// special is in the place of the weight of what ends a text in JSON, or begins an escape.
const special = 0xff

// weights are those of characters by the byte that they begin with. The bytes that follow have none.
var weights = func() (w [256]uint8) {
	for c := range w {
		switch {
		case c == '"' || c == '\\':
			w[c] = special
		case c >= 0xf0:
			w[c] = weightOfEmoji
		case c >= 0xe3: // U+3000
			w[c] = weightOfCJK
		case c < 0x80 || c >= 0xc0:
			w[c] = 1
		}
	}
	return w
}()

// escaped is the weight of a character that JSON has as the digits of its code, of which these are the first two. A
// code of two such has half in each.
func escaped(first, second byte) int64 {
	switch first |= 0x20; {
	case first == 'd' && second >= '8':
		return weightOfEmoji / 2
	case first >= '3' && first <= '9', first >= 'a' && first <= 'f':
		return weightOfCJK
	}
	return 1
}

// plain is the weight of characters without quotes and escapes. Of plain ASCII 32 bytes are taken at once, of others
// eight if these are.
func plain(p []byte) (n int64) {
	for len(p) >= 32 {
		w := binary.LittleEndian.Uint64(p) | binary.LittleEndian.Uint64(p[8:]) | binary.LittleEndian.Uint64(p[16:]) | binary.LittleEndian.Uint64(p[24:])
		if w&highBits == 0 {
			n += 32
			p = p[32:]
			continue
		}
		for end := len(p) - 32; len(p) > end; p = p[8:] {
			if binary.LittleEndian.Uint64(p)&highBits == 0 {
				n += 8
				continue
			}
			for _, c := range p[:8] {
				n += int64(weights[c])
			}
		}
	}
	for _, c := range p {
		n += int64(weights[c])
	}
	return n
}

// Words is the tokens of a text.
func Words(text string) int64 {
	n := int64(0)
	for i := range len(text) {
		if w := weights[text[i]]; w != special {
			n += int64(w)
		} else {
			n++
		}
	}
	return Text(n)
}

const (
	eachByte   = 0x0101010101010101
	highBits   = 0x80 * eachByte
	backslashs = '\\' * eachByte
	quotes     = '"' * eachByte
	spaces     = ' ' * eachByte
)

// Weight is what the characters of a text weigh, as it is or as it stands in JSON, where what is around it weighs as
// much as it has bytes. Eight bytes of ASCII without an escape are taken at once: it is asked of each event of a
// stream.
func Weight(text []byte) (n int64) {
	for i := 0; i < len(text); {
		if i+8 <= len(text) {
			if w := binary.LittleEndian.Uint64(text[i:]); w&highBits == 0 && !hasZero(w^backslashs) {
				n += 8
				i += 8
				continue
			}
		}
		c := text[i]
		i++
		switch w := weights[c]; {
		case w != special:
			n += int64(w)
		case c == '"':
			n++
		case i+2 < len(text) && text[i] == 'u':
			n += escaped(text[i+1], text[i+2])
			i += 5
		default: // an escape of one character
			n++
			i++
		}
	}
	return n
}

// WeightOfString is where the string ends whose inside text begins with, and what its characters weigh: Weight up to
// the quote that closes it. The end is -1 if the quote is not there or a control character comes first. It is asked of
// nearly each event of a stream that passes: eight bytes are looked at at once.
func WeightOfString(text []byte) (end int, n int64) {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			return i, n
		case c == '\\':
			if i+1 == len(text) || text[i+1] < ' ' {
				return -1, n
			}
			if text[i+1] == 'u' && i+6 <= len(text) && hexDigits(text[i+2:i+6]) {
				n += escaped(text[i+2], text[i+3])
				i += 6
				continue
			}
			n++
			i += 2
		case c < ' ':
			return -1, n
		case c < 0x80 && i+8 <= len(text):
			w := binary.LittleEndian.Uint64(text[i:])
			// The lowest bit that is set belongs to the first byte that is no ASCII, a quote, a backslash or a control
			// character; those above it may be wrong.
			odd := (w | (w ^ quotes - eachByte) | (w ^ backslashs - eachByte) | (w - spaces)) & highBits
			plain := bits.TrailingZeros64(odd) / 8 // 8 where there is none
			n += int64(plain)
			i += plain
		default:
			n += int64(weights[c])
			i++
		}
	}
	return -1, n
}

func hexDigits(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// hasZero says whether one of eight bytes is none, where none of them has its high bit.
func hasZero(w uint64) bool { return (w-eachByte)&^w&highBits != 0 }
