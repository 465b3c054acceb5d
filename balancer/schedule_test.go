package balancer

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"uniapi/config"
)

var schedules = []config.Schedule{
	config.FixedPriority, config.RoundRobin, config.WeightedRoundRobin, config.SmartRoundRobin, config.Lottery, config.Random,
	config.LeastLatency, config.LeastBusy, config.Cheapest,
}

func TestSchedulesOrderTheFirstChannels(t *testing.T) {
	weighted := []string{"a/m: 5", "b/m: 3", "c/m: 2"}
	for _, test := range []struct {
		name     string
		schedule config.Schedule
		rules    []string
		want     string // who serves the requests in turn
	}{
		{"fixed_priority is the default", "", []string{"all"}, "a a a a"},
		{"fixed_priority does not heed weights", config.FixedPriority, weighted, "a a a a"},
		{"round_robin begins with the first", config.RoundRobin, []string{"all"}, "a b c a b c a"},
		{"round_robin does not heed weights", config.RoundRobin, weighted, "a b c a"},
		{"weighted_round_robin follows the weighted sequence, and again", config.WeightedRoundRobin, weighted, "a b c a b a c a b a a b c"},
		{"smart_round_robin of channels is by weight", config.SmartRoundRobin, weighted, "a b c a b a c a b a a b c"},
		{"weighted_round_robin leaves out who has no weight", config.WeightedRoundRobin, []string{"c/m", "a/m: 2", "b/m: 1"}, "a b a a b a"},
		{"weighted_round_robin of one weight is a round robin", config.WeightedRoundRobin, []string{"c/m", "a/m: 2", "b/m"}, "c a b c a b"},
		{"weighted_round_robin without weights is a round robin", config.WeightedRoundRobin, []string{"all"}, "a b c a"},
		{"smart_round_robin without weights is a round robin", config.SmartRoundRobin, []string{"all"}, "a b c a"},
		{"lottery without weights is a round robin", config.Lottery, []string{"all"}, "a b c a"},
		{"lottery of one weight is a round robin", config.Lottery, []string{"a/m", "b/m: 9"}, "a b a b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("a", "b", "c").key("sk", test.schedule, test.rules...).build()
			if got := f.firsts("sk", len(strings.Fields(test.want))); got != test.want {
				t.Errorf("turns %q, want %q", got, test.want)
			}
		})
	}
}

func TestRetryGoesOnInTheOrderOfTheSchedule(t *testing.T) {
	for _, test := range []struct {
		name     string
		schedule config.Schedule
		rules    []string
		requests int // before
		want     string
	}{
		{"fixed_priority", config.FixedPriority, []string{"c/m", "a/m", "b/m"}, 2, "c a b"},
		{"round_robin", config.RoundRobin, []string{"all"}, 2, "c a b"},
		{"weighted_round_robin skips who had its turn", config.WeightedRoundRobin, []string{"a/m: 5", "b/m: 3", "c/m: 2"}, 3, "a b c"},
		{"weighted_round_robin goes around the end", config.WeightedRoundRobin, []string{"a/m: 5", "b/m: 3", "c/m: 2"}, 6, "c a b"},
		{"weighted_round_robin ends with who has no weight", config.WeightedRoundRobin, []string{"d/m", "a/m: 1", "c/m", "b/m: 2"}, 1, "b a d c"},
		{"weighted_round_robin at the end of a heavy weight", config.WeightedRoundRobin, []string{"a/m: 10000", "b/m: 1"}, 5, "a b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("a=0", "b=0", "c=0", "d=0").key("sk", test.schedule, test.rules...)
			f.cfg.Providers = f.cfg.Providers[:3+strings.Count(strings.Join(test.rules, ""), "d/")]
			f.build().firsts("sk", test.requests)
			if got := walk(f.start("sk"), always(Unavailable)); got != test.want {
				t.Errorf("tried %q, want %q", got, test.want)
			}
		})
	}
}

func TestLotteryEndsWithWhoHasNoWeight(t *testing.T) {
	f := providers("a=0", "b=0", "c=0", "d=0").key("sk", config.Lottery, "d/m", "a/m: 1", "c/m", "b/m: 2").build()
	for range 20 {
		if got := walk(f.start("sk"), always(Unavailable)); got != "a b d c" && got != "b a d c" {
			t.Fatalf("tried %q", got)
		}
	}
}

