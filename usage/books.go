// Package usage keeps the books: what every client key asked for, what came of it and what it cost.
//
// Requests are counted in memory without a lock. Once a second what changed goes into the journal, by the minute, and
// from there into the ledger in one transaction. A process that is killed loses that second and nothing else. If the
// ledger cannot be written, the journal keeps what it has, and the next second tries again.
//
// The ledger holds one batch for each kind of row and span of time: a minute for two days, an hour and a day for as
// long as the retention says. Hours and days are complete and beside each other, so that a question about a month reads
// some thirty days and the hours at both ends.
package usage

import (
	"context"
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
	// Ledger is where they are kept, and is closed with them; nil is OpenLedger, with Dir, Memory and Retention.
	Ledger Ledger
	Dir    string // of the ledger; made if it is not there
	// Database is the address of a PostgreSQL in which instances keep their books together; "" is a file in Dir. Then
	// that has what waits for it.
	Database string
	// Instance is what this instance is called there; "" is the name of the machine.
	Instance string
	Memory   bool // no ledger: everything is forgotten at the end
	// Retention is how long rows are kept, by the day; 0 is DefaultRetention. What each key cost on a day is kept for
	// ever: it is a few bytes, and credits count it.
	Retention time.Duration
	// Series is how many pairs of a client key and a provider's model are told apart in the life of a process, in round
	// numbers; 0 is 100,000.
	Series int
	Log    *slog.Logger
	// Credits keeps what client keys have spent; nil is credit.NewLocal.
	Credits credit.Store
	// Patience is how long a request waits for Credits that other instances share; 0 is DefaultPatience.
	Patience time.Duration
	// Strict refuses a request whose credits could not be asked for. Else it goes by what this instance knows.
	Strict  bool
	Now     func() time.Time // nil is time.Now
	clock   func() time.Time // Now as it was given; nil is that nobody did
	settled bool             // defaults stand in the place of what was not given
}

// DefaultPatience is enough for a store nearby, and no more than a client forgives.
const DefaultPatience = 50 * time.Millisecond

// DefaultRetention is a year and a month.
const DefaultRetention = 396 * 24 * time.Hour

// flushEvery is what a process that is killed loses at most, beside the time a write takes.
const flushEvery = time.Second

// Books are the counters and the ledger behind them.
type Books struct {
	Statistics // of all instances

	options Options
	ledger  Ledger
	table   table

	circumstances circumstanceNames

	addresses    sync.Map // netip.Addr → text
	addressCount atomic.Int64

	changing sync.Mutex
	changed  []*Series // since the last flush

	mu      sync.Mutex // of what follows
	keys    map[string]*Key
	totals  sums[Name] // since the start, of channels and of attempts by provider and model
	emptied time.Time  // when the last flush left nothing behind

	gathering sync.Mutex // held for moments
	waiting   []Counted  // what the ledger has not taken over
	handing   sync.Mutex // held by the one who hands it over

	configuring sync.Mutex // of when keys begin to count
	renewed     int64      // the hour in which renew last looked

	flushing sync.Mutex
	failed   atomic.Pointer[error]

	limits atomic.Pointer[LimitKeeper]

	toldUnasked atomic.Int64 // when the log last heard that shared credits cannot be asked for, in Unix nanoseconds

	sharing *sharing    // nil where the ledger is of this process alone
	unread  atomic.Bool // what keys have spent could not be read from it since the start

	stop   chan struct{}
	done   chan struct{}
	heard  chan struct{} // closed when nobody asks any more what others have spent
	ending sync.Once
	ended  error
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	} else if !o.settled {
		o.clock = o.Now
	}
	o.settled = true
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
	return o
}

