package server

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// moment is when a hostile provider sends what it was not asked for.
type moment string

const (
	withAnswer  moment = "with the answer" // in the same write
	within      moment = "within the answer"
	behind      moment = "behind the answer"
	later       moment = "up to 50 ms later"
	whileIdle   moment = "up to 300 ms later" // most often while nobody asks
	beforeHeard moment = "when the next request begins"
	before      moment = "before the next answer"
)

var moments = []moment{withAnswer, within, behind, later, whileIdle, beforeHeard, before}

// hostile is a provider that answers each request, and now and then once more: with the same answer, or with a piece of
// something.
type hostile struct {
	*upstream
	moment moment
	pieces bool // what is sent unasked goes out bit by bit
	bytes  bool // it is no whole answer
	seed   uint64

	came   atomic.Int64
	strays atomic.Int64
}

func (h *hostile) String() string {
	what := "an answer "
	if h.bytes {
		what = "bytes "
	}
	if h.pieces {
		what = strings.TrimSpace(what) + " in pieces "
	}
	return what + string(h.moment)
}

const (
	// soundRequests are answered before anything is sent unasked: a gateway must have seen a few answers to know how
	// long they take.
	soundRequests = 60
	// strayOneIn is how many answers come for one of which more is sent.
	strayOneIn = 15
	takesLeast = 20 * time.Millisecond
)

func listenHostile(t testing.TB, h *hostile) *hostile {
	h.upstream = listenRaw(t, h.serve)
	return h
}

// mark is what tells requests and their answers apart: the text of the question.
func mark(body string) string {
	_, rest, _ := strings.Cut(body, `"content":"`)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

func (h *hostile) serve(p *peer) {
	rng := rand.New(rand.NewPCG(h.seed, rand.Uint64()))
	var owed []string // what will be sent before, or when, the next request is heard
	pay := func(when moment) {
		if len(owed) > 0 && h.moment == when {
			p.sayAll(owed, rng)
			owed = nil
		}
	}
	for {
		if _, err := p.br.Peek(1); err != nil {
			return
		}
		pay(beforeHeard)
		req, err := http.ReadRequest(p.br)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		pay(before)
		takes := takesLeast + time.Duration(rng.Int64N(int64(takesLeast/2)))
		if rng.IntN(10) == 0 {
			takes += time.Duration(rng.Int64N(int64(5 * takesLeast)))
		}
		time.Sleep(takes)
		answer := spellAnswer(mark(string(body)), strings.Contains(string(body), `"stream":true`), rng)
		if h.came.Add(1) <= soundRequests || rng.IntN(strayOneIn) > 0 {
			p.say(answer)
			continue
		}
		h.strays.Add(1)
		more := h.more(mark(string(body)), rng)
		switch h.moment {
		case withAnswer:
			more[0] = answer + more[0]
			p.sayAll(more, rng)
		case within:
			p.say(answer[:len(answer)/2])
			p.sayAll(more, rng)
			p.say(answer[len(answer)/2:])
		case behind:
			p.say(answer)
			p.sayAll(more, rng)
		case later, whileIdle:
			most := 50 * time.Millisecond
			if h.moment == whileIdle {
				most = 300 * time.Millisecond
			}
			wait, own := time.Duration(rng.Int64N(int64(most))), rand.New(rand.NewPCG(rng.Uint64(), 0))
			p.say(answer)
			p.up.Go(func() {
				time.Sleep(wait)
				p.sayAll(more, own)
			})
		default:
			p.say(answer)
			owed = more
		}
	}
}

// more is what is sent unasked, in the pieces that it is sent in.
func (h *hostile) more(mark string, rng *rand.Rand) []string {
	text := spellAnswer(mark, rng.IntN(2) == 0, rng)
	if h.bytes {
		half := text[:1+rng.IntN(len(text)-1)]
		text = []string{"\r\n", "x", "0\r\n\r\n", "\x00\x00\x00", "HTTP/1.1 ", "HTTP/1.1 200 OK\r\n", half, "event: garbage\n\n", text[1:]}[rng.IntN(9)]
	}
	if !h.pieces {
		return []string{text}
	}
	var pieces []string
	for len(text) > 0 {
		n := min(len(text), 1+rng.IntN(len(text)))
		pieces, text = append(pieces, text[:n]), text[n:]
	}
	return pieces
}

// sayAll says pieces with pauses between them.
func (p *peer) sayAll(pieces []string, rng *rand.Rand) {
	for i, piece := range pieces {
		if i > 0 {
			time.Sleep(time.Duration(rng.Int64N(int64(5 * time.Millisecond))))
		}
		p.say(piece)
	}
}

// spellAnswer is an answer that carries the mark: a stream or whole, its end told by its length or by chunks.
func spellAnswer(mark string, stream bool, rng *rand.Rand) string {
	mark = "for " + mark
	switch {
	case stream && rng.IntN(3) == 0:
		body := event(mark) + stopEvent + doneEvent
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	case stream:
		return streamHead + chunk(event(mark)) + chunk(stopEvent) + chunk(doneEvent) + chunk("")
	case rng.IntN(2) == 0:
		return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(plainBodyOf(mark)) + chunk("")
	}
	return reply(200, jsonKind, plainBodyOf(mark))
}
