package usage

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"uniapi/usage/credit"
)

// reserve is Key.Reserve for accounts of this process.
func reserve(k *Key, estimate int64) bool {
	ok, err := k.Reserve(context.Background(), estimate)
	return ok && err == nil
}

// farCredits is a store of accounts that several instances share.
type farCredits struct {
	credit.Store
	fault *farFault
}

// farFault is what is wrong with a connection.
type farFault struct {
	slow bool // the answer comes when nobody waits any more
	err  error
}

func (f *farFault) pass(ctx context.Context) error {
	if f.slow {
		<-ctx.Done()
		return ctx.Err()
	}
	return f.err
}

var farFaults = map[string]farFault{"slow": {slow: true}, "failing": {err: errors.New("connection refused")}}

func (s *farCredits) Account(key string) credit.Account {
	return &farAccount{s.Store.Account(key), s.fault}
}

type farAccount struct {
	credit.Account
	fault *farFault
}

func (a *farAccount) Reserve(int64, int64) credit.Answer { return credit.Unsure }

func (a *farAccount) Confirm(ctx context.Context, estimate, limit int64) (bool, error) {
	if err := a.fault.pass(ctx); err != nil {
		a.Account.Reserve(estimate, math.MaxInt64)
		return false, err
	}
	return a.Account.Reserve(estimate, limit) == credit.Reserved, nil
}

func TestSeveralInstancesShareTheCreditsOfAKey(t *testing.T) {
	shared := credit.NewLocal()
	credits, begun := int64(1000), time.Now().Add(-time.Hour)
	var keys []*Key
	for range 3 {
		b := open(t, Options{Memory: true, Credits: &farCredits{shared, new(farFault)}})
		keys = append(keys, configure(t, b, &credits, &begun))
	}
	served := 0
	for range 20 {
		for _, k := range keys {
			if reserve(k, 100) {
				served++
				k.Settle(100, 100)
			}
		}
	}
	if served != 10 {
		t.Errorf("%d requests of 100 were served out of 1000", served)
	}
	for i, k := range keys {
		if !k.OutOfCredit() {
			t.Errorf("instance %d does not know that nothing is left", i)
		}
	}
}

func TestCreditsThatNobodyConfirmsAreDecidedAsOptionsSay(t *testing.T) {
	for name, fault := range farFaults {
		for _, strict := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log strings.Builder
					credits, begun := int64(1000), time.Now().Add(-time.Hour)
					b, err := Open(Options{
						Memory: true, Log: slog.New(slog.NewTextHandler(&log, nil)), Strict: strict,
						Credits: &farCredits{credit.NewLocal(), &fault},
					})
					if err != nil {
						t.Fatal(err)
					}
					defer b.Close()
					k := configure(t, b, &credits, &begun)
					var answers []bool
					for range 5 {
						began := time.Now()
						ok, err := k.Reserve(t.Context(), 100)
						if (err != nil) != strict {
							t.Errorf("strict %v: %v", strict, err)
						}
						if took := time.Since(began); took > DefaultPatience {
							t.Errorf("it took %v, want at most %v", took, DefaultPatience)
						}
						if ok {
							k.Settle(100, 500)
						}
						answers = append(answers, ok)
					}
					want := []bool{true, true, false, false, false} // by what this instance knows
					if strict {
						want = make([]bool, 5)
					}
					if !slices.Equal(answers, want) {
						t.Errorf("strict %v: let in %v, want %v", strict, answers, want)
					}
					if k.account.Reserved() != 0 {
						t.Errorf("%d stay reserved", k.account.Reserved())
					}
					if n := strings.Count(log.String(), "\n"); n != 1 {
						t.Errorf("the log has %d lines of it:\n%s", n, log.String())
					}
				})
			})
		}
	}
}
