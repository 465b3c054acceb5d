package limit

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"uniapi/config"
)

// perModel is a table with one limit for every model, written "15/1m0s 10/24h0m0s".
func perModel(t testing.TB, text string) config.ModelTable[config.RateLimit] {
	t.Helper()
	var table config.ModelTable[config.RateLimit]
	table.Set("default", config.RateLimit{Limits: limitsOf(t, text)})
	return table
}

func limitsOf(t testing.TB, text string) []config.Limit {
	t.Helper()
	var out []config.Limit
	for item := range strings.FieldsSeq(text) {
		count, window, _ := strings.Cut(item, "/")
		var l config.Limit
		var err error
		if l.Window, err = time.ParseDuration(window); err != nil {
			t.Fatal(err)
		}
		fmt.Sscan(count, &l.Count)
		out = append(out, l)
	}
	return out
}

// naive is the rule as uni-api has it: the requests of each window are counted one by one.
type naive struct {
	limits []config.Limit
	times  []int64 // in order, without those taken back
}

func (n *naive) used(l config.Limit, now int64) (used int64, oldest int64) {
	for _, at := range slices.Backward(n.times) {
		if at <= now-int64(l.Window) {
			break
		}
		used, oldest = used+1, at
	}
	return used, oldest
}

// wait is how long no request is allowed, 0 if one is now.
func (n *naive) wait(now int64) (wait time.Duration) {
	for _, l := range n.limits {
		if used, _ := n.used(l, now); used < l.Count {
			continue
		}
		free := now
		if l.Count > 0 {
			free = n.times[len(n.times)-int(l.Count)]
		}
		wait = max(wait, time.Duration(free+int64(l.Window)-now))
	}
	return wait
}

func (n *naive) remaining(now int64) (least int64) {
	least = 1 << 62
	for _, l := range n.limits {
		used, _ := n.used(l, now)
		least = min(least, l.Count-used)
	}
	return least
}

func (n *naive) cancel(at int64) {
	if i := slices.Index(n.times, at); i >= 0 {
		n.times = slices.Delete(n.times, i, i+1)
	}
}

func TestLimitsAllowExactlyWhatCountingOneByOneAllows(t *testing.T) {
	for _, text := range []string{
		"1/1s", "2/1s 4/1m", "15/1m 10/24h", "3/1s 3/1s", "0/1m", "5/1m 0/1h", "20/1s 100/1m 120/1h", "700/1s", "15/1m 40/3m 90/1h",
	} {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("%s, seed %d", text, seed), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				ref := naive{limits: limitsOf(t, text)}
				subject := NewLocal().Subject("s", perModel(t, text))
				var grants []Grant
				now := int64(0)
				pace := int64(1) << (5 * (2 + seed)) // average distance: from 1 µs to 36 minutes
				for range 3000 {
					if random.IntN(3) > 0 {
						now += random.Int64N(2 * pace)
					}
					if len(grants) > 0 && random.IntN(5) == 0 {
						i := random.IntN(len(grants))
						grants[i].Cancel()
						ref.cancel(grants[i].At)
						grants = slices.Delete(grants, i, i+1)
					}
					want := ref.wait(now)
					if refusal, ok := subject.Check("m", Need{}, now); ok != (want == 0) || refusal.After != want {
						t.Fatalf("at %v: check gives %v %v, counting gives %v", time.Duration(now), ok, refusal.After, want)
					}
					grant, refusal, ok := subject.Take("m", now)
					if ok != (want == 0) || refusal.After != want {
						t.Fatalf("at %v: %v %v, counting gives %v", time.Duration(now), ok, refusal.After, want)
					}
					if !ok {
						continue
					}
					ref.times = append(ref.times, now)
					grants = append(grants, grant)
					if left := grant.Quota().Remaining; left != ref.remaining(now) {
						t.Fatalf("at %v: %d left, counting gives %d", time.Duration(now), left, ref.remaining(now))
					}
				}
			})
		}
	}
}

