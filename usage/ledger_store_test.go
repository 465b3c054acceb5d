package usage

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// farLedger is a ledger that is reached over a connection.
type farLedger struct {
	Ledger
	mu    sync.Mutex
	fault farFault
}

func (l *farLedger) set(f farFault) {
	l.mu.Lock()
	l.fault = f
	l.mu.Unlock()
}

func (l *farLedger) pass(ctx context.Context) error {
	l.mu.Lock()
	f := l.fault
	l.mu.Unlock()
	return f.pass(ctx)
}

func (l *farLedger) Count(ctx context.Context, now time.Time, what []Counted) error {
	if err := l.pass(ctx); err != nil {
		return err
	}
	return l.Ledger.Count(ctx, now, what)
}

func (l *farLedger) Write(ctx context.Context, now time.Time) error {
	if err := l.pass(ctx); err != nil {
		return err
	}
	return l.Ledger.Write(ctx, now)
}

func (l *farLedger) Read(ctx context.Context, now time.Time, kinds []Kind, ask func(View) error) error {
	if err := l.pass(ctx); err != nil {
		return err
	}
	return l.Ledger.Read(ctx, now, kinds, ask)
}

func (l *farLedger) AddCredits(ctx context.Context, key string, c Correction) (int64, error) {
	if err := l.pass(ctx); err != nil {
		return 0, err
	}
	return l.Ledger.AddCredits(ctx, key, c)
}

// creditsAsked calls back when a ledger has said what was added, before who asked knows.
type creditsAsked struct {
	Ledger
	then func()
}

func (l *creditsAsked) Credits(ctx context.Context) (map[string]int64, error) {
	added, err := l.Ledger.Credits(ctx)
	l.then()
	return added, err
}

// What is added between a reload's look at the ledger and its end is not forgotten by it.
func TestCreditsThatAreAddedDuringAReloadStay(t *testing.T) {
	inner, err := OpenLedger(Options{Memory: true, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	ledger := &creditsAsked{inner, func() {}}
	b := open(t, Options{Ledger: ledger})
	credits := int64(100)
	k := configure(t, b, &credits, nil)
	const each, reloads = 7, 20
	var all sync.WaitGroup
	add := func() {
		if _, known, err := b.AddCredits(secret, Correction{Nano: each}); !known || err != nil {
			t.Errorf("known: %v, %v", known, err)
		}
	}
	ledger.then = func() {
		if b.configuring.TryLock() { // nothing keeps it back: it comes in between
			b.configuring.Unlock()
			add()
		} else {
			all.Go(add)
		}
	}
	for i := range int64(reloads) {
		configure(t, b, &credits, nil)
		all.Wait()
		if got := k.account.Added(); got != each*(i+1) {
			t.Fatalf("after %d reloads with %d added each, %d are", i+1, each, got)
		}
	}
}

func TestLedgerThatDoesNotAnswerLosesNothingAndStopsNoRequest(t *testing.T) {
	for name, fault := range farFaults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				inner, err := OpenLedger(Options{Memory: true, Log: quiet})
				if err != nil {
					t.Fatal(err)
				}
				far := &farLedger{Ledger: inner}
				b, err := Open(Options{Ledger: far, Log: slog.New(slog.NewTextHandler(&log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close()
				credits, begun := int64(1000), time.Now().Add(-time.Hour)
				k := configure(t, b, &credits, &begun)
				series, start := k.Series("p", "m", "e"), time.Now()
				series.Record(sample(1, 1))
				time.Sleep(2 * flushEvery)
				far.set(fault)
				for range 200 {
					began := time.Now()
					series.Record(sample(1, 1))
					if !reserve(k, 1) {
						t.Fatal("a request is refused")
					}
					k.Settle(1, 1)
					if took := time.Since(began); took != 0 {
						t.Fatalf("a request waited %v", took)
					}
					time.Sleep(flushEvery)
				}
				if err := b.Health(); err == nil || fault.err != nil && !errors.Is(err, fault.err) || fault.slow && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("health is %v", err)
				}
				if all, _ := b.Totals(); len(all) != 1 || all[0].Requests != 201 {
					t.Errorf("the totals are %+v", all)
				}
				b.gathering.Lock()
				n := len(b.waiting)
				b.gathering.Unlock()
				if n > 3 {
					t.Errorf("%d counts wait, for one series, its key and its channel at most", n)
				}
				began := time.Now()
				if _, _, err := b.AddCredits(secret, Correction{Nano: 500}); err == nil {
					t.Error("a credit that was not written is confirmed")
				}
				if took := time.Since(began); took > writeWithin {
					t.Errorf("adding a credit took %v", took)
				}
				far.set(farFault{})
				time.Sleep(writeWithin + 2*flushEvery)
				if err := b.Health(); err != nil {
					t.Error(err)
				}
				if n := requestsIn(b, start, time.Now()); n != 201 {
					t.Errorf("%d requests of 201 are in the ledger", n)
				}
				if state, _, err := b.AddCredits(secret, Correction{Nano: 500}); err != nil || state.Granted != 1500 {
					t.Errorf("%+v, %v", state, err)
				}
				if n := strings.Count(log.String(), "cannot be written"); n != 1 {
					t.Errorf("the log tells %d times of it:\n%s", n, log.String())
				}
			})
		})
	}
}
