//go:build cluster

package cluster

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
)

func quotaTable(list ...config.Quota) (all config.ModelTable[config.RateLimit]) {
	all.Set("default", config.RateLimit{Quotas: list})
	return all
}

// begin asks for one request as the gateway does.
func begin(c *Cluster, l limit.Limiter, need limit.Need, patience time.Duration) (h limit.Hold, ok, asked bool, err error) {
	return beginOf("m", c, l, need, patience)
}

func beginOf(model string, c *Cluster, l limit.Limiter, need limit.Need, patience time.Duration) (h limit.Hold, ok, asked bool, err error) {
	h, _, ok = l.Hold(model, need, now(), false)
	if !ok || !h.Unsure() {
		return h, ok, false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	refused, _, err := c.Limits().Confirm(ctx, []limit.Grant{h.Asked()})
	if refused >= 0 || err != nil && c.Strict() {
		h.Cancel(now())
		return h, false, true, err
	}
	return h, true, true, err
}

// withQuotas are instances with quotas of a subject in common.
func withQuotas(t testing.TB, r *redisServer, n int, subject string, list ...config.Quota) (all []*Cluster, of []limit.Limiter) {
	for range n {
		c, _ := r.join(t, nil)
		all, of = append(all, c), append(of, c.Limits().Subject(subject, quotaTable(list...)))
	}
	return all, of
}

const day = 24 * time.Hour

// TestFourInstancesNeverUseMoreOfAQuotaThanItHas has many requests at once, which need more than they turn out to take.
func TestFourInstancesNeverUseMoreOfAQuotaThanItHas(t *testing.T) {
	r := startRedis(t)
	for name, c := range map[string]struct {
		quota      config.Quota
		need, came limit.Need
		most       int64 // requests
		least      int64
	}{
		"tokens":             {config.Quota{Of: config.Tokens, Count: 10_000, Window: time.Minute}, limit.Need{Tokens: 100}, limit.Need{Tokens: 100}, 100, 100},
		"tokens estimated":   {config.Quota{Of: config.Tokens, Count: 10_000, Window: time.Minute}, limit.Need{Tokens: 400}, limit.Need{Tokens: 100}, 100, 97},
		"a day's requests":   {config.Quota{Of: config.Requests, Count: 100, Window: day, Zone: "Europe/Berlin"}, limit.Need{}, limit.Need{}, 100, 100},
		"a month's dollars":  {config.Quota{Of: config.Money, Count: 1e9, Window: 30 * day, Zone: "UTC"}, limit.Need{Money: 1e7}, limit.Need{Money: 1e7}, 100, 100},
		"dollars estimated":  {config.Quota{Of: config.Money, Count: 1e9, Window: day}, limit.Need{Money: 15e7}, limit.Need{Money: 1e7}, 100, 100},
		"one needs them all": {config.Quota{Of: config.Tokens, Count: 50, Window: time.Minute}, limit.Need{Tokens: 1000}, limit.Need{Tokens: 50}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			all, of := withQuotas(t, r, 4, "key "+name, c.quota)
			var served atomic.Int64
			try := func(i int) {
				h, ok, _, err := begin(all[i], of[i], c.need, 5*time.Second)
				if err != nil {
					t.Error(err)
				}
				if ok {
					time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
					served.Add(1)
					h.Settle(c.came, now())
				}
			}
			var group sync.WaitGroup
			for i := range all {
				for range 250 {
					group.Go(func() { try(i) })
				}
			}
			group.Wait()
			for began := time.Now(); time.Since(began) < 3*time.Second && served.Load() < c.least; time.Sleep(time.Millisecond) {
				for i := range all { // what was held and not used is free
					try(i)
				}
			}
			if got := served.Load(); got < c.least || got > c.most {
				t.Errorf("%d were served, want %d to %d", got, c.least, c.most)
			}
		})
	}
}

