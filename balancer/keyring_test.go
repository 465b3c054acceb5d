package balancer

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

// ringed is a fixture of one provider with so many keys in an order, and another
// provider, so that the first is not alone.
func ringed(keys int, order config.Schedule) *fixture {
	return providers(fmt.Sprint("p=", keys, ":m,n"), "q:m,n").
		with("p", func(p *config.ProviderPreferences) { p.KeySchedule, p.KeyCooldown = string(order), time.Minute }).key("sk", "").build()
}

// keyOf makes a request and returns the key of its first attempt; it ends as the
// verdict says.
func (f *fixture) keyOf(model string, verdict Verdict) int {
	plan := f.startFor("sk", model)
	a, _ := plan.Next()
	plan.Report(a, Outcome{Verdict: verdict})
	return a.Key
}

func (f *fixture) keysOf(n int) string {
	var keys []int
	for range n {
		keys = append(keys, f.keyOf("m", Served))
	}
	return fmt.Sprint(keys)
}

func TestKeysTakeTurns(t *testing.T) {
	for _, test := range []struct {
		order config.Schedule
		want  string
	}{
		{"", "[0 1 2 0 1 2 0]"},
		{config.RoundRobin, "[0 1 2 0 1 2 0]"},
		{config.FixedPriority, "[0 0 0 0]"},
		{config.SmartRoundRobin, "[0 1 2 0]"}, // all are well: the order stays
	} {
		t.Run("order "+string(test.order), func(t *testing.T) {
			f := ringed(3, test.order)
			if got := f.keysOf((len(test.want) - 1) / 2); got != test.want {
				t.Errorf("keys %s, want %s", got, test.want)
			}
		})
	}
}

func TestTurnOfKeysIsSharedByModelsAndSurvivesAReload(t *testing.T) {
	f := ringed(3, config.RoundRobin)
	got := []int{f.keyOf("m", Served), f.keyOf("n", Served)}
	f.build()
	got = append(got, f.keyOf("m", Served), f.keyOf("n", Served))
	if fmt.Sprint(got) != "[0 1 2 0]" {
		t.Errorf("keys %v, want 0 1 2 0", got)
	}
}

func TestKeysThatRestAreLeftOut(t *testing.T) {
	for _, test := range []struct {
		order config.Schedule
		want  string
	}{
		{config.RoundRobin, "[2 2 0 2 2 0]"}, // who comes after the one that rests takes its turn
		{config.FixedPriority, "[0 0 0]"},
		{config.SmartRoundRobin, "[2 2 2 0 2 2]"}, // 2 has served more than 0 when the second pass begins
	} {
		t.Run(string(test.order), func(t *testing.T) {
			f := ringed(3, test.order)
			f.keyOf("m", Served)
			ring := f.table.Providers[0].ring
			ring.keys[1].breaker.Failed(&breaker.Pause{Began: f.clock.Load(), Until: f.clock.Load() + second, Sure: true}, nil, 0)
			if got := f.keysOf(len(test.want) / 2); got != test.want {
				t.Errorf("keys %s, want %s", got, test.want)
			}
		})
	}
}

func TestRetryOnOneChannelTakesAnotherKey(t *testing.T) {
	for _, order := range []config.Schedule{config.RoundRobin, config.FixedPriority, config.SmartRoundRobin, config.Random} {
		t.Run(string(order), func(t *testing.T) {
			f := providers("p=5").with("p", func(p *config.ProviderPreferences) { p.KeySchedule = string(order) }).key("sk", "").build()
			for range 20 {
				plan := f.start("sk")
				var keys []int
				for a, more := plan.Next(); more; a, more = plan.Next() {
					keys = append(keys, a.Key)
					plan.Report(a, Outcome{Verdict: RateLimited}) // without a rest: no cooldown is set
				}
				slices.Sort(keys)
				if fmt.Sprint(keys) != "[0 1 2 3 4]" {
					t.Fatalf("keys %v, want each once", keys)
				}
			}
		})
	}
}

