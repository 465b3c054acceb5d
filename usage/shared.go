package usage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// sharedLedger is the ledger of several instances: an outbox here, and the common tables in PostgreSQL. What is counted
// goes into the outbox once a second, and from there, piece by piece and in order, into the tables. What the tables
// have of an instance's time is the sum of its pieces.
type sharedLedger struct {
	server    *postgres
	dir       string
	instance  string
	retention time.Duration
	log       *slog.Logger
	now       func() time.Time // of the tests; nil is the time of the database, which is the same for all instances

	mu      sync.Mutex // of what follows; it is not held while a disk or the database works
	box     *outbox
	limits  unkeptLimits
	known   map[string][]byte // of the credits of keys, as it is to be written
	away    time.Time         // since when nothing can be delivered
	awayErr error
	retry   time.Time
	wait    time.Duration // between the last try and the next
	rows    int           // that the last write wrote, and how long that took
	took    time.Duration

	before  map[string]*remembered // what processes before this one knew of the credits of keys
	tables  tables                 // what the database has, as far as it is known here
	roster  roster
	damaged atomic.Int64
	writing sync.Mutex // held by the one who writes the outbox

	asked time.Time // when the database answered last; of keep alone

	kick chan struct{}
	stop context.CancelFunc
	life context.Context
	done chan struct{}
}

// ErrAway is that the database of the common ledger cannot be asked now.
var ErrAway = errAway

// idleFor is how long nobody asks whether the database is there while there is nothing to deliver.
const idleFor = 2 * time.Second

// startWithin is how long a start waits for the database before it goes on without.
const startWithin = 5 * time.Second

// retry is tried again after a time that doubles.
const (
	retryFirst = 250 * time.Millisecond
	retryMost  = 5 * time.Second
)

// openShared opens the ledger in a database. One that does not answer is waited for beside requests; anything else that
// is wrong is said.
func openShared(o Options) (*sharedLedger, error) {
	if o.Instance == "" {
		o.Instance, _ = os.Hostname()
	}
	server, err := openPostgres(o.Database, o.Instance)
	if err != nil {
		return nil, err
	}
	l := &sharedLedger{server: server, dir: o.Dir, instance: boundedWord(o.Instance), retention: o.Retention, log: o.Log, now: o.clock, kick: make(chan struct{}, 1), done: make(chan struct{})}
	var lost damages
	if l.box, err = openOutbox(o.Dir, o.Memory, &lost); err != nil {
		server.pool.Close()
		return nil, err
	}
	if len(lost.list) > 0 {
		l.damaged.Add(int64(len(lost.list)))
		l.log.Error("some of what waited for the common ledger cannot be read and is left out", "file", outboxFile, "rows", len(lost.list), "error", lost.list[0].err)
		if err := l.box.store.update(func(w writer) error { return lost.setAside(w, time.Now()) }); err != nil {
			l.log.Error("damaged rows could not be set aside", "file", outboxFile, "error", err)
		}
	}
	if l.before, err = readKnown(l.box.store, time.Now()); err != nil {
		server.pool.Close()
		_ = l.box.store.close()
		return nil, fmt.Errorf("reading %s in %s: %w", outboxFile, o.Dir, err)
	}
	ctx, cancel := within(startWithin)
	defer cancel()
	if err := l.prepare(ctx); errors.Is(err, errAway) {
		l.failed(err)
	} else if err != nil {
		server.pool.Close()
		_ = l.box.store.close()
		return nil, err
	}
	l.life, l.stop = context.WithCancel(context.Background())
	go l.keep()
	return l, nil
}

// Count implements Ledger.
func (l *sharedLedger) Count(_ context.Context, now time.Time, what []Counted) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.box.count(minuteOf(now), what)
	return nil
}

// Write implements Ledger: what was counted is kept here. It does not wait for the database.
func (l *sharedLedger) Write(_ context.Context, now time.Time) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	began := time.Now()
	l.mu.Lock()
	l.box.squeeze(now.Unix())
	save, limits, known := l.box.unsaved(), maps.Clone(l.limits), maps.Clone(l.known)
	rows := 0
	for _, p := range save.pieces {
		rows += p.span.size()
	}
	l.mu.Unlock()
	if save.empty() && len(limits)+len(known) == 0 {
		l.wake()
		return nil
	}
	err := l.box.store.update(func(w writer) error {
		if err := save.write(w); err != nil {
			return err
		}
		if err := putKnown(w, known); err != nil {
			return err
		}
		return putLimits(w, limits)
	})
	if err == nil {
		l.mu.Lock()
		l.box.written(&save)
		l.limits.wrote(limits)
		l.wroteKnown(known)
		l.rows, l.took = rows, time.Since(began)
		l.mu.Unlock()
	}
	l.wake() // what cannot be kept here can be delivered
	return err
}

