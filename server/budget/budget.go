// Package budget bounds the memory that requests make the process hold: their bodies as they are once inflated, what is
// fetched for them, their form for an upstream, answers read whole, what a stream is held up by. It is taken before the
// bytes are there, and by share: when it is scarce, no client key gets more than its part.
package budget

import (
	"fmt"
	"sync/atomic"
)

const (
	// Free is what each request may hold without being counted, in bytes. Most never hold more, and pay nothing; how
	// many there are at a time is bounded elsewhere.
	Free = 32 << 10
	// step is how much is taken at a time, so that what grows in small pieces seldom asks.
	step = 64 << 10
	// greed is how many times as much as is left a key may hold. So a key that is alone gets two thirds, and there is
	// always something left for one that comes later: with n keys that want all they can get, each has 2 of 2n+1 parts,
	// and one is left.
	greed = 2
)

// Budget is a number of bytes that requests may hold together. Any number of goroutines may use it.
type Budget struct {
	limit   int64
	told    func(*Refused)
	taken   atomic.Int64
	highest atomic.Int64
	refused atomic.Int64
}

// New makes a budget of so many bytes.
func New(limit int64) *Budget { return &Budget{limit: limit, told: func(*Refused) {}} }

// OnRefused has f called with each refusal, by whoever is refused. It is set before the budget is used.
func (b *Budget) OnRefused(f func(*Refused)) { b.told = f }

// Limit is the size in bytes.
func (b *Budget) Limit() int64 { return b.limit }

// Taken is what is held now, in bytes.
func (b *Budget) Taken() int64 { return b.taken.Load() }

// Highest is the most that was ever held, in bytes.
func (b *Budget) Highest() int64 { return b.highest.Load() }

// Refused is how often something was refused.
func (b *Budget) Refused() int64 { return b.refused.Load() }

// Most is what one request may hold if there is no other, in bytes.
func (b *Budget) Most() int64 { return b.limit / (greed + 1) * greed }

// Share is what one client key has of a budget, and of Places. The zero value has nothing.
type Share struct{ taken, places, fetches, bodies atomic.Int64 }

// Taken is what the key's requests hold now, in bytes.
func (s *Share) Taken() int64 { return s.taken.Load() }

// take takes n bytes for a key, or nothing.
func (b *Budget) take(s *Share, n int64) bool {
	all, own := b.taken.Add(n), s.taken.Add(n)
	if all > b.limit || own > greed*(b.limit-all) {
		b.give(s, n)
		return false
	}
	for highest := b.highest.Load(); all > highest && !b.highest.CompareAndSwap(highest, all); {
		highest = b.highest.Load()
	}
	return true
}

func (b *Budget) give(s *Share, n int64) {
	s.taken.Add(-n)
	b.taken.Add(-n)
}

// Use is what a request holds memory for.
type Use uint8

const (
	Body     Use = iota // as the client sent it
	Inflated            // the same, if it came compressed, and what inflating it takes
	Media               // fetched for an upstream that cannot
	Request             // decoded, and as an upstream gets it
	Inflater            // of an answer that comes compressed
	Answer              // read whole, and as the client gets it
	Stream              // what has come of an event, and what a translation keeps
	Kept                // of an exchange that the log of requests is to have whole
	uses
)

func (u Use) String() string {
	return [...]string{"body", "inflated body", "fetched media", "request", "inflater of an answer", "answer", "stream", "kept exchange"}[u]
}

// Refused is the error of what the budget has no room for.
type Refused struct {
	Use   Use
	Bytes int64 // that the request would hold in all
	Most  int64 // that it may hold if there is no other
	Never bool  // it is more than that: waiting does not help
}

func (r *Refused) Error() string {
	if r.Never {
		return fmt.Sprintf("%d bytes (%s) are more than the %d that a request may hold", r.Bytes, r.Use, r.Most)
	}
	return fmt.Sprintf("no room for %d bytes (%s) at the moment", r.Bytes, r.Use)
}

// Holding is what one request holds. It is for one goroutine at a time. The zero value holds nothing, and may hold no
// more than is free.
type Holding struct {
	budget *Budget
	share  *Share
	held   [uses]int
	sum    int64 // of held
	taken  int64 // of the budget
}

// Begin says whose request it is. What it holds already stays.
func (h *Holding) Begin(b *Budget, s *Share) {
	if h.taken == 0 {
		h.budget, h.share = b, s
	}
}

// Hold says how many bytes the request is about to hold for a use in all, or holds no more than. The error is a
// *Refused; then nothing has changed, and what was asked for must not be made. To hold less is never refused.
func (h *Holding) Hold(use Use, bytes int) error {
	if !h.Take(use, bytes) {
		return h.refuse(use, h.sum+int64(bytes)-int64(h.held[use]))
	}
	return nil
}

// Take is Hold for what can be done without: where there is no room nothing is refused, and nobody hears of it.
func (h *Holding) Take(use Use, bytes int) bool {
	sum := h.sum + int64(bytes) - int64(h.held[use])
	if (sum > Free || h.taken > 0) && !h.settle(sum) {
		return false
	}
	h.sum, h.held[use] = sum, bytes
	return true
}

// Held is how many bytes are held for a use.
func (h *Holding) Held(use Use) int { return h.held[use] }

// settle takes what a request that holds sum bytes needs of the budget, or gives back what it no longer does.
func (h *Holding) settle(sum int64) bool {
	needs := max(sum-Free+step-1, 0) / step * step
	switch {
	case needs > h.taken:
		if h.budget == nil || !h.budget.take(h.share, needs-h.taken) {
			return false
		}
	case needs < h.taken:
		h.budget.give(h.share, h.taken-needs)
	}
	h.taken = needs
	return true
}

func (h *Holding) refuse(use Use, sum int64) error {
	r := &Refused{Use: use, Bytes: sum}
	if h.budget != nil {
		h.budget.refused.Add(1)
		r.Most = h.budget.Most()
		r.Never = sum > r.Most
		h.budget.told(r)
	}
	return r
}

// End gives everything back. It may be called again.
func (h *Holding) End() {
	if h.sum != 0 || h.budget != nil {
		if h.taken > 0 {
			h.budget.give(h.share, h.taken)
		}
		*h = Holding{}
	}
}
