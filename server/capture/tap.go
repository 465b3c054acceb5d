package capture

import (
	"iter"
	"sync"
	"time"

	"uniapi/server/budget"
)

const (
	mostOfBody = 256 << 10 // of each body, in bytes
	mostOfAll  = 2 << 20   // of all bodies of a request
	mostPieces = 4096      // of a body; those behind are one
	mostTries  = 16        // that are kept of a request
	// timesHeld is how much memory a byte of a body takes: as it grows, and while it is written as JSON.
	timesHeld = 4
	// pieceHeld is what a piece takes beside its bytes, as it is noted and written, and lineHeld a header's line.
	pieceHeld, lineHeld = 256, 256
)

// Tap collects an exchange while it goes on. Its parts may be told of from several goroutines. A nil Tap collects
// nothing, and so do the nil Attempting and Recording that it gives.
type Tap struct {
	start time.Time

	mu      sync.Mutex
	holding budget.Holding
	kept    int // bytes of bodies
	pieces  int // of bodies
	heads   int // bytes of headers, with lineHeld for each
	client  Recording
	answer  Recording
	tries   []*Attempting
	more    int
	ended   bool
}

// New begins one for a request that came at a time, whose key has a share of the memory.
func New(start time.Time, memory *budget.Budget, share *budget.Share) *Tap {
	t := &Tap{start: start}
	t.holding.Begin(memory, share)
	t.client.tap, t.answer.tap = t, t
	return t
}

// Recording is a request or an answer that comes, or goes.
type Recording struct {
	tap   *Tap
	head  Message
	body  []byte
	marks []mark
	heads int // bytes of head's headers, as the tap counts them
}

// mark is where a piece of a body begins, and when it was there.
type mark struct {
	at    int
	after time.Duration
}

// Attempting is an attempt under way.
type Attempting struct {
	about        Attempt
	Ask, Answers Recording
	answered     bool
}

// Client is the client's request.
func (t *Tap) Client() *Recording { return &t.client }

// Answer is what the client gets.
func (t *Tap) Answer() *Recording { return &t.answer }

// Try begins an attempt with the how-manieth key of a provider, 0 if it has none. Of many the last ones are only
// counted, and it is nil.
func (t *Tap) Try(provider, upstream, format string, key int) *Attempting {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || len(t.tries) >= mostTries {
		t.more++
		return nil
	}
	a := &Attempting{about: Attempt{Provider: provider, Upstream: upstream, Format: format, Key: key}}
	a.Ask.tap, a.Answers.tap = t, t
	t.tries = append(t.tries, a)
	return a
}

// Failed says that it has no answer, or not all of it, and what kind of failure of the exchange that is; "" if it is
// none.
func (a *Attempting) Failed(why, kind string) {
	if a == nil {
		return
	}
	a.Ask.tap.mu.Lock()
	defer a.Ask.tap.mu.Unlock()
	a.about.Error, a.about.Failure = why, kind
}

// Answered begins its answer.
func (a *Attempting) Answered(status int, headers iter.Seq2[[]byte, []byte]) {
	a.Answers.Answer(status, headers)
	a.Answers.tap.mu.Lock()
	defer a.Answers.tap.mu.Unlock()
	a.answered = true
}

// Request says where a request goes.
func (r *Recording) Request(method, url string, headers iter.Seq2[[]byte, []byte]) {
	r.begin(Message{Method: method, URL: address(url)}, headers)
}

// Answer says what an answer is.
func (r *Recording) Answer(status int, headers iter.Seq2[[]byte, []byte]) {
	r.begin(Message{Status: status}, headers)
}

func (r *Recording) begin(head Message, headers iter.Seq2[[]byte, []byte]) {
	head.MS = milliseconds(time.Since(r.tap.start))
	size := 0
	for name, value := range headers {
		head.Headers = append(head.Headers, header(string(name), string(value)))
		size += len(name) + len(value) + lineHeld
	}
	t := r.tap
	t.mu.Lock()
	defer t.mu.Unlock()
	head.Bytes, head.Cut = r.head.Bytes, r.head.Cut // the head of an answer may be told last
	if t.heads += size - r.heads; t.ended || !t.hold(0, 0) {
		head.Headers, head.Cut = nil, true
		t.heads, size = t.heads-size, 0
	}
	r.head, r.heads = head, size
}

// hold takes the memory for what has been collected and for so many bytes of a body more, in so many pieces.
func (t *Tap) hold(bytes, pieces int) bool {
	return t.holding.Take(budget.Kept, timesHeld*(t.kept+bytes)+pieceHeld*(t.pieces+pieces)+t.heads)
}

// Add adds a piece to the body, as far as there is room.
func (r *Recording) Add(piece []byte) {
	if len(piece) == 0 {
		return
	}
	t := r.tap
	t.mu.Lock()
	defer t.mu.Unlock()
	r.head.Bytes += int64(len(piece))
	n := min(len(piece), mostOfBody-len(r.body), mostOfAll-t.kept)
	marks := 0
	if len(r.marks) < mostPieces {
		marks = 1
	}
	if t.ended || r.head.Cut || n <= 0 || !t.hold(n, marks) {
		r.head.Cut = true
		return
	}
	if r.head.Cut = n < len(piece); marks > 0 {
		r.marks = append(r.marks, mark{len(r.body), time.Since(t.start)})
	}
	t.kept, t.pieces = t.kept+n, t.pieces+marks
	r.body = append(r.body, piece[:n]...)
}

// Empty says that nothing has been added.
func (r *Recording) Empty() bool {
	r.tap.mu.Lock()
	defer r.tap.mu.Unlock()
	return r.head.Bytes == 0
}

// message is it as it is kept.
func (r *Recording) message() *Message {
	m := r.head
	if len(r.marks) > 0 {
		m.MS = min(m.MS, milliseconds(r.marks[0].after))
	}
	for i, at := range r.marks {
		end := len(r.body)
		if i+1 < len(r.marks) {
			end = r.marks[i+1].at
		}
		m.Pieces = append(m.Pieces, pieceOf(milliseconds(at.after), r.body[at.at:end]))
	}
	return &m
}

// Exchange is what has been collected so far.
func (t *Tap) Exchange() *Exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := &Exchange{Client: Sides{t.client.message(), t.answer.message()}, More: t.more}
	for _, a := range t.tries {
		about := a.about
		about.Request = a.Ask.message()
		if a.answered {
			about.Answer = a.Answers.message()
		}
		e.Attempts = append(e.Attempts, about)
	}
	return e
}

// End gives the memory back. Nothing is collected from here on.
func (t *Tap) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.holding.End()
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