func TestNeverMoreRequestsAreAtOnceThanAllInstancesMayHave(t *testing.T) {
	r := startRedis(t)
	all, of := withQuotas(t, r, 4, "key k", config.Quota{Of: config.Concurrent, Count: 8})
	var at, most, served atomic.Int64
	var group sync.WaitGroup
	for i := range all {
		for range 50 {
			group.Go(func() {
				for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
					h, ok, _, err := begin(all[i], of[i], limit.Need{}, 5*time.Second)
					if err != nil {
						t.Error(err)
					}
					if !ok {
						continue
					}
					n := at.Add(1)
					for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
					}
					time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
					served.Add(1)
					at.Add(-1)
					h.Settle(limit.Need{}, now())
				}
			})
		}
	}
	group.Wait()
	t.Logf("%d served", served.Load())
	if most.Load() != 8 || served.Load() < 20 {
		t.Errorf("%d were at once of 8, %d served", most.Load(), served.Load())
	}
}

// TestLargeQuotaIsDecidedWithoutAsking has instances use a part of it each.
func TestLargeQuotaIsDecidedWithoutAsking(t *testing.T) {
	r := startRedis(t)
	all, of := withQuotas(t, r, 4, "key k",
		config.Quota{Of: config.Tokens, Count: 10_000_000, Window: time.Minute}, config.Quota{Of: config.Money, Count: 1e12, Window: day, Zone: "UTC"},
		config.Quota{Of: config.Concurrent, Count: 1000})
	var asked, served atomic.Int64
	var group sync.WaitGroup
	for i := range all {
		for range 4 {
			group.Go(func() {
				for range 500 {
					h, ok, unsure, err := begin(all[i], of[i], limit.Need{Tokens: 1000, Money: 1e6}, 5*time.Second)
					if !ok || err != nil {
						t.Error("refused with nearly everything left:", err)
						return
					}
					if served.Add(1); unsure {
						asked.Add(1)
					}
					time.Sleep(100 * time.Microsecond)
					h.Settle(limit.Need{Tokens: 100, Money: 1e5}, now())
				}
			})
		}
	}
	group.Wait()
	if asked.Load() > served.Load()/20 {
		t.Errorf("%d of %d asked", asked.Load(), served.Load())
	}
	within(t, 2*time.Second, func() bool { // what was taken ahead goes back
		h, ok, _, _ := begin(all[0], of[0], limit.Need{Tokens: 9_200_000, Money: 1}, time.Second)
		h.Cancel(now())
		return ok
	})
}

