// Package quoted looks for words that stand in JSON as strings, names or values, without reading the JSON: for all of
// them in one pass over its bytes, which most often tells that there is nothing to read it for.
package quoted

import (
	"bytes"
	"strconv"
	"strings"
)

// Set is a set of bits, each of which some words stand for.
type Set uint64

// Searched is in every set that was found: an empty one is that nothing was looked for.
const Searched Set = 1 << 62

// Escaped is in the set of every text in which what words are made of is escaped: it may be that of any word. Encoders
// escape quotes, angle brackets and what is no ASCII.
const Escaped Set = 1 << 63

// made says whether words may have a character. One with any other would be overlooked where that is escaped.
func made(c byte) bool {
	return '0' <= c && c <= ':' || 'A' <= c && c <= 'Z' || c == '_' || 'a' <= c && c <= 'z'
}

// List is what is looked for. The zero value looks for nothing but Escaped.
type List struct {
	from, to [256][]word // by the byte that stands beside the quote
	last     bool        // there are some in to
}

type word struct {
	text string // with the quote at its other end, if it is to be there
	set  Set
}

// Add looks for another word too, which adds set to what is found. "a*" is a string that begins so and "*a" one that
// ends so. A word is made of letters, digits, underlines and colons.
func (l *List) Add(w string, set Set) {
	for _, c := range []byte(strings.Trim(w, "*")) {
		if !made(c) {
			panic("quoted: " + w + " has characters that could be escaped unseen")
		}
	}
	switch end, ends := strings.CutPrefix(w, "*"); {
	case w == "" || end == "":
	case ends:
		at := end[len(end)-1]
		l.to[at], l.last = append(l.to[at], word{end, set}), true
	default:
		begin, begins := strings.CutSuffix(w, "*")
		if !begins {
			begin += `"`
		}
		l.from[begin[0]] = append(l.from[begin[0]], word{begin, set})
	}
}

// OfString is what of the list a string is, or begins or ends with: its inside in JSON, with the quote that ends it if
// that is there.
func (l *List) OfString(text []byte) (found Set) {
	if len(text) == 0 {
		return 0
	}
	for _, w := range l.from[text[0]] {
		if len(text) >= len(w.text) && string(text[:len(w.text)]) == w.text {
			found |= w.set
		}
	}
	if inner, ended := bytes.CutSuffix(text, quote); l.last && ended && len(inner) > 0 {
		for _, w := range l.to[inner[len(inner)-1]] {
			if bytes.HasSuffix(inner, []byte(w.text)) {
				found |= w.set
			}
		}
	}
	return found
}

var quote = []byte{'"'}

// In is what of the list stands in a text between any two quotes.
func (l *List) In(text []byte) Set {
	found := Searched
	for at := -1; ; {
		next := bytes.IndexByte(text[at+1:], '"')
		if next < 0 {
			break
		}
		at += 1 + next
		if l.last && at > 0 {
			for _, w := range l.to[text[at-1]] {
				if bytes.HasSuffix(text[:at], []byte(w.text)) {
					found |= w.set
				}
			}
		}
		if rest := text[at+1:]; len(rest) > 0 {
			for _, w := range l.from[rest[0]] {
				if len(rest) >= len(w.text) && string(rest[:len(w.text)]) == w.text {
					found |= w.set
				}
			}
		}
	}
	if escapes(text) {
		found |= Escaped
	}
	return found
}

// escapes says whether something that words are made of is escaped somewhere.
func escapes(text []byte) bool {
	for {
		next := bytes.IndexByte(text, '\\')
		if next < 0 {
			return false
		}
		if text = text[next:]; Hides(text) {
			return true
		}
		text = text[1:]
	}
}

// Hides says whether a text begins with an escape of something that words are made of.
func Hides(text []byte) bool {
	if len(text) < len(`\u0000`) || text[1] != 'u' || text[2] != '0' || text[3] != '0' {
		return false
	}
	high, low := digits[text[4]], digits[text[5]]
	return high >= 0 && low >= 0 && made(byte(high<<4|low))
}

// digits are what hexadecimal ones stand for, -1 for what is none.
var digits = func() (d [256]int8) {
	for c := range d {
		n, err := strconv.ParseInt(string([]byte{byte(c)}), 16, 8)
		if d[c] = int8(n); err != nil {
			d[c] = -1
		}
	}
	return d
}()
