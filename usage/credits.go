package usage

import (
	"fmt"
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

func (b *Books) addedCredits() (map[string]int64, error) {
	ctx, cancel := within(readWithin)
	defer cancel()
	return b.ledger.Credits(ctx)
}

// load adds up what keys have spent since they count. If that cannot be read, none of them counts yet.
func (b *Books) load(keys map[*Key]int64) error {
	starts := make(map[string]int64, len(keys))
	for k, start := range keys {
		starts[k.hash] = start
	}
	return b.freshly(func(v View) error {
		sums, err := sinceOf(v, ofKeys, columnsOf(cost), starts, func(n Name) (string, bool) { return n.A, true })
		if err != nil {
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
	}, []Kind{ofKeys})
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
	b.read(func(v View) error {
		moved := make(map[*Key]int64, len(starts))
		for p, keys := range pieces {
			t := newTally(columnsOf(cost), func(n Name) (string, bool) { return n.A, true })
			if err := t.scan(v, ofKeys, v.Aligned(ofKeys, p.from), v.Aligned(ofKeys, p.to), day); err != nil {
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