func TestLastFitKeyIsFoundFromWhereverThePassStands(t *testing.T) {
	for _, order := range []config.Schedule{config.RoundRobin, config.FixedPriority, config.SmartRoundRobin, config.Random} {
		t.Run(string(order), func(t *testing.T) {
			for fit := range 7 {
				f := ringed(7, order)
				ring := f.table.Providers[0].ring
				for i, key := range ring.keys {
					key.failed.Store(int64(i * i % 5)) // so that smart_round_robin sorts
					key.served.Store(int64(i))
					if i != fit {
						key.breaker.Failed(&breaker.Pause{Began: 1, Until: math.MaxInt64, Sure: true}, nil, 0)
					}
				}
				for range 15 {
					if got := f.keyOf("m", Served); got != fit {
						t.Fatalf("key %d, want %d, the only one that does not rest", got, fit)
					}
				}
			}
		})
	}
}

func TestSmartRoundRobinRanksAnewWithEachPass(t *testing.T) {
	f := ringed(3, config.SmartRoundRobin)
	f.cfg.Providers[0].Preferences.KeyCooldown = 0
	f.build()
	first := []int{f.keyOf("m", Served), f.keyOf("m", Unavailable), f.keyOf("m", Served)}
	second := []int{f.keyOf("m", Unavailable), f.keyOf("m", Served), f.keyOf("m", Served)}
	third := []int{f.keyOf("m", Served), f.keyOf("m", Served), f.keyOf("m", Served)}
	// 1: in the file's order. 2: key 1 has failed. 3: key 2 has served twice of two, key 0 and 1 once of two.
	if got := fmt.Sprint(first, second, third); got != "[0 1 2] [0 2 1] [2 0 1]" {
		t.Errorf("passes %s, want [0 1 2] [0 2 1] [2 0 1]", got)
	}
}

func TestRandomKeysAreUniform(t *testing.T) {
	f := ringed(4, config.Random)
	const requests = 20_000
	counts := make([]int, 4)
	for range requests {
		counts[f.keyOf("m", Served)]++
	}
	for key, n := range counts {
		if math.Abs(float64(n)-requests/4) > 6*math.Sqrt(requests*3/16.) {
			t.Errorf("key %d was used %d times of %d", key, n, requests)
		}
	}
}

func TestKeysTakeExactTurnsUnderConcurrency(t *testing.T) {
	f := ringed(5, config.RoundRobin)
	counts := make([][5]int, 8)
	concurrently(len(counts), func(i int) {
		for range 1_000 {
			counts[i][f.keyOf("m", Served)]++
		}
	})
	for key := range 5 {
		sum := 0
		for _, c := range counts {
			sum += c[key]
		}
		if sum != 1_600 {
			t.Errorf("key %d was used %d times, want 1600", key, sum)
		}
	}
}

func TestKeyThatIsExchangedStartsAfresh(t *testing.T) {
	f := ringed(1, config.RoundRobin)
	f.keyOf("m", KeyRefused)
	if got := f.build().first("sk"); got != "q" {
		t.Errorf("%s serves while p's key is dead", got)
	}
	f.cfg.Providers[0].Keys = []string{"a new one"}
	if got := f.build().first("sk"); got != "p" {
		t.Errorf("%s serves though p has a new key", got)
	}
}

func TestCountsOfAKey(t *testing.T) {
	for verdict, want := range map[Verdict][2]int64{
		Served: {1, 0}, Unavailable: {0, 1}, RateLimited: {0, 1}, OutOfQuota: {0, 1}, KeyRefused: {0, 1}, Broken: {0, 1},
		NoModel: {0, 0}, Mistaken: {0, 0}, TooLong: {0, 0}, Over: {0, 0},
	} {
		f := ringed(1, config.SmartRoundRobin)
		f.keyOf("m", verdict)
		key := f.table.Providers[0].ring.keys[0]
		if got := [2]int64{key.served.Load(), key.failed.Load()}; got != want {
			t.Errorf("verdict %d counts %v, want %v", verdict, got, want)
		}
	}
}
