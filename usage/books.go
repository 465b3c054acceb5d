// Package usage keeps the books: what every client key asked for, what came of it and what it cost.
//
// Requests are counted in memory without a lock, and once a second everything that changed is written to the ledger in one transaction. A
// process that is killed loses that second and nothing else. If the ledger cannot be written, the counters keep what they have, and the
// next second tries again.
package usage

import (
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how Books are kept.
type Options struct {
	Dir    string // of the ledger; made if it is not there
	Memory bool   // no ledger: everything is forgotten at the end
	// Retention is how long rows are kept; 0 is DefaultRetention.
	Retention time.Duration
	Log       *slog.Logger
	Now       func() time.Time // nil is time.Now
}

// DefaultRetention is a year and a month.
const DefaultRetention = 396 * 24 * time.Hour

const (
	foldEvery    = time.Second
	compactEvery = 10 * time.Minute
	// minutesFor is how long rows are kept by the minute, before those of an hour become one.
	minutesFor = 48 * time.Hour
)

// Books are the counters and the ledger behind them.
type Books struct {
	options Options
	store   store
	table   table

	addresses    sync.Map // netip.Addr → text
	addressCount atomic.Int64

	mu      sync.Mutex
	changed []*Series
	keys    map[string]*Key // by hash
	folding sync.Mutex
	totals  map[name]*Row         // since the start; touched while folding
	failed  atomic.Pointer[error] // of the last write; nil if it went well

	stop   chan struct{}
	done   chan struct{}
	ending sync.Once
	ended  error
}

// row is what a fold adds to a series at a time.
type row struct {
	name name
	Row
}

// store holds rows by the minute they are of.
type store interface {
	add(minute int64, rows []row) error
	// scan gives the rows of series of a kind in [from, to), minutes since 1970. Those that were made one are dated at their hour.
	scan(k kind, from, to int64, visit func(minute int64, n name, r *Row)) error
	// compact makes one of the rows of each hour before a minute, and forgets those before another.
	compact(before, forget int64) error
	credit(hash string, nano int64) (total int64, err error)
	credits() (map[string]int64, error)
	close() error
}

// Open opens the ledger. The error says what to do.
func Open(o Options) (*Books, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Retention <= 0 {
		o.Retention = DefaultRetention
	}
	b := &Books{options: o, keys: make(map[string]*Key), totals: make(map[name]*Row), stop: make(chan struct{}), done: make(chan struct{})}
	b.table.seed = maphash.MakeSeed()
	if o.Memory {
		b.store = newMemory()
	} else {
		ledger, err := openLedger(o.Dir)
		if err != nil {
			return nil, err
		}
		b.store = ledger
	}
	go b.keep()
	return b, nil
}

// keep writes the changes once a second until Close.
func (b *Books) keep() {
	defer close(b.done)
	fold := time.NewTicker(foldEvery)
	defer fold.Stop()
	compact := time.NewTicker(compactEvery)
	defer compact.Stop()
	for {
		select {
		case <-fold.C:
			b.fold()
		case <-compact.C:
			now := b.options.Now()
			if err := b.store.compact(minuteOf(now.Add(-minutesFor)), minuteOf(now.Add(-b.options.Retention))); err != nil {
				b.options.Log.Error("the ledger could not be made smaller; it is tried again", "error", err)
			}
			b.renew()
		case <-b.stop:
			return
		}
	}
}

// fold moves what was counted into the ledger. What cannot be written stays in the counters.
func (b *Books) fold() error {
	b.folding.Lock()
	defer b.folding.Unlock()
	b.mu.Lock()
	changed := b.changed
	b.changed = nil
	b.mu.Unlock()
	if len(changed) == 0 {
		return b.Health()
	}
	rows := make([]row, 0, len(changed))
	series := changed[:0]
	for _, s := range changed {
		s.dirty.Store(false) // before the counters are read, so that what comes now puts it on the list again
		if r := s.take(); !r.zero() {
			rows = append(rows, row{s.name, r})
			series = append(series, s)
		}
	}
	err := b.store.add(minuteOf(b.options.Now()), rows)
	for i := range rows {
		if err != nil {
			break
		}
		if b.totals[rows[i].name] == nil {
			b.totals[rows[i].name] = new(Row)
		}
		b.totals[rows[i].name].add(&rows[i].Row)
	}
	if err != nil {
		for i, s := range series {
			s.giveBack(&rows[i].Row)
		}
	}
	b.note(err)
	return err
}

// note keeps the state of the ledger, and tells of a change once.
func (b *Books) note(err error) {
	before := b.failed.Load()
	switch {
	case err != nil && before == nil:
		b.options.Log.Error("the ledger cannot be written; usage is kept in memory until it can, and is lost if the process ends before",
			"dir", b.options.Dir, "error", err)
	case err == nil && before != nil:
		b.options.Log.Warn("the ledger can be written again; nothing was lost", "dir", b.options.Dir)
	}
	if err == nil {
		b.failed.Store(nil)
	} else {
		b.failed.Store(&err)
	}
}

// Health is why the ledger cannot be written, nil if it can.
func (b *Books) Health() error {
	if err := b.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Close writes what is left. It may be called again.
func (b *Books) Close() error {
	b.ending.Do(func() {
		close(b.stop)
		<-b.done
		err := b.fold()
		if closing := b.store.close(); err == nil {
			err = closing
		}
		if err != nil {
			b.ended = fmt.Errorf("closing the ledger in %s: %w", b.options.Dir, err)
		}
	})
	return b.ended
}

// Key returns the account of a client key, which is made if there is none.
func (b *Books) Key(secret string) *Key {
	hash := hashOf(secret)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.account(hash)
}

func (b *Books) account(hash string) *Key {
	k := b.keys[hash]
	if k == nil {
		k = &Key{books: b, hash: hash}
		b.keys[hash] = k
	}
	return k
}

// Configure takes the terms of all client keys. What a key has spent is added up from the ledger when its terms change.
func (b *Books) Configure(terms []Terms) error {
	added, err := b.store.credits()
	if err != nil {
		return fmt.Errorf("reading the credits that were added: %w", err)
	}
	kept := map[string]bool{}
	for _, t := range terms {
		hash := hashOf(t.Secret)
		kept[hash] = true
		b.mu.Lock()
		k := b.account(hash)
		b.mu.Unlock()
		old := k.terms.Load()
		k.added.Store(added[hash])
		if old == nil || !sameTime(old.CreatedAt, t.CreatedAt) {
			k.spent.Store(b.spentBy(hash, t.CreatedAt))
		}
		k.terms.Store(&t)
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

// renew adds up again what keys have spent whose credits are for the last 30 days.
func (b *Books) renew() {
	b.mu.Lock()
	keys := make([]*Key, 0, len(b.keys))
	for _, k := range b.keys {
		keys = append(keys, k)
	}
	b.mu.Unlock()
	for _, k := range keys {
		if t := k.terms.Load(); t != nil && t.Credits != nil && t.CreatedAt == nil {
			before := k.spent.Load()
			k.spent.Add(b.spentBy(k.hash, nil) - before)
		}
	}
}

func sameTime(a, b *time.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
}

// spentBy adds up the costs of a key.
func (b *Books) spentBy(hash string, since *time.Time) (nano int64) {
	b.each(ofRequests, minuteOf(b.since(since)), forever, func(_ int64, n name, r *Row) {
		if n.a == hash {
			nano += r[cost]
		}
	})
	return nano
}

// creditPeriod is what credits are for where created_at does not say, as in uni-api.
const creditPeriod = 30 * 24 * time.Hour

func (b *Books) since(createdAt *time.Time) time.Time {
	if createdAt != nil {
		return *createdAt
	}
	return b.options.Now().Add(-creditPeriod)
}

const forever = int64(1) << 60

// each visits the rows of the ledger, and what is counted and not in it yet.
func (b *Books) each(k kind, from, to int64, visit func(minute int64, n name, r *Row)) {
	b.fold()
	if err := b.store.scan(k, from, to, visit); err != nil {
		b.options.Log.Error("the ledger could not be read", "error", err)
	}
	if b.Health() == nil {
		return
	}
	now := minuteOf(b.options.Now())
	if now < from || now >= to {
		return
	}
	b.mu.Lock()
	waiting := slices.Clone(b.changed)
	b.mu.Unlock()
	for _, s := range waiting {
		if s.name.kind != k {
			continue
		}
		var r Row
		for i := range r {
			r[i] = s.fields[i].Load()
		}
		visit(now, s.name, &r)
	}
}

// AddCredits adds to what a key may spend, in nano-dollars, and has that written before it returns. known is false for a key that is not
// configured.
func (b *Books) AddCredits(secret string, nano int64) (state KeyState, known bool, err error) {
	k := b.Key(secret)
	t := k.terms.Load()
	if t == nil {
		return state, false, nil
	}
	total, err := b.store.credit(k.hash, nano)
	if err != nil {
		return state, true, fmt.Errorf("writing the credit to the ledger: %w", err)
	}
	k.added.Store(total)
	return b.state(k, t), true, nil
}