func TestWhatAKilledInstanceHeldOfQuotasComesBackWithinItsTerm(t *testing.T) {
	r := startRedis(t)
	all, of := withQuotas(t, r, 2, "key k", config.Quota{Of: config.Concurrent, Count: 2}, config.Quota{Of: config.Tokens, Count: 1000, Window: time.Hour})
	for range 2 {
		if _, ok, _, err := begin(all[0], of[0], limit.Need{Tokens: 500}, time.Second); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	may := func() bool {
		h, ok, _, _ := begin(all[1], of[1], limit.Need{Tokens: 500}, time.Second)
		if ok {
			h.Cancel(now())
		}
		return ok
	}
	if may() {
		t.Fatal("a third is let in")
	}
	for began := time.Now(); time.Since(began) < quotaTerm+time.Second; time.Sleep(20 * time.Millisecond) {
		if may() {
			t.Fatal("a third is let in while two are under way")
		}
	}
	all[0].stop() // nobody asks again
	within(t, quotaTerm+time.Second, may)
}

// Of what all models have together nothing stays held for a request that its own model's quota refuses.
func TestRequestThatOneQuotaRefusesHoldsNothingOfAnother(t *testing.T) {
	all, of := withQuotas(t, startRedis(t), 1, "key k", config.Quota{Of: config.Tokens, Count: 250, Window: time.Hour}, config.Quota{Of: config.Requests, Count: 1, Window: day})
	need := limit.Need{Tokens: 100}
	for i, c := range []struct {
		model string
		ok    bool
	}{{"a", true}, {"a", false}, {"a", false}, {"b", true}, {"c", false}} {
		if _, ok, _, err := beginOf(c.model, all[0], of[0], need, time.Second); ok != c.ok || err != nil {
			t.Fatalf("request %d, of %s: %v, %v", i, c.model, ok, err)
		}
	}
}

func TestInstanceThatGoesGivesBackWhatItHeldOfQuotas(t *testing.T) {
	r := startRedis(t)
	all, of := withQuotas(t, r, 2, "key k", config.Quota{Of: config.Concurrent, Count: 100}, config.Quota{Of: config.Tokens, Count: 10_000, Window: time.Hour})
	h, _, _, _ := begin(all[0], of[0], limit.Need{Tokens: 1000}, time.Second)
	h.Settle(limit.Need{Tokens: 600}, now())
	begin(all[0], of[0], limit.Need{Tokens: 1000}, time.Second)
	all[0].Close()
	h, ok, _, err := begin(all[1], of[1], limit.Need{Tokens: 9400}, time.Second)
	if !ok || err != nil {
		t.Fatal("not all is free:", err)
	}
	h.Cancel(now())
	if _, ok, _, _ := begin(all[1], of[1], limit.Need{Tokens: 9401}, time.Second); ok {
		t.Error("what it had used is forgotten")
	}
}

// TestEmptiedRedisIsToldWhatWasUsedBefore is of what two instances have used, and of one that joins later.
func TestEmptiedRedisIsToldWhatWasUsedBefore(t *testing.T) {
	for name, quota := range map[string]config.Quota{
		"a window": {Of: config.Tokens, Count: 1000, Window: time.Hour}, "a day": {Of: config.Money, Count: 1000, Window: day, Zone: "Asia/Tokyo"},
		"a day's requests": {Of: config.Requests, Count: 10, Window: day, Zone: "Asia/Tokyo"},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRedis(t)
			all, of := withQuotas(t, r, 2, "key k", quota)
			use := func(i int) bool {
				h, ok, _, _ := begin(all[i], of[i], limit.Need{Tokens: 100, Money: 100}, time.Second)
				if ok {
					h.Settle(limit.Need{Tokens: 100, Money: 100}, now())
				}
				return ok
			}
			for range 3 {
				use(0)
				use(1)
			}
			time.Sleep(2 * quotaEvery)
			client := *all[0].client.Load()
			if err := client.Do(t.Context(), client.B().Flushall().Build()).Error(); err != nil {
				t.Fatal(err)
			}
			for i := range all { // each finds out with its next request, and tells
				if !use(i) {
					t.Error("the seventh and the eighth are refused")
				}
			}
			more, late := withQuotas(t, r, 1, "key k", quota)
			all, of = append(all, more...), append(of, late...)
			served := 8
			for range 10 {
				for i := range all {
					if use(i) {
						served++
					}
				}
			}
			if served != 10 {
				t.Errorf("%d were served of 10", served)
			}
		})
	}
}

func TestQuotasWithoutRedisAreThisInstancesAndToldWhenItIsBack(t *testing.T) {
	r := startRedis(t)
	all, of := withQuotas(t, r, 1, "key k", config.Quota{Of: config.Tokens, Count: 1000, Window: time.Hour})
	use := func() bool {
		h, ok, _, _ := begin(all[0], of[0], limit.Need{Tokens: 100}, patience)
		if ok {
			h.Settle(limit.Need{Tokens: 100}, now())
		}
		return ok
	}
	for range 3 {
		use()
	}
	r.stop()
	within(t, 3*time.Second, func() bool { return !all[0].State().Up })
	for range 4 {
		if !use() {
			t.Error("refused while Redis is away")
		}
	}
	r.start()
	within(t, 5*time.Second, func() bool { return all[0].State().Up })
	within(t, 2*time.Second, func() bool { return len(all[0].limits.allQuotas()) == 0 })
	other, late := withQuotas(t, r, 1, "key k", config.Quota{Of: config.Tokens, Count: 1000, Window: time.Hour})
	if _, ok, _, _ := begin(other[0], late[0], limit.Need{Tokens: 301}, time.Second); ok {
		t.Error("what was used while Redis was away is not counted")
	}
	if _, ok, _, _ := begin(other[0], late[0], limit.Need{Tokens: 300}, time.Second); !ok {
		t.Error("it is counted twice")
	}
}

