//go:build cluster

package cluster

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/usage/credit"
)

const key = "the ledger's hash of a key"

func (r *redisServer) accounts(t *testing.T, n int) (all []*Cluster, of []credit.Account) {
	for range n {
		c, _ := r.join(t, nil)
		a := c.Credits().Account(key)
		a.Begin(1_700_000_000, 0)
		all, of = append(all, c), append(of, a)
	}
	return all, of
}

// pay makes a request of an estimate and a cost, if the credits allow it.
func pay(a credit.Account, credits, estimate, cost int64, during func()) (ok bool, err error) {
	limit := credits + a.Added()
	switch a.Reserve(estimate, limit) {
	case credit.Refused:
		return false, nil
	case credit.Unsure:
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if ok, err = a.Confirm(ctx, estimate, limit); !ok && err == nil {
			return false, nil
		}
	}
	if during != nil {
		during()
	}
	a.Settle(estimate, cost)
	return true, err
}

func TestFleetSpendsNoMoreThanTheCredit(t *testing.T) {
	r := startRedis(t)
	_, of := r.accounts(t, 4)
	const credits = 1_000_000
	var mu sync.Mutex
	var group sync.WaitGroup
	spent := int64(0)
	for _, a := range of {
		for range 8 {
			group.Go(func() {
				for range 300 {
					if ok, err := pay(a, credits, 1000, 1000, func() { time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond) }); ok && err == nil {
						mu.Lock()
						spent += 1000
						mu.Unlock()
					} else if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	group.Wait()
	within(t, 2*creditTerm, func() bool { // what an instance was given and has not used is free for the others
		for _, a := range of {
			if ok, _ := pay(a, credits, 1000, 1000, nil); ok {
				spent += 1000
			}
		}
		return spent >= credits
	})
	if spent < credits || spent > credits {
		t.Errorf("%d were spent of %d", spent, credits)
	}
	for i, a := range of {
		within(t, time.Second, func() bool { return a.Spent() == spent })
		if a.Reserved() != 0 {
			t.Errorf("instance %d has %d reserved", i, a.Reserved())
		}
	}
}

// TestOnlyOneRequestInAllGoesBeyondTheCredit has every instance want much more than is left.
func TestOnlyOneRequestInAllGoesBeyondTheCredit(t *testing.T) {
	for range 5 {
		r := startRedis(t)
		_, of := r.accounts(t, 4)
		for _, a := range of { // each has something ahead
			pay(a, 1000, 10, 10, nil)
		}
		var in atomic.Int64
		hold := make(chan struct{})
		var group, tried sync.WaitGroup
		for _, a := range of {
			for range 20 {
				tried.Add(1)
				group.Go(func() {
					let := false
					if _, err := pay(a, 1000, 5000, 3000, func() { let = true; in.Add(1); tried.Done(); <-hold }); err != nil {
						t.Error(err)
					}
					if !let {
						tried.Done()
					}
				})
			}
		}
		tried.Wait()
		close(hold)
		group.Wait()
		if in.Load() != 1 {
			t.Errorf("%d went beyond", in.Load())
		}
	}
}

func TestNobodyIsRefusedWhileThereIsCredit(t *testing.T) {
	r := startRedis(t)
	_, of := r.accounts(t, 4)
	const credits = 1_000_000_000
	var group sync.WaitGroup
	for _, a := range of {
		for range 16 {
			group.Go(func() {
				for range 200 { // a request takes a part of what is given ahead, or all of it
					if ok, err := pay(a, credits, 1_000+rand.Int64N(1_000_000), 1_000, nil); !ok || err != nil {
						t.Error("refused with nearly everything left:", err)
						return
					}
				}
			})
		}
	}
	group.Wait()
	within(t, time.Second, func() bool { return of[0].Spent() == 4*16*200*1_000 })
}

func TestWhatIsAddedAtOneInstanceIsSeenByAllWithinASecond(t *testing.T) {
	r := startRedis(t)
	_, of := r.accounts(t, 3)
	for _, a := range of {
		pay(a, 1000, 400, 400, nil)
	}
	within(t, time.Second, func() bool { return of[0].Spent() == 1200 && of[1].Spent() == 1200 && of[2].Spent() == 1200 })
	if ok, _ := pay(of[1], 1000, 1, 1, nil); ok {
		t.Error("more than the credit is spent")
	}
	of[0].SetAdded(5000)
	for _, a := range of {
		within(t, time.Second, func() bool { return a.Added() == 5000 })
	}
	if ok, _ := pay(of[2], 1000, 1, 1, nil); !ok {
		t.Error("what was added is not there")
	}
}

func TestWhatWasSpentSurvivesThatRedisIsEmptied(t *testing.T) {
	r := startRedis(t)
	all, of := r.accounts(t, 2)
	for _, a := range of {
		pay(a, 1000, 450, 450, nil)
	}
	within(t, time.Second, func() bool { return of[0].Spent() == 900 && of[1].Spent() == 900 })
	r.stop()
	within(t, 3*time.Second, func() bool { return !all[0].State().Up && !all[1].State().Up })
	if ok, _ := pay(of[0], 1000, 10, 10, nil); !ok {
		t.Error("a request is refused while Redis is away")
	}
	r.start()
	within(t, 5*time.Second, func() bool { return all[0].State().Up && all[1].State().Up })
	for _, a := range of {
		within(t, 2*time.Second, func() bool { return a.Spent() == 910 })
	}
	if late := func() credit.Account { _, of := r.accounts(t, 1); return of[0] }(); true {
		within(t, time.Second, func() bool { return late.Spent() == 910 })
	}
}

func TestWhatAKilledInstanceWasGivenComesBackWithinItsTerm(t *testing.T) {
	r := startRedis(t)
	all, of := r.accounts(t, 2)
	hold := make(chan struct{})
	var group sync.WaitGroup
	begun := make(chan struct{})
	group.Go(func() { pay(of[0], 1000, 1000, 0, func() { close(begun); <-hold }) })
	<-begun
	if ok, _ := pay(of[1], 1000, 100, 100, nil); ok {
		t.Error("what is reserved is spent elsewhere")
	}
	time.Sleep(creditTerm + time.Second) // it is held as long as the request lasts
	if ok, _ := pay(of[1], 1000, 100, 100, nil); ok {
		t.Error("what is reserved is spent elsewhere when its term is over")
	}
	all[0].stop() // nobody asks again
	within(t, creditTerm+time.Second, func() bool { ok, _ := pay(of[1], 1000, 100, 100, nil); return ok })
	close(hold)
	group.Wait()
}

// TestWhatRedisAndACommonLedgerBothTellOfCountsOnce has an instance begin whose ledger knows of the others, all or some
// of it, before Redis has told it that they are there.
func TestWhatRedisAndACommonLedgerBothTellOfCountsOnce(t *testing.T) {
	for name, c := range map[string]struct{ known, told, want int64 }{
		"all":                             {400, 400, 400},
		"what was delivered":              {300, 300, 400},
		"and of one that Redis forgot":    {550, 400, 550},
		"nothing, of a month that is new": {0, 400, 0},
		"nothing, as it is away":          {0, 0, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRedis(t)
			other, _ := r.join(t, nil)
			theirs := other.Credits().Account(key)
			theirs.Begin(1, 0)
			if ok, err := pay(theirs, 1000, 400, 400, nil); !ok || err != nil {
				t.Fatal(ok, err)
			}
			within(t, time.Second, func() bool { return !theirs.(*account).dirty.Load() })
			c0, _ := r.join(t, nil)
			mine := c0.Credits().Account(key)
			mine.(*account).Tell(c.known, map[string]int64{other.books: c.told, "another": 150})
			mine.Begin(1, 0)
			for left := 1000 - c.want; left > 0; left -= 50 {
				if ok, err := pay(mine, 1000, 50, 50, nil); !ok || err != nil {
					t.Fatalf("with %d left it is refused: %v", left, err)
				}
			}
			if ok, _ := pay(mine, 1000, 50, 50, nil); ok || mine.Spent() != 1000 {
				t.Errorf("with nothing left it is let in: %v, %d are spent", ok, mine.Spent())
			}
		})
	}
}
