package usage

import (
	"sync/atomic"
	"time"

	"uniapi/codec/saturate"
)

// Key is a client key's account. It outlives configurations.
type Key struct {
	books *Books
	hash  string

	start int64 // from which second costs count; 0 until terms are known. Books.configuring guards it

	terms atomic.Pointer[Terms]
	added atomic.Int64     // credits that were added, nano-dollars
	spent saturate.Counter // since start, settled
	// held is spent and what requests in flight have reserved. That it is one word makes Reserve exact.
	held saturate.Counter
}

// Terms are what the configuration says of a client key.
type Terms struct {
	Secret, Alias string
	Credits       *int64     // nano-dollars; nil is unlimited
	CreatedAt     *time.Time // what was spent before does not count; nil is 30 days ago
}

// Broke says whether the key may spend nothing more, and why: its credits are 0 or used up.
func (k *Key) Broke() bool {
	t := k.terms.Load()
	if t == nil || t.Credits == nil {
		return false
	}
	return *t.Credits == 0 || k.spent.Load() >= k.limit(t)
}

// Reserve takes an estimate out of what is left, until Settle. A request may begin as long as something is left beside what is in flight,
// even if it turns out to cost more: nobody can know that before. False refuses it.
func (k *Key) Reserve(estimate int64) bool {
	t := k.terms.Load()
	if t == nil || t.Credits == nil {
		return true
	}
	if *t.Credits == 0 {
		return false
	}
	limit, estimate := k.limit(t), money(estimate)
	_, taken := k.held.Change(func(held int64) (int64, bool) { return saturate.Add(held, estimate), held < limit })
	return taken
}

// limit is what a key with credits may spend in all.
func (k *Key) limit(t *Terms) int64 { return saturate.Add(*t.Credits, k.added.Load()) }

// Limited says whether the key has credits at all, and so whether a reservation is needed.
func (k *Key) Limited() bool {
	t := k.terms.Load()
	return t != nil && t.Credits != nil
}

// Settle ends a reservation of that estimate, with what the request cost: 0 if it came to nothing.
func (k *Key) Settle(estimate, cost int64) {
	estimate, cost = money(estimate), money(cost)
	if t := k.terms.Load(); t != nil && t.CreatedAt != nil && k.books.options.Now().Before(*t.CreatedAt) {
		cost = 0 // costs do not count yet
	}
	k.held.Add(cost - estimate)
	k.spent.Add(cost)
}

// money is an amount as one request may move it: nothing that is paid gives anything back.
func money(nano int64) int64 { return min(max(nano, 0), mostCost) }

// Spend counts a cost without a reservation.
func (k *Key) Spend(cost int64) { k.Settle(0, cost) }

// move changes what is counted as spent because the time from which it counts has moved: the one way for it to become less.
func (k *Key) move(by int64) {
	by, _ = k.spent.Change(func(spent int64) (int64, bool) { return saturate.Add(spent, by), true })
	k.held.Change(func(held int64) (int64, bool) { return saturate.Add(held, by), true })
}

// reserved is what requests in flight hold.
func (k *Key) reserved() int64 { return max(saturate.Sub(k.held.Load(), k.spent.Load()), 0) }

// shown is the key in answers: its first seven characters and its last four, as in uni-api.
func shown(secret string) string {
	if len(secret) < 20 { // the two pieces would give it away
		return secret[:min(3, len(secret)/4)] + "..."
	}
	return secret[:7] + "..." + secret[len(secret)-4:]
}
