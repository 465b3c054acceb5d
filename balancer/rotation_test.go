package balancer

import (
	"fmt"
	"testing"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

// rests puts the m of a provider to rest for as long as the test takes.
func (f *fixture) rests(provider string) {
	f.breaker(provider).Failed(&breaker.Pause{Began: f.clock.Load(), Until: f.clock.Load() + int64(time.Hour), Sure: true}, nil, 0)
}

func TestWhatAChannelWouldHaveServedGoesToAllOthersAlike(t *testing.T) {
	for _, test := range []struct {
		name     string
		schedule config.Schedule
		rules    []string
		resting  string
		requests int
		want     map[string]int
	}{
		{"round_robin", config.RoundRobin, []string{"all"}, "b", 12, map[string]int{"a": 4, "c": 4, "d": 4}},
		{"round_robin, two next to each other", config.RoundRobin, []string{"all"}, "bc", 12, map[string]int{"a": 6, "d": 6}},
		{"round_robin, all but one", config.RoundRobin, []string{"all"}, "abd", 12, map[string]int{"c": 12}},
		{"weighted_round_robin", config.WeightedRoundRobin, []string{"a/m: 5", "b/m: 3", "c/m: 2"}, "b", 14, map[string]int{"a": 10, "c": 4}},
		{"weighted_round_robin, the heaviest", config.WeightedRoundRobin, []string{"a/m: 5", "b/m: 3", "c/m: 2"}, "a", 10, map[string]int{"b": 6, "c": 4}},
		{"weighted_round_robin, all with a weight", config.WeightedRoundRobin, []string{"a/m: 5", "d/m", "b/m: 3"}, "ab", 10, map[string]int{"d": 10}},
		{"a key as a channel rests when all of its channels do", config.RoundRobin, []string{"a/m", "sk-bc/*", "d/m"}, "bc", 10, map[string]int{"a": 5, "d": 5}},
		{"a key as a channel keeps its share while one of its channels serves", config.RoundRobin, []string{"a/m", "sk-bc/*", "d/m"}, "b", 9, map[string]int{"a": 3, "c": 3, "d": 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("a", "b", "c", "d").key("sk-bc", "", "b/m", "c/m").key("sk", test.schedule, test.rules...).build()
			f.first("sk")
			for _, letter := range test.resting {
				f.rests(string(letter))
			}
			got := map[string]int{}
			for range test.requests {
				got[f.first("sk")]++
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("served %v, want %v", got, test.want)
			}
		})
	}
}

func TestChannelWithoutAFitKeyLeavesItsTurns(t *testing.T) {
	f := providers("a", "b=2", "c").key("sk", config.RoundRobin).build()
	keys := f.table.Providers[1].ring.keys
	for i, key := range keys {
		key.breaker.Failed(&breaker.Pause{Began: f.clock.Load(), Until: f.clock.Load() + int64(i+1)*second, Sure: true}, nil, 0)
	}
	if got := f.firsts("sk", 4); got != "a c a c" {
		t.Errorf("served by %q while no key of b is fit", got)
	}
	f.pass(time.Second)
	if got := f.firsts("sk", 3); got != "b c a" {
		t.Errorf("served by %q when one of b's keys is back", got)
	}
}

func TestLineupFollowsWhoRests(t *testing.T) {
	f := providers("a", "b", "c").cooling(minute).key("sk", config.RoundRobin).build()
	var got []string
	next := func(verdict Verdict) (*Plan, Attempt) {
		plan := f.start("sk")
		a, _ := plan.Next()
		got = append(got, a.Provider.Config.Name)
		plan.Report(a, Outcome{Verdict: verdict})
		return plan, a
	}
	next(Served)      // a
	next(Unavailable) // b
	next(Served)      // turn 2 of a c: a
	next(Served)      // c
	f.pass(minute)
	next(Served) // turn 4 of a b c: b is probed
	next(Served) // c
	if text := fmt.Sprint(got); text != "[a b a c b c]" {
		t.Errorf("served by %s, want [a b a c b c]", text)
	}
}

func TestWhileAProbeIsUnderWayTheOthersShare(t *testing.T) {
	f := providers("a", "b", "c").cooling(minute).key("sk", config.RoundRobin).build()
	f.breaker("b").Failed(&breaker.Pause{Began: 1, Until: 2, Sure: true}, nil, 0)
	f.first("sk") // a
	probe := f.start("sk")
	a, _ := probe.Next()
	if a.Provider.Config.Name != "b" {
		t.Fatalf("%s is tried, want b to be probed", a.Provider.Config.Name)
	}
	if got := f.firsts("sk", 4); got != "a c a c" {
		t.Errorf("served by %q while b is probed", got)
	}
	probe.Report(a, Outcome{Verdict: Served})
	if got := f.firsts("sk", 3); got != "a b c" {
		t.Errorf("served by %q after the probe was served", got)
	}
}

func TestLineupIsFoundAgain(t *testing.T) {
	f := providers("a", "b", "c").key("sk", config.RoundRobin).key("sk-other", "").build()
	f.rests("b")
	key := f.table.Key("sk")
	route := key.Find("m")
	for _, whom := range []string{"all", "this client key alone"} {
		if n := testing.AllocsPerRun(100, func() { route.rotation.now(route, key) }); n != 0 {
			t.Errorf("%v allocations while nothing changes, and b rests for %s", n, whom)
		}
		var plan Plan
		plan.Start(key, route)
		if n := testing.AllocsPerRun(100, func() {
			plan.Start(key, route)
			a, _ := plan.Next()
			plan.Report(a, Outcome{Verdict: Served})
		}); n != 0 {
			t.Errorf("%v allocations by a request, while b rests for %s", n, whom)
		}
		f.failFor("sk", Outcome{Verdict: KeyRefused})
	}
}

func TestPagedArraysHoldWhatIsPut(t *testing.T) {
	for _, size := range []int{1, 31, 32, 33, 1000} {
		s := newPagedArray[int](size)
		for i := 0; i < size; i += 7 {
			*s.at(i) = i + 1
		}
		for i := range size {
			if want := max(0, (i+1)*(1-min(i%7, 1))); *s.at(i) != want {
				t.Fatalf("size %d: element %d is %d, want %d", size, i, *s.at(i), want)
			}
		}
		last := -1
		for i, v := range s.all() {
			if i != last+1 || *v != 0 && *v != i+1 {
				t.Fatalf("size %d: element %d is followed by %d, which is %d", size, last, i, *v)
			}
			last = i
		}
		if last < size-1 {
			t.Errorf("size %d: all ends with %d", size, last)
		}
	}
}

func TestPagedArraysAreMadeByManyAtOnce(t *testing.T) {
	s := newPagedArray[[1]int](4096)
	var seen [8][4096]*[1]int
	concurrently(len(seen), func(i int) {
		for n := range seen[i] {
			seen[i][n] = s.at(n)
		}
	})
	for i := range seen {
		if seen[i] != seen[0] {
			t.Fatal("two goroutines hold different elements of one index")
		}
	}
	for range s.all() {
		break // a loop over all may be left
	}
}
