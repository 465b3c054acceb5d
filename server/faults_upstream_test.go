package server

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// questionHeader carries the question to the provider, so that one that fails
// before it has read the body knows how.
const questionHeader = "X-Question"

// troubled is a provider that answers each request with the fault that the request
// names, or as it should if it is sound.
type troubled struct {
	*upstream
	t     testing.TB
	seed  uint64
	sound bool
	asked atomic.Int64 // requests that have come, whole or not
}

func listenTroubled(t testing.TB, seed uint64, sound bool) *troubled {
	u := &troubled{t: t, seed: seed, sound: sound}
	u.upstream = listenRaw(t, u.converse)
	return u
}

// ending is what becomes of a connection after an answer.
type ending int

const (
	goesOn ending = iota
	closes
	resets
	stalls     // no byte more, until the gateway gives up
	halfCloses // the same, but that none will come is said
)

var endings = map[ending]string{closes: "closed", resets: "reset", stalls: "stalled", halfCloses: "half-closed"}

// performance is the answer to one question.
type performance struct {
	*peer
	question
	*dialect
	t      testing.TB
	req    *http.Request
	stream bool
	odd    string // what the middle word of the answer has in it
	rng    *rand.Rand
}

func (u *troubled) converse(p *peer) {
	for {
		req, err := http.ReadRequest(p.br)
		if err != nil {
			return
		}
		u.asked.Add(1)
		q, err := parseQuestion(req.Header.Get(questionHeader))
		f := faults[q.fault]
		if u.sound {
			f = soundness
		}
		spoken := spokenAt(req.URL.Path)
		if err != nil || f == nil || spoken == nil {
			u.t.Errorf("a provider was asked %s with %s: %q", req.URL, questionHeader, req.Header[questionHeader])
			return
		}
		// Asked again, the provider fails in the same way.
		luck := fnv.New64()
		io.WriteString(luck, q.nonce)
		a := &performance{peer: p, question: q, dialect: spoken, t: u.t, req: req, odd: f.odd, rng: rand.New(rand.NewPCG(u.seed, luck.Sum64()))}
		a.stream = strings.HasSuffix(req.URL.Path, ":streamGenerateContent")
		if !f.early && !a.hears() {
			return
		}
		switch f.play(a) {
		case closes:
			return
		case resets:
			p.reset()
			return
		case stalls:
			p.gone()
			return
		case halfCloses:
			p.CloseWrite()
			p.gone()
			return
		}
	}
}

// hears reads the request's body and looks whether it is whole and of one client.
func (a *performance) hears() bool {
	body, err := io.ReadAll(a.req.Body)
	if err != nil {
		return false // the client has left
	}
	if n := bytes.Count(body, []byte(a.nonce)); n != a.padding+1 || len(a.strangers(body)) > 0 {
		a.t.Errorf("the request of %v came with %d nonces of its own and %v; %d bytes: %.200q", a.question, n, a.strangers(body), len(body), body)
	}
	a.stream = a.stream || bytes.Contains(body, []byte(`"stream":true`))
	return true
}

// delimiting is how a body's end is told.
type delimiting int

const (
	byLength delimiting = iota
	byChunks
	byClosing
)

func (d delimiting) String() string { return [...]string{"length", "chunks", "closing"}[d] }

// wire is an answer as bytes.
type wire struct {
	status string // line
	fields []string
	pieces []string // of the body, as it is sent: with the chunks around them
	end    string   // of the body
	ending ending
}

func (w *wire) head() string {
	return w.status + "\r\n" + strings.Join(w.fields, "\r\n") + "\r\n\r\n"
}

func (w *wire) body() string { return strings.Join(w.pieces, "") + w.end }

func (w *wire) String() string { return w.head() + w.body() }

// oddPlace stands for what is put into the answer raw.
const oddPlace = "~odd~"

// content is the right answer, in the pieces that a provider sends it in.
func (a *performance) content() []string {
	words := a.answer()
	if a.odd != "" {
		words[a.words/2] += oddPlace
	}
	pieces := a.events(words)
	if !a.stream {
		whole := strings.ReplaceAll(a.whole(strings.Join(words, "")), oddPlace, a.odd)
		at := a.within(whole) // a piece of nothing would be the last chunk
		pieces = []string{whole[:at], whole[at:]}
		if a.rng.IntN(2) == 0 {
			pieces = []string{whole}
		}
	}
	if a.odd != "" {
		for i := range pieces {
			pieces[i] = strings.ReplaceAll(pieces[i], oddPlace, a.odd)
		}
	}
	return pieces
}

func (a *performance) kind() string {
	if a.stream {
		return "Content-Type: text/event-stream"
	}
	return "Content-Type: application/json"
}

// right is the answer as it should be, with its end told in one of three ways.
func (a *performance) right() *wire { return a.framed(a.content(), delimiting(a.rng.IntN(3))) }

func (a *performance) framed(pieces []string, by delimiting) *wire {
	w := &wire{status: "HTTP/1.1 200 OK", fields: []string{a.kind()}, pieces: pieces}
	switch by {
	case byLength:
		w.fields = append(w.fields, fmt.Sprint("Content-Length: ", len(w.body())))
	case byChunks:
		w.fields = append(w.fields, "Transfer-Encoding: chunked")
		w.pieces = make([]string, len(pieces))
		for i, p := range pieces {
			if p != "" {
				w.pieces[i] = chunk(p)
			}
		}
		w.end = chunk("")
	case byClosing:
		w.fields = append(w.fields, "Connection: close")
		w.ending = closes
	}
	return w
}

// within is a place somewhere in a text, but not at its ends.
func (a *performance) within(text string) int {
	if len(text) < 2 {
		return 0
	}
	return 1 + a.rng.IntN(len(text)-1)
}

// gives sends an answer whole.
func (a *performance) gives(w *wire) ending {
	a.say(w.String())
	return w.ending
}

// drips sends a text a byte at a time.
func (a *performance) drips(text string) {
	for i := range len(text) {
		if _, err := io.WriteString(a.TCPConn, text[i:i+1]); err != nil {
			return
		}
		if a.rng.IntN(8) == 0 {
			time.Sleep(50 * time.Microsecond)
		}
	}
}