func TestHugeLimitsAreNeverTooGenerousAndMissAThousandthAtMost(t *testing.T) {
	for _, text := range []string{"5000/1m", "10000/1s 30/10ms", "20000/1m 250000/1h", "6000/1s 3/1ms 20000/1m"} {
		t.Run(text, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, 7))
			ref := naive{limits: limitsOf(t, text)}
			subject := NewLocal().Subject("s", perModel(t, text))
			now, refusals := int64(0), 0
			for range 60_000 {
				now += random.Int64N(int64(ref.limits[0].Window) / ref.limits[0].Count)
				if random.IntN(10_000) == 0 {
					now += int64(ref.limits[0].Window) / 3
				}
				grant, refusal, ok := subject.Take("m", now)
				if ok {
					for _, l := range ref.limits {
						if len(ref.times) >= int(l.Count) && now-ref.times[len(ref.times)-int(l.Count)] < int64(l.Window) {
							t.Fatalf("at %v: allowed more than %v", time.Duration(now), l)
						}
					}
					ref.times = append(ref.times, grant.At)
					continue
				}
				refusals++
				// The limit that it names is full, or all but a block of it.
				slack := int64(0)
				if refusal.Limit.Count > maxExact {
					slack = refusal.Limit.Count/perBlock + 1
				}
				short := len(ref.times) - int(refusal.Limit.Count-slack)
				if short >= 0 && short < len(ref.times) && ref.times[short] <= now-int64(refusal.Limit.Window) {
					t.Fatalf("at %v: refused by %v although more than a block was free", time.Duration(now), refusal)
				}
				if _, ok := subject.Check("m", Need{}, now+int64(refusal.After)); !ok {
					t.Fatalf("still refused after %v", refusal.After)
				}
				if _, ok := subject.Check("m", Need{}, now+int64(refusal.After)-1); ok {
					t.Fatalf("already allowed before %v", refusal.After)
				}
			}
			if refusals == 0 {
				t.Error("the limit was never reached")
			}
		})
	}
}

func TestRemainingOfAHugeLimitIsWhatIsAllowedYet(t *testing.T) {
	subject := NewLocal().Subject("s", perModel(t, "5000/1m"))
	var last Quota
	for now := range int64(20_000) {
		grant, _, ok := subject.Take("m", now*int64(10*time.Millisecond))
		if ok {
			last = grant.Quota()
			continue
		}
		if last.Remaining != 0 {
			t.Fatalf("refused with %d remaining", last.Remaining)
		}
	}
	if last.Limit.Count != 5000 || last.Reset <= 0 || last.Reset > time.Minute {
		t.Errorf("got %+v", last)
	}
}

func TestRacingRequestsGetExactlyTheCount(t *testing.T) {
	for _, text := range []string{"50/1m", "1/1s", "3000/1m 3500/1h", "4097/1m", "20000/1h 9000/1s", "40/1m 1000000/24h"} {
		t.Run(text, func(t *testing.T) {
			subject := NewLocal().Subject("s", perModel(t, text))
			limits := strictest(limitsOf(t, text))
			now := int64(time.Hour)
			for range 3 {
				allowed := race(8, int(limits[0].Count)/7+20, func() bool {
					_, _, ok := subject.Take("m", now)
					return ok
				})
				want, slack := limits[0].Count, int64(0)
				if want > maxExact {
					slack = want / perBlock // less than a block
				}
				if allowed > want || allowed < want-slack {
					t.Fatalf("%d were allowed, not %d", allowed, want)
				}
				now += int64(limits[len(limits)-1].Window) + int64(time.Millisecond) // racing times may lie some ns ahead
			}
		})
	}
}

// race calls f n times on each of some goroutines and counts how often it is true.
func race(goroutines, n int, f func() bool) int64 {
	var yes atomic.Int64
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range n {
				if f() {
					yes.Add(1)
				}
			}
		})
	}
	all.Wait()
	return yes.Load()
}

func TestNoWindowOfARaceHoldsMoreThanItsCount(t *testing.T) {
	subject := NewLocal().Subject("s", perModel(t, "20/10us 300/1ms"))
	var clock atomic.Int64
	var mu sync.Mutex
	var times []int64
	race(8, 3000, func() bool {
		grant, _, ok := subject.Take("m", clock.Add(int64(rand.IntN(400))))
		switch {
		case ok && rand.IntN(10) == 0:
			runtime.Gosched()
			grant.Cancel()
		case ok:
			mu.Lock()
			times = append(times, grant.At)
			mu.Unlock()
		}
		return ok
	})
	slices.Sort(times)
	for _, l := range limitsOf(t, "20/10us 300/1ms") {
		for i := int(l.Count); i < len(times); i++ {
			if d := times[i] - times[i-int(l.Count)]; d < int64(l.Window) {
				t.Fatalf("%d requests within %d ns", l.Count+1, d)
			}
		}
	}
	if len(times) < 500 {
		t.Errorf("only %d were allowed", len(times))
	}
}