func (l *sharedLedger) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Limits implements Ledger: what this instance has counted, of the file here.
func (l *sharedLedger) Limits(_ context.Context, now time.Time) (map[string][]byte, error) {
	return keptLimits(l.box.store, now)
}

// KeepLimits implements Ledger.
func (l *sharedLedger) KeepLimits(changed map[string][]byte, until func([]byte) int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits.take(changed, until)
}

// Status implements Ledger.
func (l *sharedLedger) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Status{Rows: l.rows, Took: l.took, Size: l.box.store.size(), Damaged: l.damaged.Load(), Pending: l.box.rows(), Away: l.away, AwayErr: l.awayErr}
}

// failed notes that the database cannot be used, and tells of it once.
func (l *sharedLedger) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.life != nil && l.life.Err() != nil && errors.Is(err, context.Canceled) {
		return // by Close
	}
	if l.away.IsZero() {
		l.away = time.Now()
		l.log.Error("the common ledger cannot be reached; usage is kept in the data folder until it can, and statistics are of this instance since then",
			"database", l.server.at, "dir", l.dir, "error", err)
	}
	l.awayErr = err
	l.wait = min(max(2*l.wait, retryFirst), retryMost)
	l.retry = time.Now().Add(l.wait)
}

// back notes that it answers.
func (l *sharedLedger) back() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.away.IsZero() {
		l.log.Warn("the common ledger is back; nothing was lost", "database", l.server.at, "away", time.Since(l.away).Round(time.Millisecond).String(), "pieces", len(l.box.pieces))
	}
	l.away, l.awayErr, l.wait, l.retry = time.Time{}, nil, 0, time.Time{}
}

// keep delivers what there is until Close, and rolls up what is due.
func (l *sharedLedger) keep() {
	defer close(l.done)
	for {
		select {
		case <-l.kick:
		case <-l.life.Done():
			return
		}
		l.mu.Lock()
		early := time.Now().Before(l.retry)
		l.mu.Unlock()
		if early {
			continue
		}
		if err := l.settle(l.life); err != nil {
			l.failed(err)
		} else {
			l.back()
		}
	}
}

// settle delivers all that waits, and rolls up what is due.
func (l *sharedLedger) settle(ctx context.Context) error {
	l.mu.Lock()
	away := !l.away.IsZero()
	l.mu.Unlock()
	some := false
	for {
		p, more := l.next()
		if !more {
			break
		}
		some = true
		within, cancel := context.WithTimeout(ctx, writeWithin)
		err := l.deliver(within, p)
		cancel()
		if err != nil {
			return err
		}
		l.mu.Lock()
		for _, own := range l.box.pieces {
			if own.seq == p.seq {
				l.box.delivered(own)
				break
			}
		}
		l.mu.Unlock()
	}
	within, cancel := context.WithTimeout(ctx, rollUpWithin)
	defer cancel()
	switch {
	case some:
		l.asked = time.Now()
	case away:
		if err := l.prepare(within); err != nil {
			return err
		}
	case time.Since(l.asked) > idleFor:
		l.asked = time.Now()
		pinged, done := context.WithTimeout(within, connectWithin)
		defer done()
		if err := l.server.pool.Ping(pinged); err != nil {
			return l.server.explained(err)
		}
	}
	return l.rollUpIfDue(within)
}

// next is a copy of the first piece, which stays as it is from now on.
func (l *sharedLedger) next() (p *piece, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.box.pieces) == 0 {
		return nil, false
	}
	l.box.pieces[0].tried = true
	return l.box.pieces[0].copied(), true
}

// closeWithin is how long an end waits for the database. What is not delivered then is in the outbox.
const closeWithin = 5 * time.Second

// Close implements Ledger.
func (l *sharedLedger) Close() error {
	l.stop()
	<-l.done
	ctx, cancel := within(closeWithin)
	defer cancel()
	err := l.settle(ctx)
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	save := l.box.unsaved()
	left := len(l.box.pieces)
	l.mu.Unlock()
	if left > 0 {
		l.log.Warn("the common ledger does not have everything yet; what waits is in the data folder, and delivered when the program is started there again",
			"database", l.server.at, "dir", l.dir, "pieces", left, "error", err)
	}
	var saving error
	if !save.empty() {
		saving = l.box.store.update(save.write)
	}
	l.server.pool.Close()
	if closing := l.box.store.close(); saving == nil {
		saving = closing
	}
	if saving != nil {
		return fmt.Errorf("%s: %w", outboxFile, saving)
	}
	return nil
}
