package usage

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"uniapi/codec/saturate"
	"uniapi/config"
	"uniapi/usage/credit"
)

// Key is a client key's account. It outlives configurations.
type Key struct {
	books *Books
	hash  string

	terms   atomic.Pointer[Terms]
	account credit.Account // Books.configuring guards its Begin

	// What a ledger that instances share has beside the account: what was spent by others, and here before; what was
	// added to the credits.
	elsewhere, granted atomic.Int64
	common             atomic.Pointer[remembered] // all of that, as far as it was read from the ledger
}

// spent is what counts of the credits.
func (k *Key) spent() int64 { return max(saturate.Add(k.account.Spent(), k.elsewhere.Load()), 0) }

// added is what was added to the credits of the configuration.
func (k *Key) added() int64 { return saturate.Add(k.account.Added(), k.granted.Load()) }

// Terms are what the configuration says of a client key.
type Terms struct {
	Secret, Alias string
	Credits       *int64     // nano-dollars; nil is unlimited
	CreatedAt     *time.Time // what was spent before does not count; nil is 30 days ago
	Renews        *config.Renewal
	Access        config.Access
}

// OutOfCredit says whether the key may spend nothing more, and why: its credits are 0 or used up.
func (k *Key) OutOfCredit() bool {
	t := k.terms.Load()
	if t == nil || t.Credits == nil {
		return false
	}
	return *t.Credits == 0 || k.spent() >= k.limit(t)
}

// Reserve takes an estimate out of what is left, until Settle. A request may begin as long as something is left beside
// what is in flight, even if it turns out to cost more: nobody can know that before. False refuses it. It waits only
// for credits that other instances share, and the error is that those could not be asked for and Options.Strict refuses
// the request.
func (k *Key) Reserve(ctx context.Context, estimate int64) (ok bool, err error) {
	t := k.terms.Load()
	if t == nil || t.Credits == nil {
		return true, nil
	}
	if *t.Credits == 0 {
		return false, nil
	}
	if !k.books.Ready() {
		return false, errUnread
	}
	limit, estimate := saturate.Sub(k.limit(t), k.elsewhere.Load()), money(estimate)
	switch k.account.Reserve(estimate, limit) {
	case credit.Reserved:
		return true, nil
	case credit.Refused:
		return false, nil
	}
	within, cancel := context.WithTimeout(ctx, k.books.options.Patience)
	defer cancel()
	if ok, err = k.account.Confirm(within, estimate, limit); err == nil {
		return ok, nil
	}
	k.books.unasked(err)
	if strict := k.books.options.Strict; strict || k.OutOfCredit() {
		k.account.Settle(estimate, 0)
		if strict {
			return false, fmt.Errorf("asking for credits that instances share: %w", err)
		}
		return false, nil
	}
	return true, nil
}

// unaskedEvery is how often the log hears that credits cannot be asked for.
const unaskedEvery = 10 * time.Second

func (b *Books) unasked(err error) {
	told, now := b.toldUnasked.Load(), b.options.Now().UnixNano()
	if now-told >= int64(unaskedEvery) && b.toldUnasked.CompareAndSwap(told, now) {
		b.options.Log.Warn("credits that instances share cannot be asked for", "strict", b.options.Strict, "error", err)
	}
}

// limit is what a key with credits may spend in all.
func (k *Key) limit(t *Terms) int64 { return saturate.Add(*t.Credits, k.added()) }

// Left is what the key may spend beside what it has spent, requests in flight not counted; for a key with credits.
func (k *Key) Left() int64 {
	t := k.terms.Load()
	if t == nil || t.Credits == nil {
		return saturate.Most
	}
	return saturate.Sub(k.limit(t), k.spent())
}

// Limited says whether the key has credits at all, and so whether a reservation is needed.
func (k *Key) Limited() bool {
	t := k.terms.Load()
	return t != nil && t.Credits != nil
}

// Settle ends a reservation of that estimate, with what the request cost: 0 if it came to nothing.
func (k *Key) Settle(estimate, cost int64) {
	estimate, cost = money(estimate), money(cost)
	if t := k.terms.Load(); t != nil && t.CreatedAt != nil && k.books.sharing == nil && k.books.options.Now().Before(*t.CreatedAt) {
		cost = 0 // costs do not count yet; of a ledger that is shared they are taken off elsewhere
	}
	k.account.Settle(estimate, cost)
}

// money is an amount as one request may move it: nothing that is paid gives anything back.
func money(nano int64) int64 { return min(max(nano, 0), mostCost) }

// Spend counts a cost without a reservation.
func (k *Key) Spend(cost int64) { k.Settle(0, cost) }

// shown is the key in answers: its first seven characters and its last four, as in uni-api.
func shown(secret string) string {
	if len(secret) < 20 { // the two pieces would give it away
		return secret[:min(3, len(secret)/4)] + "..."
	}
	return secret[:7] + "..." + secret[len(secret)-4:]
}
