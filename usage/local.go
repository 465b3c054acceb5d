package usage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// localLedger is the ledger of one process: a journal in memory, and a store behind it.
type localLedger struct {
	dir       string
	retention time.Duration
	log       *slog.Logger
	now       func() time.Time
	store     store

	mu      sync.Mutex // of what follows; it is not held while the disk works
	journal journal
	marks   marks
	rows    int // that the last write wrote, and how long that took
	took    time.Duration
	limits  unkeptLimits

	damaged atomic.Int64 // rows that could not be read and were set aside, ever
	writing sync.Mutex   // held by the one who writes spans
}

// OpenLedger opens the ledger: the one that instances share in a database (Database), else that of one process, the
// file in Dir or what is forgotten at the end (Memory). The error says what to do.
func OpenLedger(o Options) (Ledger, error) {
	o = o.withDefaults()
	if o.Database != "" {
		return openShared(o)
	}
	return openLocal(o)
}

func openLocal(o Options) (*localLedger, error) {
	l := &localLedger{dir: o.Dir, retention: o.Retention, log: o.Log, now: o.Now}
	if o.Memory {
		l.store = newMemory()
	} else {
		var lost damages
		file, err := openFile(o.Dir, &lost, o.Now())
		if err != nil {
			return nil, err
		}
		l.store = file
		l.told(&lost)
	}
	if err := l.begin(); err != nil {
		_ = l.store.close()
		return nil, fmt.Errorf("reading the ledger in %s: %w", o.Dir, err)
	}
	return l, nil
}

// begin reads what the journal needs of the ledger, or begins a ledger.
func (l *localLedger) begin() error {
	var names []Name
	var lost damages
	found := false
	now := l.now()
	err := l.store.view(func(r reader) (err error) {
		damaged := int64(0)
		if err = r.each(tableDamaged, func(_, _ []byte) error {
			damaged++
			return nil
		}); err != nil {
			return err
		}
		l.damaged.Store(damaged)
		if names, err = readNames(r, lengthened, &lost); err != nil {
			return err
		}
		l.marks, found = believedMarks(r, now.Unix(), &lost)
		return nil
	})
	if err != nil {
		return err
	}
	if !found || len(lost.list) > 0 {
		if err := l.store.update(func(w writer) error {
			if err := lost.setAside(w, now); err != nil {
				return err
			}
			return l.marks.write(w)
		}); err != nil {
			return err
		}
		l.told(&lost)
	}
	l.journal = journal{index: indexOf(names), minutes: make(map[int64]*span), saved: len(names), floor: l.marks.HoursTo}
	return nil
}

// Count implements Ledger.
func (l *localLedger) Count(_ context.Context, now time.Time, what []Counted) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, err := l.journal.at(l.store, max(begin(now.Unix(), minute), l.journal.floor))
	if err != nil {
		return err
	}
	for i := range what {
		m.count(l.journal.index, what[i].Name, &what[i].Counts)
	}
	return nil
}

// Write implements Ledger. What cannot be written stays in the journal.
func (l *localLedger) Write(_ context.Context, now time.Time) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.write(now.Unix()); err != nil {
		return err
	}
	return l.rollUp(now)
}

// write writes all minutes that have changed in one transaction. l.writing is held.
func (l *localLedger) write(now int64) error {
	began, rows := time.Now(), 0
	type change struct {
		at      int64
		m       *span
		changes int
		batches [len(allKinds)][]byte
	}
	var list []change
	l.mu.Lock()
	err := l.journal.squeeze(l.store, now)
	for at, m := range l.journal.minutes {
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
	names, saved := l.journal.index.names, l.journal.saved
	lost, limits := l.journal.lost, maps.Clone(l.limits)
	l.mu.Unlock()
	if err != nil || len(list)+len(limits) == 0 {
		return err
	}
	err = l.store.update(func(w writer) error {
		if err := lost.setAside(w, l.now()); err != nil { // before the minutes that they were in are written anew
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
		return putLimits(w, limits)
	})
	l.mu.Lock()
	for i := range list {
		list[i].m.stored = true // even after an error: it may have come behind the last byte
	}
	if err != nil {
		l.mu.Unlock()
		return err
	}
	for i := range list {
		list[i].m.written = list[i].changes
	}
	l.journal.saved = len(names)
	l.limits.wrote(limits)
	l.journal.forget(now)
	l.journal.lost.forget(len(lost.list))
	l.took, l.rows = time.Since(began), rows
	l.mu.Unlock()
	l.told(&lost)
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

// Credits implements Ledger.
func (l *localLedger) Credits(context.Context) (map[string]int64, error) {
	added := make(map[string]int64)
	var lost damages
	err := l.store.view(func(r reader) error {
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
		l.setAside(&lost)
	}
	return added, err
}

// Status implements Ledger.
func (l *localLedger) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{Rows: l.rows, Took: l.took, Size: l.store.size(), Damaged: l.damaged.Load()}
	for _, m := range l.journal.minutes {
		if m.changes != m.written {
			s.Pending += m.size()
		}
	}
	return s
}

// Close implements Ledger.
func (l *localLedger) Close() error {
	l.writing.Lock() // a write that somebody else began
	defer l.writing.Unlock()
	return l.store.close()
}
