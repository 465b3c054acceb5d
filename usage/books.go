// Package usage keeps the books: what every client key asked for, what came of it and what it cost.
//
// Requests are counted in memory without a lock. Once a second what changed goes into the journal, by the minute, and from there into
// the ledger in one transaction. A process that is killed loses that second and nothing else. If the ledger cannot be written, the
// journal keeps what it has, and the next second tries again.
//
// The ledger holds one batch for each kind of row and span of time: a minute for two days, an hour and a day for as long as the
// retention says. Hours and days are complete and beside each other, so that a question about a month reads some thirty days and the
// hours at both ends.
package usage

import (
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/usage/credit"
)

// Options say how Books are kept.
type Options struct {
	Dir    string // of the ledger; made if it is not there
	Memory bool   // no ledger: everything is forgotten at the end
	// Retention is how long rows are kept, by the day; 0 is DefaultRetention. What each key cost on a day is kept for ever: it is a few
	// bytes, and credits count it.
	Retention time.Duration
	// Series is how many pairs of a client key and a provider's model are told apart in the life of a process, in round numbers; 0 is 100,000.
	Series int
	Log    *slog.Logger
	// Credits keeps what client keys have spent; nil is credit.NewLocal.
	Credits credit.Store
	// Patience is how long a request waits for Credits that other instances share; 0 is DefaultPatience.
	Patience time.Duration
	// Strict refuses a request whose credits could not be asked for. Else it goes by what this instance knows.
	Strict bool
	Now    func() time.Time // nil is time.Now
}

// DefaultPatience is enough for a store nearby, and no more than a client forgives.
const DefaultPatience = 50 * time.Millisecond

// DefaultRetention is a year and a month.
const DefaultRetention = 396 * 24 * time.Hour

// foldEvery is what a process that is killed loses at most, beside the time a write takes.
const foldEvery = time.Second

// Books are the counters and the ledger behind them.
type Books struct {
	options Options
	store   store
	table   table

	addresses    sync.Map // netip.Addr → text
	addressCount atomic.Int64

	changing sync.Mutex
	changed  []*Series // since the last fold

	mu      sync.Mutex // of what follows; it is not held while the disk works
	keys    map[string]*Key
	journal journal
	marks   marks
	totals  sums[name] // since the start, of channels and of attempts by provider and model
	last    lastFold
	damaged atomic.Int64 // rows of the ledger that could not be read and were set aside, ever

	configuring sync.Mutex // of when keys begin to count
	renewed     int64      // the hour in which renew last looked

	writing sync.Mutex // held by the one who writes spans
	failed  atomic.Pointer[error]

	toldUnasked atomic.Int64 // when the log last heard that shared credits cannot be asked for, in Unix nanoseconds

	stop   chan struct{}
	done   chan struct{}
	ending sync.Once
	ended  error
}

