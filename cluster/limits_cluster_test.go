//go:build cluster

package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
)

var began = time.Now().Add(-time.Hour)

func now() int64 { return int64(time.Since(began)) }

func table(limits ...config.Limit) (all config.ModelTable[config.RateLimit]) {
	all.Set("default", config.RateLimit{Limits: limits})
	return all
}

// try asks for one request as the gateway does.
func try(c *Cluster, l limit.Limiter, patience time.Duration) (g limit.Grant, ok, asked bool, err error) {
	g, _, ok = l.Take("m", now())
	if !ok || !g.Unsure() {
		return g, ok, false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	refused, _, err := c.Limits().Confirm(ctx, []limit.Grant{g})
	if refused >= 0 || err != nil && c.Strict() {
		g.Cancel()
		return g, false, true, err
	}
	return g, true, true, err
}

// burst has each instance try so often at once, and counts what was let in, and what was asked for.
func burst(all []*Cluster, of []limit.Limiter, each int) (served, asked, failed int64) {
	var in, out, bad atomic.Int64
	var group sync.WaitGroup
	for i, c := range all {
		for range each {
			group.Go(func() {
				_, ok, unsure, err := try(c, of[i], 5*time.Second)
				if ok {
					in.Add(1)
				}
				if unsure {
					out.Add(1)
				}
				if err != nil {
					bad.Add(1)
				}
			})
		}
	}
	group.Wait()
	return in.Load(), out.Load(), bad.Load()
}

func fleet(t *testing.T, r *redisServer, n int, limits ...config.Limit) (all []*Cluster, of []limit.Limiter) {
	for range n {
		c, _ := r.join(t, nil)
		all, of = append(all, c), append(of, c.Limits().Subject("key k", table(limits...)))
	}
	return all, of
}

func TestFourInstancesLetInWhatTheLimitSaysAndNoMore(t *testing.T) {
	r := startRedis(t)
	for _, c := range []struct {
		name   string
		limits []config.Limit
		each   int
		want   int64
	}{
		{"one", []config.Limit{{Count: 1, Window: time.Minute}}, 50, 1},
		{"small", []config.Limit{{Count: 100, Window: time.Minute}}, 500, 100},
		{"none", []config.Limit{{Count: 0, Window: time.Minute}}, 20, 0},
		{"two windows", []config.Limit{{Count: 30, Window: time.Minute}, {Count: 70, Window: time.Hour}}, 100, 30},
		{"the longer window", []config.Limit{{Count: 70, Window: time.Second}, {Count: 40, Window: time.Hour}}, 100, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, of := []*Cluster(nil), []limit.Limiter(nil)
			for range 4 {
				one, _ := r.join(t, nil)
				all, of = append(all, one), append(of, one.Limits().Subject("key "+c.name, table(c.limits...)))
			}
			served, asked, failed := burst(all, of, c.each)
			t.Logf("%d served, %d asked", served, asked)
			if served != c.want || failed > 0 {
				t.Errorf("%d were served, want %d; %d could not be asked for", served, c.want, failed)
			}
		})
	}
}

func TestLargeLimitIsDecidedWithoutAskingAndNeverExceeded(t *testing.T) {
	r := startRedis(t)
	all, of := fleet(t, r, 4, config.Limit{Count: 100_000, Window: time.Minute})
	var served, asked int64
	for range 30 { // paced, so that slices are taken ahead
		s, a, failed := burst(all, of, 500)
		served, asked = served+s, asked+a
		if failed > 0 {
			t.Fatalf("%d could not be asked for", failed)
		}
	}
	if served != 60_000 {
		t.Errorf("%d of 60000 were served", served)
	}
	t.Logf("%d of %d asked", asked, served)
	for range 40 {
		s, _, failed := burst(all, of, 500)
		if served += s; failed > 0 {
			t.Fatalf("%d could not be asked for", failed)
		}
	}
	if served > 100_000 || served < 99_000 {
		t.Errorf("%d were served of a limit of 100000", served)
	}
	within(t, 2*time.Second, func() bool { // what was taken ahead comes back
		s, _, _ := burst(all, of, 100)
		served += s
		return served == 100_000
	})
}

func TestWhatIsTakenBackIsFreeForAll(t *testing.T) {
	r := startRedis(t)
	all, of := fleet(t, r, 2, config.Limit{Count: 1, Window: time.Hour})
	for i := range 6 {
		var g limit.Grant
		within(t, time.Second, func() bool { // a refusal is believed for a tenth of a second
			var ok bool
			g, ok, _, _ = try(all[i%2], of[i%2], time.Second)
			return ok
		})
		if _, ok, _, _ := try(all[1-i%2], of[1-i%2], time.Second); ok {
			t.Fatal("the other instance lets in a second one")
		}
		g.Cancel()
	}
}