func TestNoChannelIsTriedTwiceWhileOthersAreUntried(t *testing.T) {
	const channels = 12
	var texts, rules []string
	for i := range channels {
		name := string(rune('a' + i))
		texts = append(texts, fmt.Sprint(name, "=", 1+i%3))
		if i%4 == 0 {
			rules = append(rules, name+"/m")
		} else {
			rules = append(rules, fmt.Sprintf("%s/m: %d", name, 1+i*i))
		}
	}
	for _, schedule := range schedules {
		t.Run(string(schedule), func(t *testing.T) {
			f := providers(texts...).key("sk-sub", schedule, "c/m: 2", "d/m: 3", "a/m").
				key("sk", schedule, append([]string{"sk-sub/*"}, rules...)...).build()
			for request := range 200 {
				tried := strings.Fields(walk(f.start("sk"), always(Unavailable)))
				for pass := range slices.Chunk(tried, channels) {
					slices.Sort(pass)
					if distinct := len(slices.Compact(pass)); distinct != len(pass) {
						t.Fatalf("request %d tried %q", request, tried)
					}
				}
				if len(tried) != channels+10 {
					t.Fatalf("%d attempts, want %d", len(tried), channels+10)
				}
			}
		})
	}
}

// Six standard deviations: one run in some hundred million is beyond by chance.
func TestChanceIsFair(t *testing.T) {
	const requests = 40_000
	for _, test := range []struct {
		name     string
		schedule config.Schedule
		rules    []string
		share    map[string]float64 // of the first attempts
	}{
		{"random is uniform", config.Random, []string{"all"}, map[string]float64{"a": .25, "b": .25, "c": .25, "d": .25}},
		{"random does not heed weights", config.Random, []string{"a/m: 9", "b/m: 1"}, map[string]float64{"a": .5, "b": .5}},
		{"lottery is by weight", config.Lottery, []string{"a/m: 5", "b/m: 3", "c/m: 2", "d/m"}, map[string]float64{"a": .5, "b": .3, "c": .2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("a", "b", "c", "d").key("sk", test.schedule, test.rules...).build()
			counts := map[string]int{}
			for range requests {
				counts[f.first("sk")]++
			}
			for name, n := range counts {
				mean, deviation := requests*test.share[name], math.Sqrt(requests*test.share[name]*(1-test.share[name]))
				if math.Abs(float64(n)-mean) > 6*deviation {
					t.Errorf("%s served %d of %d, want about %.0f", name, n, requests, mean)
				}
			}
		})
	}
}

func TestEveryOrderOfARandomScheduleComesUp(t *testing.T) {
	f := providers("a=0", "b=0", "c=0").key("sk", config.Random).build()
	const requests = 6_000
	counts := map[string]int{}
	for range requests {
		counts[walk(f.start("sk"), always(Unavailable))]++
	}
	for order, n := range counts {
		if math.Abs(float64(n)-requests/6) > 6*math.Sqrt(requests*5/36.) {
			t.Errorf("order %q came %d times of %d", order, n, requests)
		}
	}
	if len(counts) != 6 {
		t.Errorf("%d orders, want 6", len(counts))
	}
}

func TestSecondDrawOfALotteryIsByWeightToo(t *testing.T) {
	f := providers("a=0", "b=0", "c=0").key("sk", config.Lottery, "a/m: 6", "b/m: 3", "c/m: 1").build()
	const requests = 20_000
	afterA := map[string]int{}
	for range requests {
		tried := walk(f.start("sk"), always(Unavailable))
		if first, rest, _ := strings.Cut(tried, " "); first == "a" {
			afterA[rest[:1]]++
		}
	}
	n := float64(afterA["b"] + afterA["c"])
	if b := float64(afterA["b"]); math.Abs(b-n*.75) > 6*math.Sqrt(n*.75*.25) {
		t.Errorf("after a, b came %v times of %v, want three quarters", b, n)
	}
}

