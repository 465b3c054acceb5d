// Package seam joins two pieces of one text: what one model has said of an answer before it was cut off, and what
// another says when it is told to go on. Models begin such an answer with what was said already, the whole of it or its
// last words; that is cut.
package seam

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

const (
	// lookBack is how far from the end of the first piece its last words are looked for, in bytes.
	lookBack = 4 << 10
	// fewest are the bytes that last words must have to be taken for said again, where the model goes on with the text
	// as with its own: that two words in a row are the same is nothing rare.
	fewest = 12
	// fewestAnew are those where it was told to go on, and begins an answer of its own.
	fewestAnew = 3
)

// Seam is where the second piece begins. The zero value cuts nothing.
type Seam struct {
	said   []byte // the first piece, as the model was given it
	gap    []byte // space behind it that the reader has, and the model was not given
	least  int
	open   []int32 // where in said the second piece may have begun, as far as it has come
	lead   []byte  // space in front of it
	held   []byte  // of the second piece, as long as it may be a repetition
	repeat int     // how much of held is one
	past   bool    // the seam is behind us
}

// Split takes the space off the end of what was said: providers refuse it there.
func Split(said []byte) (given, gap []byte) {
	given = bytes.TrimRight(said, " \t\r\n")
	return given, said[len(given):]
}

// New is the seam behind a text, of which the model was given what Split says. Anew says that it was told to go on in
// an answer of its own. The text is not copied.
func New(said []byte, anew bool) *Seam {
	s := &Seam{least: fewest}
	s.said, s.gap = Split(said)
	if anew {
		s.least = fewestAnew
	}
	first := len(s.said) - len(bytes.TrimLeft(s.said, " \t\r\n"))
	if first < len(s.said) {
		s.open = append(s.open, int32(first))
	}
	for at := max(first+1, len(s.said)-lookBack); at < len(s.said); at++ {
		if utf8.RuneStart(s.said[at]) && !space(s.said[at]) && s.begins(at) {
			s.open = append(s.open, int32(at))
		}
	}
	return s
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// begins says whether enough words to be taken for a repetition are from there to the end, and whether a word begins
// there.
func (s *Seam) begins(at int) bool {
	if len(s.said)-at < s.least || bytes.IndexFunc(s.said[at:], unicode.IsLetter) < 0 {
		return false
	}
	before, _ := utf8.DecodeLastRune(s.said[:at])
	next, _ := utf8.DecodeRune(s.said[at:])
	return !unicode.IsLetter(before) && !unicode.IsDigit(before) || unspaced(next)
}

// unspaced says whether a letter is of a script that is written without space between words.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// Held is how many bytes are held, at the most.
func (s *Seam) Held() int { return cap(s.held) + cap(s.lead) + 4*cap(s.open) }

// Push returns what is new in a piece of the text. It is valid until the next call.
func (s *Seam) Push(p []byte) []byte {
	if s.past {
		return s.closeGap(p)
	}
	for i, c := range p {
		if len(s.held) == 0 && len(s.open) > 0 && space(c) {
			s.lead = append(s.lead, c)
			continue
		}
		s.step(c)
		if len(s.open) == 0 {
			s.held = append(s.held, p[i+1:]...)
			return s.End()
		}
	}
	return nil
}

// step takes a byte, and keeps those of the places that it goes on from. One that has come to the end of what was said
// is a repetition; the longest is the one that counts.
func (s *Seam) step(c byte) {
	at, left := len(s.held), s.open[:0]
	s.held = append(s.held, c)
	for _, from := range s.open {
		switch next := int(from) + at; {
		case s.said[next] != c:
		case next+1 == len(s.said):
			s.repeat = at + 1
		default:
			left = append(left, from)
		}
	}
	s.open = left
}

// End returns what is held back, when nothing follows or it has turned out to be new.
func (s *Seam) End() []byte {
	if s.past {
		return nil
	}
	s.past, s.open = true, nil
	if s.repeat > 0 {
		return s.closeGap(s.held[s.repeat:])
	}
	return s.closeGap(append(s.lead, s.held...))
}

// closeGap leaves out the space that the reader has already.
func (s *Seam) closeGap(p []byte) []byte {
	for len(s.gap) > 0 && len(p) > 0 {
		if p[0] != s.gap[0] {
			s.gap = nil
			break
		}
		s.gap, p = s.gap[1:], p[1:]
	}
	return p
}
