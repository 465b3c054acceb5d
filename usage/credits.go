package usage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"uniapi/codec/saturate"
)

// creditPeriod is what credits are for where created_at does not say, as in uni-api.
const creditPeriod = 30 * 24 * time.Hour

func (b *Books) since(createdAt *time.Time) time.Time {
	if createdAt != nil {
		return *createdAt
	}
	return b.options.Now().Add(-creditPeriod)
}

// startOf is the second from which the costs of a key count. A period that moves does so by the hour.
func (b *Books) startOf(t *Terms) int64 {
	start := b.since(t.CreatedAt).Unix()
	if t.CreatedAt == nil {
		start = begin(start, hour)
	}
	return max(start, 1) // 0 is a key whose terms are not known yet
}

// Configure takes the terms of all client keys. What a key has spent is added up from the ledger when it is new, and corrected by
// what lies between when its created_at changes; requests in flight go on.
func (b *Books) Configure(terms []Terms) error {
	added, err := b.addedCredits()
	if err != nil {
		return fmt.Errorf("reading the credits that were added: %w", err)
	}
	b.configuring.Lock()
	defer b.configuring.Unlock()
	kept := make(map[string]bool, len(terms))
	fresh := make(map[*Key]int64) // from when on each counts
	for i := range terms {
		t := terms[i]
		k := b.Key(t.Secret)
		kept[k.hash] = true
		k.account.SetAdded(added[k.hash])
		if k.account.Since() == 0 {
			fresh[k] = b.startOf(&t)
		} else {
			b.restart(map[*Key]int64{k: b.startOf(&t)})
		}
		k.terms.Store(&t)
	}
	if len(fresh) > 0 {
		if err := b.load(fresh); err != nil {
			return fmt.Errorf("adding up what the client keys have spent: %w", err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for hash, k := range b.keys {
		if !kept[hash] {
			k.terms.Store(nil)
		}
	}
	return nil
}

var errAmount = errors.New("an amount in the ledger cannot be")

// amount is what was added to a key's credits.
func amount(nano []byte) (int64, error) {
	if len(nano) != 8 || nano[0] > math.MaxInt8 {
		return 0, errAmount
	}
	return int64(binary.BigEndian.Uint64(nano)), nil
}

// addedCredits are by the hash of the key.
func (b *Books) addedCredits() (map[string]int64, error) {
	added := make(map[string]int64)
	var lost damages
	err := b.store.view(func(r reader) error {
		return r.each(tableCredits, func(hash, value []byte) error {
			nano, err := amount(value)
			if err != nil {
				lost.note(tableCredits, hash, value, err)
				return nil
			}
			added[string(hash)] = nano
			return nil
		})
	})
	if err == nil {
		b.setAside(&lost)
	}
	return added, err
}

// load adds up what keys have spent since they count. If that cannot be read, none of them counts yet.
func (b *Books) load(keys map[*Key]int64) error {
	starts := make(map[string]int64, len(keys))
	for k, start := range keys {
		starts[k.hash] = start
	}
	return b.freshly(func(r *reading) error {
		sums, err := sinceOf(r, ofKeys, columnsOf(cost), starts, func(n name) (string, bool) { return n.a, true })
		if err != nil || r.torn {
			return err
		}
		for k, start := range keys {
			by := int64(0)
			if sum := sums[k.hash]; sum != nil {
				by = saturate.Sub(sum.Row[cost], k.account.Spent())
			}
			k.account.Begin(start, by)
		}
		return nil
	}, []kind{ofKeys})
}

// restart lets the costs of keys count from other times than they did: the costs between are added or taken off.
func (b *Books) restart(starts map[*Key]int64) {
	type piece struct{ from, to int64 }
	pieces := make(map[piece][]*Key)
	for k, start := range starts {
		if was := k.account.Since(); start != was {
			p := piece{min(start, was), max(start, was)}
			pieces[p] = append(pieces[p], k)
		}
	}
	if len(pieces) == 0 {
		return
	}
	b.read(func(r *reading) error {
		moved := make(map[*Key]int64, len(starts))
		for p, keys := range pieces {
			t := newTally(r, columnsOf(cost), func(n name) (string, bool) { return n.a, true })
			if err := r.scan(ofKeys, r.aligned(ofKeys, p.from), r.aligned(ofKeys, p.to), day, t.add); err != nil {
				return err
			}
			for _, k := range keys {
				between := int64(0)
				if sum := t.sums[k.hash]; sum != nil {
					between = sum.Row[cost]
				}
				if starts[k] > k.account.Since() {
					between = -between
				}
				moved[k] = between
			}
		}
		if r.torn {
			return nil
		}
		for k, between := range moved { // all or none
			k.account.Begin(starts[k], between)
		}
		return nil
	}, ofKeys)
}

// renew moves the period of the keys whose credits are for the last 30 days.
func (b *Books) renew() {
	b.configuring.Lock()
	defer b.configuring.Unlock()
	now := begin(b.options.Now().Unix(), hour)
	if now == b.renewed {
		return
	}
	b.renewed = now
	b.mu.Lock()
	starts := make(map[*Key]int64)
	for _, k := range b.keys {
		if t := k.terms.Load(); t != nil && t.CreatedAt == nil {
			starts[k] = b.startOf(t)
		}
	}
	b.mu.Unlock()
	b.restart(starts)
}

// AddCredits adds to what a key may spend, in nano-dollars, and has that written before it returns. known is false for a key that is not
// configured.
func (b *Books) AddCredits(secret string, nano int64) (state KeyState, known bool, err error) {
	k := b.Key(secret)
	t := k.terms.Load()
	if t == nil {
		return state, false, nil
	}
	total := int64(0)
	err = b.store.update(func(w writer) error {
		total, _ = amount(w.get(tableCredits, []byte(k.hash))) // none, or none that can be read
		if total = saturate.Add(total, nano); total == math.MaxInt64 {
			return errors.New("that is more than can be counted")
		}
		return w.put(tableCredits, []byte(k.hash), binary.BigEndian.AppendUint64(nil, uint64(total)))
	})
	if err != nil {
		return state, true, fmt.Errorf("writing the credit to the ledger: %w", err)
	}
	k.account.SetAdded(total)
	return b.state(k, t), true, nil
}