func TestWindowsTokensAreFreeAgainWhenItHasPassed(t *testing.T) {
	r := startRedis(t)
	all, of := withQuotas(t, r, 2, "key k", config.Quota{Of: config.Tokens, Count: 40, Window: time.Second})
	var served []time.Time
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for i := range all {
			if h, ok, _, err := begin(all[i], of[i], limit.Need{Tokens: 10}, time.Second); ok && err == nil {
				served = append(served, time.Now())
				h.Settle(limit.Need{Tokens: 10}, now())
			}
		}
	}
	for i := 4; i < len(served); i++ {
		if between := served[i].Sub(served[i-4]); between < time.Second-5*time.Millisecond {
			t.Errorf("fifty tokens were used within %v", between)
		}
	}
	if len(served) < 12 {
		t.Errorf("%d were let in within five seconds at four a second", len(served))
	}
}

// TestOnlyOneRequestInAllGoesBeyondAnAmountOfMoney has every instance want much more than is left.
func TestOnlyOneRequestInAllGoesBeyondAnAmountOfMoney(t *testing.T) {
	r := startRedis(t)
	for n := range 10 {
		all, of := withQuotas(t, r, 4, "key "+text(int64(n)), config.Quota{Of: config.Money, Count: 1000, Window: day, Zone: "UTC"})
		for i := range all { // each has something ahead
			h, _, _, _ := begin(all[i], of[i], limit.Need{Money: 10}, time.Second)
			h.Settle(limit.Need{Money: 10}, now())
		}
		var in atomic.Int64
		var group sync.WaitGroup
		for i := range all {
			for range 20 {
				group.Go(func() {
					if _, ok, _, err := begin(all[i], of[i], limit.Need{Money: 5000}, time.Second); ok && err == nil {
						in.Add(1)
					}
				})
			}
		}
		group.Wait()
		if in.Load() != 1 {
			t.Errorf("%d went beyond", in.Load())
		}
	}
}

// TestCalendarsPeriodGoesByTheClockOfRedis has a machine whose clock is days off.
func TestCalendarsPeriodGoesByTheClockOfRedis(t *testing.T) {
	r := startRedis(t)
	all, of := withQuotas(t, r, 2, "key k", config.Quota{Of: config.Requests, Count: 10, Window: day, Zone: "Europe/Berlin"})
	served := 0
	for range 10 {
		for i := range all {
			if i == 0 {
				all[i].limits.ahead.Store(-3 * 24 * 3600 * 1000)
			}
			h, ok, _, err := begin(all[i], of[i], limit.Need{}, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if h.Settle(limit.Need{}, now()); ok {
				served++
			}
		}
	}
	if served != 10 {
		t.Errorf("%d were served of 10", served)
	}
}

// TestLargeQuotasAskRedisSeldom has many requests at once, one behind the other: what an instance was given is used up
// by none of them, so Redis is told what was used now and then, and asked for no more.
func TestLargeQuotasAskRedisSeldom(t *testing.T) {
	r := startRedis(t)
	all, of := withQuotas(t, r, 1, "key k", config.Quota{Of: config.Tokens, Count: 1e12, Window: time.Minute}, config.Quota{Of: config.Money, Count: 9e17, Window: day, Zone: "UTC"},
		config.Quota{Of: config.Concurrent, Count: 100_000}, config.Quota{Of: config.Requests, Count: 1e9, Window: day, Zone: "UTC"})
	if _, ok, _, err := begin(all[0], of[0], limit.Need{Tokens: 1000, Money: 1e7}, time.Second); !ok || err != nil {
		t.Fatal(ok, err)
	}
	before := r.scriptsRun(t)
	var unsure atomic.Int64
	var group sync.WaitGroup
	end := time.Now().Add(2 * time.Second)
	for range 32 {
		group.Go(func() {
			for time.Now().Before(end) {
				h, ok, asked, err := begin(all[0], of[0], limit.Need{Tokens: 1000, Money: 1e7}, time.Second)
				if !ok || err != nil {
					t.Errorf("refused: %v", err)
					return
				}
				if asked {
					unsure.Add(1)
				}
				time.Sleep(100 * time.Microsecond)
				h.Settle(limit.Need{Tokens: 10, Money: 1e5}, now())
			}
		})
	}
	group.Wait()
	// Every quarter of a second it is told what was used, by this and by what looks after breakers and credits.
	if n := r.scriptsRun(t) - before; n > 60 || unsure.Load() > 64 {
		t.Errorf("%d scripts ran in two seconds, and %d requests waited for one", n, unsure.Load())
	}
}