func TestRequestIsFreeAgainWhenItsWindowHasPassed(t *testing.T) {
	r := startRedis(t)
	all, of := fleet(t, r, 2, config.Limit{Count: 4, Window: time.Second})
	type at struct{ from, to time.Time }
	var served []at
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for i := range all {
			from := time.Now()
			if _, ok, _, err := try(all[i], of[i], time.Second); ok && err == nil {
				served = append(served, at{from, time.Now()})
			}
		}
	}
	for i := 4; i < len(served); i++ {
		if between := served[i].to.Sub(served[i-4].from); between < time.Second {
			t.Errorf("five requests were let in within %v", between)
		}
	}
	if len(served) < 16 {
		t.Errorf("%d were let in within five seconds at 4/s", len(served))
	}
}

func TestInstanceThatGoesGivesBackWhatItHadTakenAhead(t *testing.T) {
	r := startRedis(t)
	all, of := fleet(t, r, 2, config.Limit{Count: 10_000, Window: 20 * time.Second})
	served, _, _ := burst(all[:1], of[:1], 10)
	all[0].Close()
	for range 30 {
		s, _, _ := burst(all[1:], of[1:], 400)
		served += s
	}
	within(t, 2*time.Second, func() bool {
		s, _, _ := burst(all[1:], of[1:], 100)
		served += s
		return served >= 10_000
	})
	if served != 10_000 {
		t.Errorf("%d were served of 10000", served)
	}
}

func TestWhatAKilledInstanceHadTakenAheadComesBackWithItsWindow(t *testing.T) {
	r := startRedis(t)
	all, of := fleet(t, r, 2, config.Limit{Count: 5000, Window: 3 * time.Second})
	before, _, _ := burst(all[:1], of[:1], 10)
	all[0].stop() // nothing is given back
	served, _, _ := burst(all[1:], of[1:], 6000)
	if sum := before + served; sum > 5000 || sum < 4990 {
		t.Errorf("%d were served of 5000", sum)
	}
	time.Sleep(3*time.Second + 3*time.Second/100 + 200*time.Millisecond)
	if served, _, _ = burst(all[1:], of[1:], 6000); served < 4990 || served > 5000 {
		t.Errorf("a window later %d were served of 5000", served)
	}
}

func TestEmptiedRedisIsToldWhatWasLetInBefore(t *testing.T) {
	r := startRedis(t)
	all, of := fleet(t, r, 2, config.Limit{Count: 100, Window: time.Hour})
	served, _, _ := burst(all, of, 30)
	for _, c := range all {
		client := *c.client.Load()
		if err := client.Do(t.Context(), client.B().Flushall().Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range all { // each finds out with its next request, and tells
		s, _, _ := burst(all[i:i+1], of[i:i+1], 1)
		served += s
	}
	within(t, 2*time.Second, func() bool { return all[0].limits.quiet() && all[1].limits.quiet() })
	s, _, _ := burst(all, of, 100)
	if served += s; served != 100 {
		t.Errorf("%d were served of 100", served)
	}
}

func (l *limits) quiet() bool {
	for _, n := range l.all() {
		if !n.idle() {
			return false
		}
	}
	return true
}

func TestRedisThatIsGoneStopsNoRequestAndIsToldWhatWasLetInMeanwhile(t *testing.T) {
	for name, harm := range map[string][2]func(*redisServer){
		"killed":  {(*redisServer).stop, (*redisServer).start},
		"stopped": {func(r *redisServer) { r.signal(syscall.SIGSTOP) }, func(r *redisServer) { r.signal(syscall.SIGCONT) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRedis(t)
			c, log := r.join(t, nil)
			l := c.Limits().Subject("key k", table(config.Limit{Count: 100, Window: time.Hour}))
			served, longest := 0, time.Duration(0)
			some := func(n int) {
				for range n {
					began := time.Now()
					if _, ok, _, _ := try(c, l, patience); ok {
						served++
					}
					longest = max(longest, time.Since(began))
				}
			}
			some(10)
			harm[0](r)
			some(1)
			within(t, 3*time.Second, func() bool { return !c.State().Up })
			some(39)
			if served != 50 {
				t.Errorf("%d of 50 were let in while Redis was away", served)
			}
			if longest > busyFor+patience {
				t.Errorf("one waited for %v", longest)
			}
			harm[1](r)
			within(t, 5*time.Second, func() bool { return c.State().Up })
			within(t, 2*time.Second, c.limits.quiet)
			other, _ := r.join(t, nil)
			s, _, _ := burst([]*Cluster{other}, []limit.Limiter{other.Limits().Subject("key k", table(config.Limit{Count: 100, Window: time.Hour}))}, 100)
			if s != 50 {
				t.Errorf("the other instance was let in %d times beside 50", s)
			}
			if n := len(log.lines()); n != 3 {
				t.Errorf("the log has %d lines: %q", n, log.lines())
			}
		})
	}
}