// Open begins to keep books in a ledger. The error says what to do.
func Open(o Options) (*Books, error) {
	o = o.withDefaults()
	if o.Ledger == nil {
		var err error
		if o.Ledger, err = OpenLedger(o); err != nil {
			return nil, err
		}
	}
	b := &Books{options: o, ledger: o.Ledger, keys: make(map[string]*Key), totals: sums[Name]{}, stop: make(chan struct{}), done: make(chan struct{})}
	b.Statistics.books = b
	b.table.seed = maphash.MakeSeed()
	b.emptied = o.Now()
	b.heard = make(chan struct{})
	if shared, is := o.Ledger.(*sharedLedger); is {
		b.sharing = newSharing(shared)
		go b.listen()
	} else {
		close(b.heard)
	}
	go b.keep()
	return b, nil
}

// What is done beside requests waits so long for a ledger.
const (
	readWithin  = 30 * time.Second
	writeWithin = 10 * time.Second
)

func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// keep writes the changes once a second until Close.
func (b *Books) keep() {
	defer close(b.done)
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	for {
		select {
		case <-flush.C:
			_ = b.flush() // it has been logged, and is in Health
			b.renew()
		case <-b.stop:
			return
		}
	}
}

// flush writes what was counted into the ledger. What cannot be written is kept.
func (b *Books) flush() error {
	b.flushing.Lock()
	defer b.flushing.Unlock()
	ctx, cancel := within(writeWithin)
	defer cancel()
	now := b.options.Now()
	if limits := b.limits.Load(); limits != nil {
		b.ledger.KeepLimits(limits.Changes(), limits.Until)
	}
	err := b.handOver(ctx, now)
	if b.sharing != nil {
		b.keepKnown(now)
	}
	if err == nil {
		err = b.ledger.Write(ctx, now)
	}
	b.note(err)
	if err == nil {
		b.mu.Lock()
		b.emptied = now
		b.mu.Unlock()
	}
	return err
}

// gather takes what was counted out of the series. It waits for no ledger.
func (b *Books) gather() {
	b.gathering.Lock()
	defer b.gathering.Unlock()
	b.changing.Lock()
	changed := b.changed
	b.changed = nil
	b.changing.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range changed {
		s.dirty.Store(false) // before the counters are read, so that what comes now puts it on the list again
		c := Counted{s.name, s.take()}
		switch s.name.Kind {
		case ofRequests:
			b.totals.add(s.name.channel(), &c.Counts)
		case ofAttempts:
			b.totals.add(Name{Kind: ofAttempts, Provider: s.name.Provider, Model: s.name.Model}, &c.Counts)
		}
		b.waiting = append(b.waiting, c)
	}
}

// handOver gives the ledger what was counted, as of a time.
func (b *Books) handOver(ctx context.Context, now time.Time) error {
	b.handing.Lock() // so that who comes second finds in the ledger what the first had to hand over
	defer b.handing.Unlock()
	b.gather()
	b.gathering.Lock()
	list := b.waiting
	b.waiting = nil
	b.gathering.Unlock()
	if len(list) == 0 {
		return nil
	}
	err := b.ledger.Count(ctx, now, list)
	b.gathering.Lock()
	defer b.gathering.Unlock()
	if err != nil {
		b.waiting = together(append(list, b.waiting...))
	} else if b.waiting == nil { // its memory serves again
		clear(list)
		b.waiting = list[:0]
	}
	return err
}

// together adds up what is of the same series, so that what waits is never more than there are series.
func together(list []Counted) []Counted {
	all := sums[Name]{}
	for i := range list {
		all.add(list[i].Name, &list[i].Counts)
	}
	list = list[:0]
	for name, c := range all {
		list = append(list, Counted{name, *c})
	}
	return list
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
	if l := b.ledger.Status(); !l.Away.IsZero() {
		return fmt.Errorf("since %s what is counted waits in the data folder for the database: %w", l.Away.UTC().Format(time.RFC3339), l.AwayErr)
	}
	return nil
}

// Close writes what is left. It may be called again.
func (b *Books) Close() error {
	b.ending.Do(func() {
		close(b.stop)
		<-b.done
		<-b.heard
		err := b.flush()
		b.flushing.Lock() // a flush that somebody else began
		defer b.flushing.Unlock()
		if closing := b.ledger.Close(); err == nil {
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
