package server

import (
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"uniapi/codec"
)

// ownWords are the pieces of secrets that a client has said itself in its request. A
// provider that repeats them tells nothing new; to take them out would tell whoever
// guesses which of the guesses is right.
type ownWords struct {
	looked bool
	pieces map[string]bool
}

// holds says whether the client has said a whole piece.
func (s *ownWords) holds(piece string) bool {
	for known := range s.pieces {
		if strings.Contains(known, piece) {
			return true
		}
	}
	return false
}

// told takes the secrets out of what the client is told of an error, but for what
// it has said itself. The request is looked through whatever the error says: how
// long that takes tells nothing either.
func (x *exchange) told(e *codec.Error) {
	secrets := x.snap.secrets
	if !x.own.looked {
		x.own = ownWords{looked: true}
		for _, text := range [][]byte{x.ctx.Request.Header.RawHeaders(), x.ctx.RequestURI(), x.ctx.Path(), x.body} {
			secrets.collect(text, &x.own)
		}
	}
	secrets.toldBut(e, x.own.holds)
}

const (
	// mostLayers is how many times an escape can itself be escaped: a text in JSON
	// in the JSON of a body, and percent-encoded.
	mostLayers = 3
	// lookedAt is how much of a request is looked at in one piece.
	lookedAt = 64 << 10
)

// collect looks for pieces of secrets in a text, as it is and with its escapes
// resolved.
func (r *redactor) collect(text []byte, s *ownWords) {
	if r == nil || len(text) < r.shortest {
		return
	}
	s.look(r, unsafe.String(unsafe.SliceData(text), len(text)))
	for layers := 1; layers <= mostLayers; layers++ {
		w := window{redactor: r, said: s}
		if !unescape(text, layers, w.put) {
			return // there was nothing to resolve
		}
		s.look(r, string(w.text))
	}
}

// look adds the pieces in a text.
func (s *ownWords) look(r *redactor, text string) {
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
	*redactor
	said *ownWords
	text []byte
}

func (w *window) put(c byte) {
	if w.text = append(w.text, c); len(w.text) < lookedAt+w.longest {
		return
	}
	w.said.look(w.redactor, string(w.text))
	w.text = append(w.text[:0], w.text[len(w.text)-w.longest:]...)
}

// unescape gives what a text says when the escapes of JSON, URLs and HTML are
// resolved in it so many times. False says that the last time did nothing.
func unescape(text []byte, layers int, put func(byte)) (did bool) {
	stages := make([]*unescaper, layers)
	for i := range stages {
		stages[i] = &unescaper{put: put}
		put = stages[i].next
	}
	for _, c := range text {
		put(c)
	}
	for i := len(stages) - 1; i >= 0; i-- {
		stages[i].flush()
	}
	return stages[0].did
}

// unescaper resolves escapes in what it is given, byte by byte.
type unescaper struct {
	put  func(byte)
	held []byte // from what may be the beginning of an escape on
	did  bool
}

// longestEscape is that of &#x10ffff;
const longestEscape = 10

func (u *unescaper) next(c byte) {
	if len(u.held) == 0 && c != '\\' && c != '%' && c != '&' {
		u.put(c)
		return
	}
	u.held = append(u.held, c)
	resolved, whole := escape(u.held)
	switch {
	case whole && resolved != "":
		u.did = true
		u.held = u.held[:0]
		for i := range len(resolved) {
			u.put(resolved[i])
		}
	case whole, len(u.held) == longestEscape:
		u.release()
	}
}

// release lets the first byte held go, as one that begins no escape.
func (u *unescaper) release() {
	held := string(u.held)
	u.held = u.held[:0]
	u.put(held[0])
	for i := 1; i < len(held); i++ {
		u.next(held[i])
	}
}

func (u *unescaper) flush() {
	for len(u.held) > 0 {
		u.release()
	}
}

// escape is what an escape stands for; "" if it is none. It is whole if more bytes
// would not change that.
func escape(held []byte) (resolved string, whole bool) {
	if len(held) == 1 {
		return "", false
	}
	switch held[0] {
	case '%':
		return byHex(held[1:], 2)
	case '&':
		return entity(held[1:])
	}
	switch c := held[1]; c {
	case 'u':
		return byHex(held[2:], 4)
	case 'x':
		return byHex(held[2:], 2)
	case 'b', 'f', 'n', 'r', 't':
		return " ", true // no key has one in it
	default:
		return string(rune(c)), c < utf8.RuneSelf
	}
}

// byHex is the character of so many hexadecimal digits.
func byHex(digits []byte, n int) (resolved string, whole bool) {
	value := rune(0)
	for _, c := range digits {
		d, is := hexDigit(c)
		if !is {
			return "", true
		}
		value = value<<4 | rune(d)
	}
	if len(digits) < n {
		return "", false
	}
	if n == 2 && value >= utf8.RuneSelf {
		return string([]byte{byte(value)}), true
	}
	return string(value), true
}

// entity is the character of HTML's &NAME; or &#NUMBER;.
func entity(text []byte) (resolved string, whole bool) {
	if text[len(text)-1] != ';' {
		return "", false
	}
	name := string(text[:len(text)-1])
	if digits, is := strings.CutPrefix(name, "#"); is {
		base := 10
		if hex := strings.TrimLeft(digits, "xX"); hex != digits {
			digits, base = hex, 16
		}
		value, err := strconv.ParseInt(digits, base, 32)
		if err != nil || value <= 0 || value > utf8.MaxRune {
			return "", true
		}
		return string(rune(value)), true
	}
	return entities[name], true
}

// entities are the names of what HTML escapes of a key.
var entities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'", "sol": "/", "plus": "+", "equals": "=", "lowbar": "_", "period": "."}
