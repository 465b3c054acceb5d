package balancer

import (
	"testing"
	"time"

	"uniapi/config"
)

func TestStepsOfAPaceMeetAndAreNarrow(t *testing.T) {
	for step := range paceSteps {
		end := endOf(step)
		if got := stepOf(end - time.Millisecond); got != step {
			t.Fatalf("step %d ends at %v, a millisecond before which is step %d", step, end, got)
		}
		if got := stepOf(end); got != min(step+1, paceSteps-1) {
			t.Fatalf("step %d ends at %v, which is step %d", step, end, got)
		}
		if begin := endOf(max(step-1, 0)); step > 3 && float64(end) > 1.26*float64(begin) {
			t.Errorf("step %d is from %v to %v", step, begin, end)
		}
	}
	if stepOf(-1) != 0 || stepOf(1<<62) != paceSteps-1 {
		t.Errorf("what is out of bounds is steps %d and %d", stepOf(-1), stepOf(1<<62))
	}
}

// began makes a channel known: so many streams begin after a time.
func (f *fixture) began(secret string, streams int, after time.Duration) {
	for range streams {
		plan := Plan{Attributes: Attributes{Model: "m", Stream: true}}
		plan.Start(f.table.Key(secret), f.table.Key(secret).Find("m"))
		a, _ := plan.Next()
		plan.Report(a, Outcome{Verdict: Served, FirstByte: after, Whole: time.Minute})
	}
}

// firstToken is how long the first attempt of a stream may take to begin.
func (f *fixture) firstToken(secret string) time.Duration {
	plan := Plan{Attributes: Attributes{Model: "m", Stream: true}}
	plan.Start(f.table.Key(secret), f.table.Key(secret).Find("m"))
	a, _ := plan.Next()
	defer plan.Report(a, Outcome{Verdict: Over})
	return plan.FirstToken(a.Candidate)
}

func TestFirstTokenIsThreeTimesTheSlowestOfAHundred(t *testing.T) {
	for _, test := range []struct {
		name    string
		streams map[time.Duration]int
		want    time.Duration
	}{
		{"nothing is known", nil, 0},
		{"too little is known", map[time.Duration]int{20 * time.Second: 49}, 0},
		{"enough is known", map[time.Duration]int{20 * time.Second: 50}, 3 * 20480 * time.Millisecond},
		{"it is quick", map[time.Duration]int{time.Second: 50}, 10 * time.Second},
		{"one of a hundred is slow", map[time.Duration]int{time.Second: 141, time.Minute: 1}, 10 * time.Second},
		{"two of a hundred are slow", map[time.Duration]int{time.Second: 136, time.Minute: 6}, 3 * 65536 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("a", "b").key("sk", config.FixedPriority).build()
			for after, n := range test.streams {
				f.began("sk", n, after)
			}
			if got := f.firstToken("sk"); got != test.want {
				t.Errorf("it has %v, want %v", got, test.want)
			}
			plain := Plan{Attributes: Attributes{Model: "m"}}
			plain.Start(f.table.Key("sk"), f.table.Key("sk").Find("m"))
			if a, _ := plain.Next(); plain.FirstToken(a.Candidate) != 0 {
				t.Error("an answer that is no stream has no first token")
			}
		})
	}
}

func TestFirstTokenFollowsAChannelThatBecomesSlow(t *testing.T) {
	f := providers("a", "b").key("sk", config.FixedPriority).build()
	f.began("sk", 5000, time.Second)
	if got := f.firstToken("sk"); got != 10*time.Second {
		t.Fatalf("it has %v", got)
	}
	f.began("sk", 30, 12*time.Second)
	if got := f.firstToken("sk"); got != 3*12288*time.Millisecond {
		t.Errorf("after some slow streams it has %v", got)
	}
	if n := f.table.Providers[0].channels[0].pace.Load().total.Load(); n > manyBegun {
		t.Errorf("%d streams count, so those of long ago never fade", n)
	}
}

// A stream that was left counts as slow as it was: else only quick ones would ever count, and more and more would be
// left.
func TestStreamsThatWereLeftCountAsSlow(t *testing.T) {
	f := providers("a", "b").cooling(0).key("sk", config.FixedPriority).build()
	f.began("sk", 58, time.Second)
	for range 8 {
		plan := Plan{Attributes: Attributes{Model: "m", Stream: true}}
		plan.Start(f.table.Key("sk"), f.table.Key("sk").Find("m"))
		a, _ := plan.Next()
		plan.Report(a, Outcome{Verdict: Unavailable, Hurried: true, FirstByte: 10 * time.Second})
	}
	if got := f.firstToken("sk"); got <= 20*time.Second {
		t.Errorf("eight streams were left after 10 s, and the next has %v", got)
	}
}

