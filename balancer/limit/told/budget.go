package told

import (
	"sync"
	"sync/atomic"
	"time"
)

// Budget is what a provider has told last of what is left to one of its keys. The zero Budget knows nothing, and so
// does a nil one. It says whether another key is the better choice, never that this one may not be used.
type Budget struct {
	until atomic.Int64 // from then on all is as before; 0: nothing was told
	next  atomic.Int64 // when a request more may be made
	spare atomic.Int64 // tokens that were left

	mu    sync.Mutex
	began int64 // when the attempt did whose answer told it
	marks [mostLimits]mark
	n     int
}

// mark is a limit on the clock of the state.
type mark struct {
	Left
	told, full int64
}

// Note keeps what the answer to an attempt told, which began at a moment. What it told of an attempt that began before
// the last one's is out of date. A reset counts for longest at most.
func (b *Budget) Note(t *Told, began, now int64, longest time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if began < b.began {
		return
	}
	b.began, b.n = began, 0
	until, next, spare := int64(0), int64(0), int64(mostNumber)
	for i := range t.list[:t.n] {
		l := t.list[i]
		if l.Remaining < 0 {
			continue
		}
		if window := subjects[l.subject].window; l.Reset < 0 && window <= time.Minute {
			l.Reset = window // by then at the latest
		}
		if l.Reset = min(l.Reset, longest); l.Reset <= 0 {
			continue
		}
		m := &b.marks[b.n]
		*m = mark{l, now, now + int64(l.Reset)}
		b.n++
		until = max(until, m.full)
		if l.Of == Requests {
			next = max(next, m.back(1))
		} else {
			spare = min(spare, l.Remaining)
		}
	}
	b.next.Store(next)
	b.spare.Store(spare)
	b.until.Store(until)
}

// back is when an amount is there again; 0 is now.
func (m *mark) back(amount int64) int64 {
	if m.Limit > 0 {
		amount = min(amount, m.Limit)
	}
	missing := amount - m.Remaining
	if missing <= 0 {
		return 0
	}
	if used := m.Limit - m.Remaining; m.Gradual && used > 0 {
		return m.told + int64(float64(m.full-m.told)*float64(missing)/float64(used))
	}
	return m.full
}

// Back is when the key has room again, as far as it was told, for a request of about so many tokens; 0 is now.
func (b *Budget) Back(tokens, now int64) int64 {
	if b == nil || now >= b.until.Load() {
		return 0
	}
	tokens = max(tokens, 1)
	if now >= b.next.Load() && tokens <= b.spare.Load() {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	back := int64(0)
	for i := range b.marks[:b.n] {
		m, amount := &b.marks[i], int64(1)
		if m.Of == Tokens {
			amount = tokens
		}
		back = max(back, m.back(amount))
	}
	if back <= now {
		return 0
	}
	return back
}

// Forget has nothing be known. It tells whether there was anything.
func (b *Budget) Forget() bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n = 0
	return b.until.Swap(0) != 0
}