func TestTakingBackInARaceFreesExactlyThoseTaken(t *testing.T) {
	subject := NewLocal().Subject("s", perModel(t, "100/1m"))
	kept := race(8, 4000, func() bool {
		grant, _, ok := subject.Take("m", 5)
		if ok && rand.IntN(60) > 0 {
			grant.Cancel()
			return false
		}
		return ok
	})
	for {
		if _, _, ok := subject.Take("m", 5); !ok {
			break
		}
		kept++
	}
	if kept != 100 {
		t.Errorf("%d are in the window, not 100", kept)
	}
}

func TestReloadsAndSweepsDuringARaceLoseNothing(t *testing.T) {
	limits := NewLocal().(*local)
	var current atomic.Pointer[Limiter]
	reload := func(text string) {
		s := limits.Subject("s", perModel(t, text))
		current.Store(&s)
	}
	reload("500/1m")
	stop := make(chan struct{})
	var reloader sync.WaitGroup
	reloader.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				reload([]string{"500/1m", "500/1m 100000/1h", "500/1m 800/2m"}[i%3])
				limits.mu.Lock()
				limits.sweep(5)
				limits.mu.Unlock()
				runtime.Gosched()
			}
		}
	})
	allowed := race(4, 3000, func() bool {
		grant, _, ok := (*current.Load()).Take("m", 5)
		if ok && rand.IntN(3) > 0 {
			grant.Cancel()
			return false
		}
		return ok
	})
	close(stop)
	reloader.Wait()
	for range 600 {
		if _, _, ok := (*current.Load()).Take("m", 5); ok {
			allowed++
		}
	}
	if allowed != 500 {
		t.Errorf("%d were allowed, not 500", allowed)
	}
}

func TestHistorySurvivesAReload(t *testing.T) {
	minute := int64(time.Minute)
	for _, c := range []struct {
		name, before, after string
		taken               int
		want                int64 // allowed afterwards, right away
	}{
		{"the same limit", "10/1m", "10/1m", 7, 3},
		{"a larger count", "10/1m", "15/1m", 7, 8},
		{"a smaller count", "10/1m", "5/1m", 7, 0},
		{"a second window", "10/1m", "10/1m 12/1h", 7, 3},
		{"no limit any more", "10/1m", "", 7, 50},
		{"a limit where none was", "", "10/1m", 7, 10},
		{"from exact to huge", "4000/1m", "5000/1m", 3000, 2000},
		{"from huge to exact", "5000/1m", "4000/1m", 3500, 500},
		{"from huge to huge", "10000/1m", "8000/1m", 7500, 500},
		{"a huge limit stays", "9000/1m", "9000/1m 5/1s", 8998, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			limits := NewLocal()
			old := limits.Subject("s", perModel(t, c.before))
			for i := range c.taken {
				if _, _, ok := old.Take("m", minute+int64(i)); !ok {
					t.Fatalf("request %d refused", i)
				}
			}
			young := limits.Subject("s", perModel(t, c.after))
			now := minute + int64(20*time.Second)
			var allowed int64
			for range c.want + 50 {
				if _, _, ok := young.Take("m", now); ok {
					allowed++
				}
			}
			slack := int64(0)
			if want := limitsOf(t, c.before+" "+c.after); want[0].Count > maxExact || want[len(want)-1].Count > maxExact {
				slack = 20 // two blocks of the largest count
			}
			if c.after == "" {
				c.want += 50
			}
			if allowed > c.want || allowed < c.want-slack {
				t.Errorf("%d more were allowed, not %d", allowed, c.want)
			}
			if _, _, ok := old.Take("m", now); ok != (c.after == "" || c.before == "") {
				t.Error("a request that began before the reload has a count of its own")
			}
		})
	}
}

