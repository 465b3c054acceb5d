package usage

import (
	"maps"
	"time"

	"uniapi/codec/saturate"
)

// sharing is what the books know of a ledger that instances share. An account counts what this process has spent; all
// else that counts of a key's credits is elsewhere: what the ledger has since the key's costs count, less what it has
// of those that tell it in another way. Books.configuring guards it.
type sharing struct {
	ledger  *sharedLedger
	keys    map[*Key]*common
	seen    map[run]int64
	added   map[string]int64 // to the credits, ever, as of the last time
	changed int64
	owed    bool // something could not be read
	read    bool // all was, once

	kept map[*Key]written // what of it is in the data folder; Books.flushing guards it
}

// common is what the ledger has of a key.
type common struct {
	since int64
	total int64         // since then
	told  map[run]int64 // what processes have told, in their lives
	// unread is that the ledger has never been asked, and all of this is what the folder here knows by itself.
	unread bool
}

func newSharing(l *sharedLedger) *sharing {
	return &sharing{ledger: l, keys: map[*Key]*common{}, seen: map[run]int64{}, kept: map[*Key]written{}}
}

// sinceOf is from when on the costs of a key count; 0 is not known yet.
func (s *sharing) sinceOf(k *Key) int64 {
	if c := s.keys[k]; c != nil {
		return c.since
	}
	return 0
}

// load reads what was spent with keys, each from a time on. What this process has spent since it began stays in the
// accounts.
func (s *sharing) load(b *Books, keys map[*Key]int64) error {
	starts := make(map[string]int64, len(keys))
	for k, start := range keys {
		starts[k.hash] = start
		if k.account.Since() == 0 {
			k.account.Begin(1, 0)
		}
	}
	ctx, cancel := within(readWithin)
	defer cancel()
	err := s.ledger.readBefore(ctx, b.options.Now(), func(v *sharedView) error {
		sums, err := sinceOf(v, ofKeys, columnsOf(cost), starts, func(n Name) (string, bool) { return n.Who, true })
		if err != nil {
			return err
		}
		told, err := v.elsewhere()
		if err != nil {
			return err
		}
		for _, left := range s.ledger.left(v.waiting) {
			for key, nano := range left.costs {
				if told[key] == nil {
					told[key] = map[run]int64{}
				}
				told[key][left.run] = saturate.Add(told[key][left.run], nano)
			}
		}
		for k, start := range keys {
			c := &common{since: start, told: told[k.hash]}
			if c.told == nil {
				c.told = map[run]int64{}
			}
			if sum := sums[k.hash]; sum != nil {
				c.total = sum.Row[cost]
			}
			s.keys[k] = c
			s.put(k, c)
		}
		return nil
	})
	if isAway(err) {
		s.owed = true
		s.recallAll(b, keys)
		return nil
	}
	if err == nil {
		s.read = true
		b.unread.Store(false)
	}
	return err
}

// teller is an account that hears of others in another way, by the names of their processes. It is told what the ledger
// has: what was spent elsewhere, and what of that is of whom, so that nothing counts twice.
type teller interface{ Tell(int64, map[string]int64) }

// put tells an account what is elsewhere: all but what it knows by itself.
func (s *sharing) put(k *Key, c *common) {
	known := c.snapshot()
	k.common.Store(known)
	elsewhere := saturate.Sub(c.total, c.told[s.ledger.box.run])
	if t, is := k.account.(teller); is {
		t.Tell(elsewhere, known.Told) // this process is not among those that it hears of
	} else {
		k.elsewhere.Store(elsewhere)
	}
}

// ProcessOf is what this process is called in a ledger that instances share, "" in one of its own.
func ProcessOf(l Ledger) string {
	if shared, is := l.(*sharedLedger); is {
		return hexOf(shared.box.run)
	}
	return ""
}

// renew reads again what was spent with the keys whose time has moved.
func (s *sharing) renew(b *Books, starts map[*Key]int64) {
	maps.DeleteFunc(starts, func(k *Key, start int64) bool { return s.sinceOf(k) == start })
	if len(starts) == 0 {
		return
	}
	if err := s.load(b, starts); err != nil {
		b.options.Log.Error("what keys have spent cannot be read; it is tried again", "error", err)
		s.owed = true
	}
	s.added = nil
}

// setAdded has an account know what was added to its credits.
func (b *Books) setAdded(k *Key, nano int64) {
	if b.sharing == nil {
		k.account.SetAdded(nano)
		return
	}
	k.granted.Store(nano)
}

// hearEvery is how soon it is known here what others have spent, beside the second in which they tell it.
const (
	hearEvery  = time.Second
	hearWithin = 3 * time.Second
)

// listen asks the common ledger for what others have told it, until Close.
func (b *Books) listen() {
	defer close(b.heard)
	tick := time.NewTicker(hearEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.hear()
		case <-b.stop:
			return
		}
	}
}

// hear asks once. What cannot be read is asked for again: the ledger says itself that it is away.
func (b *Books) hear() {
	b.configuring.Lock()
	defer b.configuring.Unlock()
	s := b.sharing
	ctx, cancel := within(hearWithin)
	defer cancel()
	n, err := s.ledger.News(ctx, s.seen)
	if err != nil {
		if !isAway(err) {
			b.options.Log.Error("what other instances have spent cannot be read; it is tried again", "error", err)
		}
		return
	}
	b.mu.Lock()
	keys := make(map[*Key]*Terms, len(b.keys))
	byHash := make(map[string]*Key, len(b.keys))
	for hash, k := range b.keys {
		if t := k.terms.Load(); t != nil {
			keys[k], byHash[hash] = t, k
		}
	}
	b.mu.Unlock()
	if s.owed || n.Changed != s.changed {
		starts := make(map[*Key]int64, len(keys))
		for k, t := range keys {
			starts[k] = b.startOf(t)
		}
		s.owed, s.added = false, nil
		if err := s.load(b, starts); err != nil {
			b.options.Log.Error("what keys have spent cannot be read; it is tried again", "error", err)
			s.owed = true
		}
		if !s.owed {
			s.changed = n.Changed
		}
	}
	for hash, told := range n.Spent {
		k := byHash[hash]
		if k == nil || s.keys[k] == nil {
			continue
		}
		c, more := s.keys[k], false
		for id, nano := range told {
			more = more || nano > c.told[id]
			if nano > c.told[id] && c.since <= b.options.Now().Unix() {
				c.total = saturate.Add(c.total, nano-c.told[id])
			}
			c.told[id] = max(c.told[id], nano)
		}
		if more {
			s.put(k, c)
		}
	}
	if s.added != nil && maps.Equal(s.added, n.Added) {
		return
	}
	for k, t := range keys {
		added, err := b.addedTo(k, t, n.Added[k.hash])
		if err != nil {
			return // the next second
		}
		b.setAdded(k, added)
	}
	s.added = n.Added
}