func TestTurnsAreExactUnderConcurrency(t *testing.T) {
	const goroutines, each = 16, 1_000
	for _, test := range []struct {
		name     string
		schedule config.Schedule
		rules    []string
		share    map[string]int // of ten requests, or of as many as there are channels
	}{
		{"round_robin", config.RoundRobin, []string{"all"}, map[string]int{"a": 1, "b": 1, "c": 1}},
		{"weighted_round_robin", config.WeightedRoundRobin, []string{"a/m: 5", "b/m: 3", "c/m: 2"}, map[string]int{"a": 5, "b": 3, "c": 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("a", "b", "c").key("sk", test.schedule, test.rules...).build()
			counts := map[string]int{}
			var mu sync.Mutex
			concurrently(goroutines, func(int) {
				var plan Plan
				mine := map[string]int{}
				key := f.table.Key("sk")
				for range each {
					plan.Start(key, key.Find("m"))
					a, _ := plan.Next()
					mine[a.Provider.Config.Name]++
					plan.Report(a, Outcome{Verdict: Served})
				}
				mu.Lock()
				defer mu.Unlock()
				for name, n := range mine {
					counts[name] += n
				}
			})
			sum := 0
			for _, n := range test.share {
				sum += n
			}
			for name, share := range test.share {
				exact := float64(goroutines*each*share) / float64(sum)
				if math.Abs(float64(counts[name])-exact) > 1 {
					t.Errorf("%s served %d, its share is %.1f", name, counts[name], exact)
				}
			}
		})
	}
}

// concurrently runs f in n goroutines that begin together, and waits for them.
func concurrently(n int, f func(i int)) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	group.Wait()
}

func TestTurnsAreCountedPerKeyAndModel(t *testing.T) {
	f := providers("a:m,n", "b:m,n").key("sk-1", config.RoundRobin).key("sk-2", config.RoundRobin, "a/*", "b/*").build()
	got := []string{
		f.first("sk-1"), f.first("sk-1"), f.first("sk-1"), // a b a
		f.firstFor("sk-1", "n"),          // a: another model
		f.first("sk-2"),                  // a: another key
		f.first("sk-1"), f.first("sk-2"), // b b: both go on
	}
	if text := strings.Join(got, " "); text != "a b a a a b b" {
		t.Errorf("turns %q, want a b a a a b b", text)
	}
}

func TestTurnsSurviveAReload(t *testing.T) {
	f := providers("a:m,n", "b:m,n", "c:m,n").key("sk", config.RoundRobin).key("sk-late", config.RoundRobin).build()
	f.first("sk")
	f.firstFor("sk", "n")
	f.firstFor("sk", "n")
	changes := []struct {
		name   string
		change func()
	}{
		{"nothing changed", func() {}},
		{"another key was put before it", func() { f.cfg.APIKeys[0], f.cfg.APIKeys[1] = f.cfg.APIKeys[1], f.cfg.APIKeys[0] }},
		{"models got other numbers", func() { f.cfg.Providers[0].Models = provider("a:x,y,n,m").Models }},
		{"a provider was added", func() { f.cfg.Providers = append(f.cfg.Providers, provider("d:z")) }},
		{"the limit of retries changed", func() { f.cfg.APIKeys[1].Preferences.AutoRetry = 0 }},
	}
	for i, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			c.change()
			old := f.table
			f.build()
			if got, want := f.first("sk"), string("abc"[(1+i)%3]); got != want {
				t.Errorf("m is served by %s, want %s", got, want)
			}
			if got, want := f.firstFor("sk", "n"), string("abc"[(2+i)%3]); got != want {
				t.Errorf("n is served by %s, want %s", got, want)
			}
			if old == f.table {
				t.Error("there was no reload")
			}
		})
	}
}

func TestRequestThatBeganBeforeAReloadCountsToo(t *testing.T) {
	f := providers("a", "b", "c").key("sk", config.RoundRobin).build()
	before := f.table
	f.build()
	after := f.table
	for i, want := range []string{"a", "b", "c", "a", "b", "c"} {
		f.table = []*Table{before, after}[i%2]
		if got := f.first("sk"); got != want {
			t.Errorf("request %d went to %s, want %s", i, got, want)
		}
	}
}

func TestTurnsAreExactAcrossReloadsUnderLoad(t *testing.T) {
	f := providers("a", "b", "c").key("sk", config.RoundRobin).build()
	var table sync.Map
	table.Store("now", f.table)
	counts := make([]map[string]int, 8)
	concurrently(len(counts)+1, func(i int) {
		if i == len(counts) {
			for range 50 {
				table.Store("now", f.build().table)
			}
			return
		}
		counts[i] = map[string]int{}
		var plan Plan
		for range 3_000 {
			now, _ := table.Load("now")
			key := now.(*Table).Key("sk")
			plan.Start(key, key.Find("m"))
			a, _ := plan.Next()
			counts[i][a.Provider.Config.Name]++
			plan.Report(a, Outcome{Verdict: Served})
		}
	})
	for _, name := range []string{"a", "b", "c"} {
		sum := 0
		for _, c := range counts {
			sum += c[name]
		}
		if sum != 8_000 {
			t.Errorf("%s served %d, want 8000", name, sum)
		}
	}
}