func TestModelsAndSubjectsAreCountedByThemselves(t *testing.T) {
	var table config.ModelTable[config.RateLimit]
	table.Set("gemini-2.5-flash", config.RateLimit{Limits: limitsOf(t, "1/1m")})
	table.Set("gemini-2.5-flash-lite", config.RateLimit{Limits: limitsOf(t, "2/1m")})
	table.Set("default", config.RateLimit{Limits: limitsOf(t, "3/1m")})
	limits := NewLocal()
	for _, name := range []string{"a", "b"} {
		subject := limits.Subject(name, table)
		for model, want := range map[string]int{"gemini-2.5-flash": 1, "gemini-2.5-flash-lite": 2, "gemini-2.5-flash-8b": 1, "x": 3, "y": 3} {
			got := 0
			for range 5 {
				if _, _, ok := subject.Take(model, 1); ok {
					got++
				}
			}
			if got != want {
				t.Errorf("%s of %s: %d were allowed, not %d", model, name, got, want)
			}
		}
	}
}

func TestModelsNameIsNotKeptInTheRequestsMemory(t *testing.T) {
	subject := NewLocal().Subject("s", perModel(t, "1/1m"))
	body := []byte("model-a")
	subject.Take(unsafe.String(&body[0], len(body)), 1)
	copy(body, "model-b")
	if _, _, ok := subject.Take("model-a", 1); ok {
		t.Error("the counter of model-a changed its name with the request's bytes")
	}
}

func TestIdleCountersAreDroppedAndOthersKept(t *testing.T) {
	limits := NewLocal().(*local)
	subject := limits.Subject("s", perModel(t, "2/1m"))
	subject.Take("kept", int64(2*time.Minute))
	for i := range 10_000 {
		now := int64(i) * int64(time.Second) / 10
		subject.Take("kept", now+int64(2*time.Minute))
		subject.Take(fmt.Sprint("model-", i), now)
	}
	// 600 models a minute are in their window; twice as many may be there until the next look.
	if n := limits.table.Load().count; n > 2000 {
		t.Errorf("%d counters are kept", n)
	}
	if _, _, ok := subject.Take("model-9999", int64(1000*time.Second)); !ok {
		t.Error("the second of two was refused")
	}
	if _, _, ok := subject.Take("model-9999", int64(1000*time.Second)); ok {
		t.Error("the counter of a model in use was dropped")
	}
}

func TestTakenBackRequestsDoNotUseUpASmallLimit(t *testing.T) {
	subject := NewLocal().Subject("s", perModel(t, "2/1m 10/24h"))
	for i := range 10_000 {
		grant, _, ok := subject.Take("m", int64(i))
		if !ok {
			t.Fatalf("refused after %d requests that were taken back", i)
		}
		grant.Cancel()
	}
}

func TestRefusalsReadAsMessages(t *testing.T) {
	for _, c := range []struct{ limit, want string }{
		{"15/1m", "15 requests per minute"}, {"1/24h", "1 request per day"}, {"7/90s", "7 requests per 1m30s"},
	} {
		if got := (Refusal{Limit: limitsOf(t, c.limit)[0]}).String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	for _, c := range []struct{ name, limits string }{
		{"one window", "4000/1ms"}, {"two windows", "900/1ms 4000/10ms"}, {"huge count", "999999/1m"}, {"refused", "5/1000h"}, {"none", ""},
	} {
		start := time.Now()
		b.Run(c.name, func(b *testing.B) {
			subject := NewLocal().Subject("sk-0123456789", perModel(b, c.limits))
			b.ReportAllocs()
			now := int64(time.Since(start))
			for b.Loop() {
				now += 300
				subject.Take("gpt-4o-mini", now)
			}
		})
		b.Run(c.name+" parallel", func(b *testing.B) {
			subject := NewLocal().Subject("sk-0123456789", perModel(b, c.limits))
			b.ReportAllocs()
			var clock atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for i := int64(0); pb.Next(); i++ {
					if i%64 == 0 {
						clock.Add(300 * 64)
					}
					subject.Take("gpt-4o-mini", clock.Load())
				}
			})
		})
	}
	b.Run("with quota", func(b *testing.B) {
		subject := NewLocal().Subject("sk-0123456789", perModel(b, "900/1ms 4000/10ms"))
		b.ReportAllocs()
		now := int64(0)
		for b.Loop() {
			now += 3000
			if grant, _, ok := subject.Take("gpt-4o-mini", now); ok {
				grant.Quota()
			}
		}
	})
}