// Open opens the ledger. The error says what to do.
func Open(o Options) (*Books, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Retention <= 0 {
		o.Retention = DefaultRetention
	}
	if o.Series <= 0 {
		o.Series = mostSeries
	}
	if o.Credits == nil {
		o.Credits = credit.NewLocal()
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	b := &Books{options: o, keys: make(map[string]*Key), totals: sums[name]{}, stop: make(chan struct{}), done: make(chan struct{})}
	b.table.seed = maphash.MakeSeed()
	if o.Memory {
		b.store = newMemory()
	} else {
		var lost damages
		ledger, err := openLedger(o.Dir, &lost, o.Now())
		if err != nil {
			return nil, err
		}
		b.store = ledger
		b.told(&lost)
	}
	if err := b.begin(); err != nil {
		_ = b.store.close()
		return nil, fmt.Errorf("reading the ledger in %s: %w", o.Dir, err)
	}
	b.last.at = o.Now()
	go b.keep()
	return b, nil
}

// begin reads what the journal needs of the ledger, or begins a ledger.
func (b *Books) begin() error {
	var names []name
	var lost damages
	found := false
	now := b.options.Now()
	err := b.store.view(func(r reader) (err error) {
		damaged := int64(0)
		if err = r.each(tableDamaged, func(_, _ []byte) error {
			damaged++
			return nil
		}); err != nil {
			return err
		}
		b.damaged.Store(damaged)
		if names, err = readNames(r, lengthened, &lost); err != nil {
			return err
		}
		b.marks, found = believedMarks(r, now.Unix(), &lost)
		return nil
	})
	if err != nil {
		return err
	}
	if !found || len(lost.list) > 0 {
		if err := b.store.update(func(w writer) error {
			if err := lost.setAside(w, now); err != nil {
				return err
			}
			return b.marks.write(w)
		}); err != nil {
			return err
		}
		b.told(&lost)
	}
	b.journal = journal{index: indexOf(names), minutes: make(map[int64]*span), saved: len(names), floor: b.marks.HoursTo}
	return nil
}

// keep writes the changes once a second until Close.
func (b *Books) keep() {
	defer close(b.done)
	fold := time.NewTicker(foldEvery)
	defer fold.Stop()
	for {
		select {
		case <-fold.C:
			_ = b.fold() // it has been logged, and is in Health
			b.renew()
		case <-b.stop:
			return
		}
	}
}

// fold writes what was counted into the ledger. What cannot be written stays in the journal.
func (b *Books) fold() error {
	b.writing.Lock()
	defer b.writing.Unlock()
	now := b.options.Now()
	err := b.write(now.Unix())
	if err == nil {
		err = b.rollUp(now)
	}
	b.note(err)
	if err == nil {
		b.mu.Lock()
		b.last.at = now
		b.mu.Unlock()
	}
	return err
}

// gather moves what was counted into the journal, as of a time. b.mu is held.
func (b *Books) gather(now int64) error {
	b.changing.Lock()
	changed := b.changed
	b.changed = nil
	b.changing.Unlock()
	if len(changed) == 0 {
		return nil
	}
	m, err := b.journal.at(b.store, max(begin(now, minute), b.journal.floor))
	if err != nil {
		b.changing.Lock()
		b.changed = append(b.changed, changed...)
		b.changing.Unlock()
		return err
	}
	for _, s := range changed {
		s.dirty.Store(false) // before the counters are read, so that what comes now puts it on the list again
		c := s.take()
		m.count(b.journal.index, s.name, &c)
		switch s.name.kind {
		case ofRequests:
			b.totals.add(s.name.channel(), &c)
		case ofAttempts:
			b.totals.add(name{kind: ofAttempts, b: s.name.a, c: s.name.b}, &c)
		}
	}
	return nil
}

// write writes all minutes that have changed in one transaction. b.writing is held.
func (b *Books) write(now int64) error {
	began, rows := time.Now(), 0
	type change struct {
		at      int64
		m       *span
		changes int
		batches [len(allKinds)][]byte
	}
	var list []change
	b.mu.Lock()
	err := b.gather(now)
	if err == nil {
		err = b.journal.squeeze(b.store, now)
	}
	for at, m := range b.journal.minutes {
		if m.changes == m.written {
			continue
		}
		c := change{at: at, m: m, changes: m.changes}
		for i, k := range allKinds {
			c.batches[i] = m.batch(k)
		}
		rows += m.size()
		list = append(list, c)
	}
	names, saved := b.journal.index.names, b.journal.saved
	lost := b.journal.lost
	b.mu.Unlock()
	if err != nil || len(list) == 0 {
		return err
	}
	err = b.store.update(func(w writer) error {
		if err := lost.setAside(w, b.options.Now()); err != nil { // before the minutes that they were in are written anew
			return err
		}
		for number := saved; number < len(names); number++ {
			if err := putName(w, uint32(number), names[number]); err != nil {
				return err
			}
		}
		for i := range list {
			for n, k := range allKinds {
				if err := putSpan(w, minute, k, list[i].at, list[i].batches[n]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	b.mu.Lock()
	for i := range list {
		list[i].m.stored = true // even after an error: it may have come behind the last byte
	}
	if err != nil {
		b.mu.Unlock()
		return err
	}
	for i := range list {
		list[i].m.written = list[i].changes
	}
	b.journal.saved = len(names)
	b.journal.forget(now)
	b.journal.lost.forget(len(lost.list))
	b.last.took, b.last.rows = time.Since(began), rows
	b.mu.Unlock()
	b.told(&lost)
	return nil
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
		b.writing.Lock() // a fold that somebody else began
		defer b.writing.Unlock()
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
		k = &Key{books: b, hash: hash, account: b.options.Credits.Account(hash)}
		b.keys[hash] = k
	}
	return k
}
