package usage

import (
	"errors"
	"fmt"
	"time"

	"uniapi/codec/saturate"
)

// creditPeriod is what credits are for where created_at does not say, as in uni-api.
const creditPeriod = 30 * 24 * time.Hour

// since is from when the costs of a key count: its created_at, or the first of the month if that is later and its
// credits begin anew then.
func (b *Books) since(t *Terms) time.Time {
	if t.Renews != nil {
		from, _ := t.Renews.Period(b.options.Now())
		if t.CreatedAt != nil && t.CreatedAt.After(from) {
			return *t.CreatedAt
		}
		return from
	}
	if t.CreatedAt != nil {
		return *t.CreatedAt
	}
	return b.options.Now().Add(-creditPeriod)
}

// startOf is the second from which the costs of a key count. A period that moves does so by the hour.
func (b *Books) startOf(t *Terms) int64 {
	start := b.since(t).Unix()
	if t.CreatedAt == nil && t.Renews == nil {
		start = begin(start, hour)
	}
	return max(start, 1) // 0 is a key whose terms are not known yet
}

// Configure takes the terms of all client keys. What a key has spent is added up from the ledger when it is new, and
// corrected by what lies between when its created_at changes; requests in flight go on.
func (b *Books) Configure(terms []Terms) error {
	b.configuring.Lock() // before the ledger is asked: what AddCredits adds after that is not to be put back
	defer b.configuring.Unlock()
	added, err := b.addedCredits()
	if b.sharing != nil && errors.Is(err, errAway) {
		b.sharing.owed = true // until then what this instance knows decides
	} else if err != nil {
		return fmt.Errorf("reading the credits that were added: %w", err)
	}
	kept := make(map[string]bool, len(terms))
	fresh := make(map[*Key]int64) // from when on each counts
	for i := range terms {
		t := terms[i]
		k := b.Key(t.Secret)
		kept[k.hash] = true
		if b.sharing == nil || !b.sharing.owed {
			now, err := b.addedTo(k, &t, added[k.hash])
			if err != nil {
				return fmt.Errorf("reading the credits that were added: %w", err)
			}
			b.setAdded(k, now)
		}
		if b.sharing != nil {
			if b.sharing.sinceOf(k) != b.startOf(&t) {
				fresh[k] = b.startOf(&t)
			}
		} else if k.account.Since() == 0 {
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
	if b.sharing != nil {
		return b.sharing.load(b, keys)
	}
	starts := make(map[string]int64, len(keys))
	for k, start := range keys {
		starts[k.hash] = start
	}
	return b.freshly(func(v View) error {
		sums, err := sinceOf(v, ofKeys, columnsOf(cost), starts, func(n Name) (string, bool) { return n.Who, true })
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
			t := newTally(columnsOf(cost), func(n Name) (string, bool) { return n.Who, true })
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

// addedTo is what was added to the credits of a key of what was added in all: where they begin anew, what was added
// since then.
func (b *Books) addedTo(k *Key, t *Terms, all int64) (int64, error) {
	if t.Renews == nil || all == 0 {
		return all, nil
	}
	ctx, cancel := within(readWithin)
	defer cancel()
	list, err := b.ledger.Corrections(ctx, k.hash)
	if err != nil {
		return 0, err
	}
	from, sum := b.since(t), int64(0)
	for _, c := range list {
		if !c.At.Before(from) {
			sum = saturate.Add(sum, c.Nano)
		}
	}
	return sum, nil
}

// renewEvery is how often renew looks: months begin on a quarter of an hour in all time zones of today.
const renewEvery = hour / 4

// renew moves the period of the keys whose credits are for the last 30 days, or begin anew.
func (b *Books) renew() {
	if !b.configuring.TryLock() { // it is held while a slow ledger is asked, and nothing is to wait for that: a second later is soon enough
		return
	}
	defer b.configuring.Unlock()
	now := begin(b.options.Now().Unix(), renewEvery)
	if now == b.renewed {
		return
	}
	b.renewed = now
	b.mu.Lock()
	starts := make(map[*Key]int64)
	for _, k := range b.keys {
		if t := k.terms.Load(); t != nil && (t.CreatedAt == nil || t.Renews != nil) {
			starts[k] = b.startOf(t)
		}
	}
	b.mu.Unlock()
	if b.sharing != nil {
		b.sharing.renew(b, starts)
		return
	}
	for k, start := range starts {
		if t := k.terms.Load(); t.Renews != nil && start != k.account.Since() {
			added, err := b.addedTo(k, t, k.account.Added())
			if err != nil {
				b.options.Log.Error("the credits of a key cannot be renewed, since what was added to them cannot be read; it is tried again", "key", t.Alias, "error", err)
				delete(starts, k)
				continue
			}
			k.account.SetAdded(added)
		}
	}
	b.restart(starts)
}
