package telemetry

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// ownWords are the pieces of secrets that a client has said itself in its request. A
// provider that repeats them tells nothing new; to take them out would tell whoever
// guesses which of the guesses is right.
type OwnWords struct {
	Looked bool
	pieces map[string]bool
	Many   bool // there are too many escapes in the request to look through them
}

// holds says whether the client has said a whole piece.
func (s *OwnWords) Holds(piece string) bool {
	for known := range s.pieces {
		if strings.Contains(known, piece) {
			return true
		}
	}
	return false
}

// ownIn finds the pieces of secrets that a client has said itself: in the head of its
// request, and in the body unless that has too many escapes to look through.
func (r *Redactor) OwnIn(body []byte, head ...[]byte) OwnWords {
	own := OwnWords{Looked: true, Many: signsOf(body) > MostSigns}
	for _, text := range head {
		r.Collect(text, &own)
	}
	if !own.Many {
		r.Collect(body, &own)
	}
	return own
}

// mostSigns is how many escapes are looked through, of some 10 MB of a program's text
// in JSON. It bounds the time that a request costs which fails.
const MostSigns = 300_000

// signsOf counts what may begin an escape.
func signsOf(text []byte) (n int) {
	for i := range len(escapeSigns) {
		n += bytes.Count(text, []byte{escapeSigns[i]})
	}
	return n
}

// lookedAt is how much of a request is looked at in one piece.
const lookedAt = 64 << 10

// collect looks for pieces of secrets in a text, as it is and in its layers, as the
// redactor sees them, but without room for all of it.
func (r *Redactor) Collect(text []byte, s *OwnWords) {
	if r == nil || len(text) < r.shortest {
		return
	}
	whole := unsafe.String(unsafe.SliceData(text), len(text))
	s.look(r, whole)
	if !hasEscapes(whole) {
		return
	}
	look := func(signs string, layers int) (did bool) {
		w := window{Redactor: r, said: s}
		did = resolve(text, signs, layers, w.put, w.skip)
		s.look(r, string(w.text))
		return did
	}
	if signs := signsIn(whole); len(signs) > 1 {
		for i := range len(signs) {
			look(signs[i:i+1], 1)
		}
	}
	for layers := 1; layers <= mostLayers && look(escapeSigns, layers); layers++ {
	}
}

// look adds the pieces in a text.
func (s *OwnWords) look(r *Redactor, text string) {
	for at := 0; ; {
		start, end, _ := r.find(text, at)
		if start < 0 {
			return
		}
		if s.pieces == nil {
			s.pieces = map[string]bool{}
		}
		s.pieces[strings.Clone(text[start:end])] = true
		at = end
	}
}

// window is the part of a text that is looked at; its end is kept for what begins
// in it.
type window struct {
	*Redactor
	said *OwnWords
	text []byte
}

func (w *window) put(c byte) {
	if w.text = append(w.text, c); len(w.text) < lookedAt+w.longest {
		return
	}
	w.said.look(w.Redactor, string(w.text))
	w.text = append(w.text[:0], w.text[len(w.text)-w.longest:]...)
}

// skip takes in plain text, in which pieces have been looked for already: of a long
// one only the ends, which escapes may go on.
func (w *window) skip(plain []byte) {
	if len(plain) <= 2*w.longest {
		for _, c := range plain {
			w.put(c)
		}
		return
	}
	w.said.look(w.Redactor, string(w.text)+string(plain[:w.longest]))
	w.text = append(w.text[:0], plain[len(plain)-w.longest:]...)
}

// resolve gives what a text says when its escapes are undone so many times: what
// stands between them, where it touches none, by plain. False says that the last time
// did nothing.
func resolve(text []byte, signs string, layers int, put func(byte), plain func([]byte)) (did bool) {
	stages := make([]*unescaper, layers)
	for i := range stages {
		stages[i] = &unescaper{signs: signs, put: put}
		put = stages[i].next
	}
	busy := func(u *unescaper) bool { return len(u.held) > 0 }
	for len(text) > 0 {
		// An escape that has been undone may be the beginning of another one.
		if slices.ContainsFunc(stages, busy) {
			put(text[0])
			text = text[1:]
			continue
		}
		next := bytes.IndexAny(text, signs)
		if next < 0 {
			next = len(text)
		}
		if next > 0 {
			plain(text[:next])
			text = text[next:]
			continue
		}
		put(text[0])
		text = text[1:]
	}
	for i := len(stages) - 1; i >= 0; i-- {
		stages[i].release(0)
	}
	return stages[0].did
}

// unescaper undoes escapes in what it is given, byte by byte.
type unescaper struct {
	signs string
	put   func(byte)
	held  []byte // from what may be the beginning of an escape on
	did   bool
}

// longestEscape is more than any escape has.
const longestEscape = longestEntity + len("&#x;")

func (u *unescaper) next(c byte) {
	if len(u.held) == 0 && strings.IndexByte(u.signs, c) < 0 {
		u.put(c)
		return
	}
	if c == '0' && onlyZeros(u.held) { // one more of them means nothing else
		return
	}
	if u.held = append(u.held, c); len(u.held) >= 2*longestEscape {
		u.release(longestEscape)
	}
}

// onlyZeros says whether an escape has begun that has two zeros of its number so far.
func onlyZeros(held []byte) bool {
	at := max(bytes.LastIndexByte(held, '&'), bytes.LastIndexByte(held, '\\'))
	if at < 0 || !bytes.HasSuffix(held, []byte("00")) {
		return false
	}
	switch digits := bytes.TrimRight(held[at:], "0"); string(digits) {
	case "&#", "&#x", "&#X", `\u{`:
		return true
	}
	return false
}

// release lets all go but an escape that may still be going on in the last so many bytes.
func (u *unescaper) release(keep int) {
	done := 0
	for done < len(u.held) {
		sign := strings.IndexByte(u.signs, u.held[done]) >= 0
		if sign && len(u.held)-done <= keep {
			break
		}
		if sign {
			var room [2 * utf8.UTFMax]byte
			meant, size := unescape(room[:0], unsafe.String(&u.held[done], len(u.held)-done))
			if size > 0 {
				u.did = true
				done += size
				for _, c := range meant {
					u.put(c)
				}
				continue
			}
		}
		u.put(u.held[done])
		done++
	}
	u.held = append(u.held[:0], u.held[done:]...)
}