func TestFirstTokenHoldsOnlyWhileAnotherChannelCouldServe(t *testing.T) {
	const set = 7 * time.Second
	for _, test := range []struct {
		name   string
		change func(f *fixture)
		want   time.Duration
	}{
		{"another is there", func(*fixture) {}, set},
		{"it rests", func(f *fixture) { f.build().rests("b") }, 0},
		{"its key rests", func(f *fixture) { f.build().failFor("sk-b", Outcome{Verdict: KeyRefused, Sure: true}) }, 0},
		{"its keys have reached their limits", func(f *fixture) {
			f.with("b", func(p *config.ProviderPreferences) {
				p.KeyRateLimit.Set("default", limit1PerHour)
			}).build().first("sk-b")
		}, 0},
		{"it takes no such request", func(f *fixture) {
			f.cfg.Providers[1].ExcludeRules = []config.ExcludeRule{{Match: []config.Condition{{Field: "request_model", Values: []string{"m"}}}}}
		}, 0},
		{"no second attempt may be made", func(f *fixture) { f.cfg.APIKeys[0].Preferences.AutoRetry = 0 }, 0},
		{"it is behind another key", func(f *fixture) {
			f.cfg.APIKeys[0].Rules = []config.Rule{accessRule("a/m"), accessRule("sk-b/*")}
		}, set},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := set
			f := providers("a", "b").growing().key("sk", config.FixedPriority, "a/m", "b/m").key("sk-b", config.FixedPriority, "b/m")
			f.cfg.Preferences.TimeoutPolicy.Default.FirstToken = &s
			test.change(f)
			if f.table == nil {
				f.build()
			}
			if got := f.firstToken("sk"); got != test.want {
				t.Errorf("it has %v, want %v", got, test.want)
			}
		})
	}
}

var limit1PerHour = config.RateLimit{Limits: []config.Limit{{Count: 1, Window: time.Hour}}}

// The second channel is the last: it has all of its time.
func TestLastChannelIsNotHurried(t *testing.T) {
	s := 7 * time.Second
	f := providers("a", "b").growing().key("sk", config.FixedPriority)
	f.cfg.Preferences.TimeoutPolicy.Default.FirstToken = &s
	f.build()
	plan := Plan{Attributes: Attributes{Model: "m", Stream: true}}
	plan.Start(f.table.Key("sk"), f.table.Key("sk").Find("m"))
	for i, want := range []time.Duration{s, 0, 0} {
		a, more := plan.Next()
		if got := plan.FirstToken(a.Candidate); !more || got != want {
			t.Errorf("attempt %d has %v, want %v", i+1, got, want)
		}
		plan.Report(a, Outcome{Verdict: Unavailable, Hurried: want > 0, FirstByte: want})
	}
}

// Whoever met it leaves the channel alone for a moment, and whatever cooldown_period says no longer; others are served
// there as before until one of them meets it too.
func TestWhoIsTooSlowRestsAsWhatARequestMayHaveBroughtAbout(t *testing.T) {
	for _, cooldown := range []time.Duration{0, time.Second, time.Hour} {
		f := providers("a", "b").cooling(cooldown).key("sk-1", "").key("sk-2", "").key("sk-3", "").build()
		slow := Outcome{Verdict: Unavailable, Hurried: true, FirstByte: 10 * time.Second}
		f.failFor("sk-1", slow)
		told := [3]string{f.first("sk-1"), f.first("sk-2"), f.first("sk-3")}
		want := [3]string{"b", "a", "a"}
		if cooldown == 0 {
			want[0] = "a"
		}
		if told != want {
			t.Errorf("cooldown %v: after one client key met it they are served by %v", cooldown, told)
		}
		f.pass(1100 * time.Millisecond)
		if got := f.first("sk-1"); got != "a" {
			t.Errorf("cooldown %v: a second later %s serves", cooldown, got)
		}
		f.failFor("sk-1", slow)
		f.failFor("sk-2", slow)
		if got := f.first("sk-3"); (got == "b") != (cooldown > 0) {
			t.Errorf("cooldown %v: after two client keys met it a third is served by %s", cooldown, got)
		}
	}
}

func TestFirstTokenCostsNoMemory(t *testing.T) {
	f := providers("a", "b").key("sk", config.FixedPriority).build()
	f.began("sk", 100, time.Second)
	plan := Plan{Attributes: Attributes{Model: "m", Stream: true}}
	key := f.table.Key("sk")
	route := key.Find("m")
	plan.Start(key, route)
	if n := testing.AllocsPerRun(100, func() {
		plan.Start(key, route)
		a, _ := plan.Next()
		if plan.FirstToken(a.Candidate) == 0 {
			t.Fatal("nothing is known")
		}
		plan.Report(a, Outcome{Verdict: Served, FirstByte: time.Second})
		plan.Report(a, Outcome{Verdict: Ended, Whole: time.Minute})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
