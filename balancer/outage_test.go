package balancer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

// play makes a request and all its attempts, each of which ends as outcome says. It tells which channels were asked.
func play(p *Plan, outcome func(Attempt) Outcome) (asked string, served bool) {
	var names []string
	for a, more := p.Next(); more; a, more = p.Next() {
		names = append(names, a.Provider.Config.Name)
		o := outcome(a)
		p.Report(a, o)
		served = served || o.Verdict == Served
	}
	return strings.Join(names, " "), served
}

func TestTwoBlipsCloseNothing(t *testing.T) {
	for _, cooldown := range []string{"left out", "300 s"} {
		t.Run(cooldown, func(t *testing.T) {
			f := providers("p", "q").growing().key("sk", "").key("sk-other", "").build()
			if cooldown != "left out" {
				f.cooling(5 * minute).build()
			}
			failed := map[string]bool{}
			asked, served := play(f.start("sk"), func(a Attempt) Outcome {
				if name := a.Provider.Config.Name; !failed[name] {
					failed[name] = true
					return Outcome{Verdict: Unavailable, Sure: true}
				}
				return Outcome{Verdict: Served}
			})
			if asked != "p q p" || !served {
				t.Errorf("asked %s, served %v", asked, served)
			}
			f.failFor("sk", Outcome{Verdict: Unavailable, Sure: true}) // p
			f.failFor("sk", Outcome{Verdict: Unavailable, Sure: true}) // q
			for range 20 {                                             // that are under way together
				if _, more := f.start("sk-other").Next(); !more {
					t.Fatal("a request is not tried while both have failed once")
				}
			}
		})
	}
}

func TestOutageOfAMinuteIsOverAfterAMinute(t *testing.T) {
	const every = 100 * time.Millisecond
	for _, clients := range []int{1, 2, 5} {
		for _, shape := range []string{"p=0 q=0", "p q", "p=3 q"} {
			t.Run(fmt.Sprint(shape, " for ", clients), func(t *testing.T) {
				f := providers(strings.Fields(shape)...).growing()
				for i := range clients {
					f.key(fmt.Sprint("sk-", i), config.FixedPriority)
				}
				f.build()
				began, last, probes := f.clock.Load(), time.Duration(0), 0
				for n := range 90 * int(time.Second/every) {
					since := time.Duration(f.clock.Load() - began)
					asked, served := play(f.start(fmt.Sprint("sk-", n%clients)), func(a Attempt) Outcome {
						if a.Provider.Config.Name == "q" || since >= minute {
							return Outcome{Verdict: Served}
						}
						probes++
						return Outcome{Verdict: Unavailable}
					})
					if !served {
						t.Fatalf("a request is not served after %v: %s", since, asked)
					}
					if strings.HasPrefix(asked, "q") {
						last = since
					}
					f.pass(every)
				}
				if last > minute+15*time.Second {
					t.Errorf("p is back after %v", last)
				}
				if most := 10 * clients * max(1, len(f.table.Providers[0].ring.keys)); probes > most {
					t.Errorf("%d probes in a minute, at most %d are due", probes, most)
				}
			})
		}
	}
}

func TestRestGrowsWithEachFailedProbeAndBeginsAnewAfterSuccess(t *testing.T) {
	f := providers("p", "q").growing().key("sk", "").build()
	for round := range 2 {
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
			if got := f.failFor("sk", Outcome{Verdict: Unavailable}); got != "p" {
				t.Fatalf("round %d: %s is asked, want p to be probed", round, got)
			}
			got, _ := f.rested("p")
			if got != want*time.Second {
				t.Fatalf("round %d: it rests for %v, want %v", round, got, want*time.Second)
			}
			f.pass(got - 1)
			f.serves(t, "sk", "q", "while it rests")
			f.pass(1)
		}
		f.serves(t, "sk", "p", "as the probe")
		f.pass(1)
	}
}

func TestRestOfCooldownPeriodIsExactlyThatLong(t *testing.T) {
	for name, late := range map[string]Outcome{"that fail late": {Verdict: Unavailable}, "that fail late and ask for time": {Verdict: Unavailable, RetryAfter: 5 * minute}} {
		f := providers("p", "q").cooling(minute).key("sk", "").build()
		slow := f.start("sk")
		a, _ := slow.Next()
		f.failFor("sk", Outcome{Verdict: Unavailable})
		f.pass(40 * time.Second)
		slow.Report(a, late)
		if got, _ := f.rested("p"); got != 20*time.Second {
			t.Errorf("with requests %s it rests for another %v, want 20s", name, got)
		}
	}
}

func TestProvidersWordMakesARestLongerUpToABound(t *testing.T) {
	for _, test := range []struct {
		verdict    Verdict
		asked      time.Duration
		want       time.Duration
		key, model bool // what rests of the two
	}{
		{RateLimited, 3 * time.Second, 3 * time.Second, false, true},
		{RateLimited, 20 * time.Millisecond, time.Second, false, true},
		{RateLimited, 12 * time.Hour, 10 * minute, false, true},
		{RateLimited, 0, time.Second, false, true},
		{Unavailable, 30 * time.Second, 30 * time.Second, false, false},
		{Unavailable, 12 * time.Hour, 10 * minute, false, false},
		{OutOfQuota, 12 * time.Hour, 6 * time.Hour, true, true},
	} {
		f := providers("p=2:m,n", "q:m,n").growing().key("sk", "").build()
		plan := f.start("sk")
		a, _ := plan.Next()
		plan.Report(a, Outcome{Verdict: test.verdict, RetryAfter: test.asked})
		channel, key := f.rested("p")
		if got := max(channel, key); got != test.want {
			t.Errorf("verdict %d, asked for %v: it rests for %v, want %v", test.verdict, test.asked, got, test.want)
		}
		e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"})
		if got := e.Steps[0].Keys[0] != ""; got != test.model {
			t.Errorf("verdict %d: the key rests for the model: %v", test.verdict, got)
		}
		e, _ = f.table.Key("sk").Explain(Attributes{Model: "n"})
		if got := e.Steps[0].Keys[0] != ""; got != test.key {
			t.Errorf("verdict %d: the key rests for another model: %v (%q)", test.verdict, got, e.Steps[0].Keys)
		}
	}
}

func TestWhereProvidersKeepAllAwayOneRequestAMinuteAsks(t *testing.T) {
	for _, o := range []Outcome{
		{Verdict: RateLimited, RetryAfter: 12 * time.Hour, Sure: true},
		{Verdict: Unavailable, RetryAfter: 12 * time.Hour, Sure: true},
		{Verdict: OutOfQuota, Sure: true},
		{Verdict: KeyRefused, Sure: true},
	} {
		f := providers("p=2", "q=2").growing().key("sk", "").key("sk-other", "").build()
		asked := 0
		for range 30 * 60 { // half an hour
			for _, secret := range []string{"sk", "sk-other"} {
				play(f.start(secret), func(Attempt) Outcome {
					asked++
					return o
				})
			}
			f.pass(time.Second)
		}
		keys := 4
		if o.Verdict == Unavailable {
			keys = 2
		}
		if least, most := 20, 4+31*keys; asked < least || asked > most {
			t.Errorf("verdict %d: asked %d times in half an hour, want %d to %d", o.Verdict, asked, least, most)
		}
	}
}

func TestWhenAllRestOneRequestAtATimeAsks(t *testing.T) {
	f := providers("p", "q").growing().key("sk", "").key("sk-2", "").key("sk-3", "").key("sk-4", "").build()
	down := func(Attempt) Outcome {
		f.pass(time.Millisecond)
		return Outcome{Verdict: Unavailable, Sure: true}
	}
	if asked, _ := play(f.start("sk"), down); asked != "p q p q" {
		t.Errorf("the first request asks %s", asked)
	}
	if asked, _ := play(f.start("sk"), down); asked != "p q" {
		t.Errorf("one that finds all at rest asks %s, want each once", asked)
	}
	f.pass(time.Millisecond)
	one, two, three, four := f.start("sk"), f.start("sk"), f.start("sk"), f.start("sk")
	a, _ := one.Next()
	b, _ := two.Next()
	if a.Provider == b.Provider {
		t.Errorf("two requests ask %s at a time", a.Provider.Config.Name)
	}
	if c, more := three.Next(); more || !three.Probed() {
		t.Errorf("a third asks too (%v), or does not know that it is worth waiting", c.Candidate)
	}
	four.Next()
	for i, secret := range []string{"sk-2", "sk-3", "sk-4"} { // at each of the two channels one more
		plan := f.start(secret)
		_, more := plan.Next()
		if more != (i < 2) {
			t.Errorf("of client key %s one request asks: %v", secret, more)
		}
	}
	f.pass(time.Millisecond)
	one.Report(a, Outcome{Verdict: Unavailable, Sure: true})
	two.Report(b, Outcome{Verdict: Unavailable, Sure: true})
	if _, more := three.Next(); more {
		t.Error("one that has waited asks although the probes have failed")
	}
	f.pass(time.Millisecond)
	five := f.start("sk")
	a, _ = five.Next()
	five.Report(a, Outcome{Verdict: Served})
	if c, more := four.Next(); !more || c.Provider != a.Provider {
		t.Error("one that has waited is not served although a probe was")
	}
}

func TestProbeThatTakesLongKeepsNobodyAway(t *testing.T) {
	f := providers("p", "q").growing().key("sk", "").build()
	play(f.start("sk"), func(Attempt) Outcome {
		f.pass(time.Millisecond)
		return Outcome{Verdict: Unavailable}
	})
	var asked []string
	for range 6 {
		plan := f.start("sk")
		if a, more := plan.Next(); more {
			asked = append(asked, a.Provider.Config.Name)
		} else {
			asked = append(asked, "-")
			f.pass(breaker.Patience)
		}
	}
	if got := strings.Join(asked, " "); got != "p q - p q -" {
		t.Errorf("asked %s", got)
	}
}

func TestLimitOfOursIsNeverOversteppedWhenAllRest(t *testing.T) {
	f := providers("p", "q").growing().key("sk", "")
	for _, p := range f.cfg.Providers {
		p.Preferences.KeyRateLimit.Set("default", config.RateLimit{Limits: []config.Limit{{Count: 2, Window: time.Hour}}})
	}
	f.build()
	for range 5 {
		play(f.start("sk"), func(Attempt) Outcome { return Outcome{Verdict: Unavailable} })
	}
	if n := f.table.Providers[0].ring.keys[0].failed.Load(); n != 2 {
		t.Errorf("its key was used %d times, want 2", n)
	}
}

func TestWhatHasAnsweredForMoneyIsNotAskedAgainBeforeItsTime(t *testing.T) {
	f := providers("p", "q").growing().key("sk", "").build()
	if asked, _ := play(f.start("sk"), func(Attempt) Outcome { return Outcome{Verdict: Unavailable, Answered: true} }); asked != "p q" {
		t.Errorf("asked %s", asked)
	}
}

func TestAnswersThatWereOfNoUseAreRepeatedSeldom(t *testing.T) {
	answered := Outcome{Verdict: Unavailable, Answered: true}
	for _, c := range []struct{ channels, ends, want string }{
		{"p", "aaaa", "p p"},
		{"p q", "aaaaaaaa", "p q p q"},
		{"p q r s t u", "aaaaaaaa", "p q r s"},
		{"p q", "-a-a----", "p q p q p p"}, // what did not answer is asked on
	} {
		f := providers(strings.Fields(c.channels)...).key("sk", "").build()
		i := -1
		asked, _ := play(f.start("sk"), func(Attempt) Outcome {
			if i++; i < len(c.ends) && c.ends[i] == 'a' {
				return answered
			}
			return Outcome{Verdict: Unavailable}
		})
		if asked != c.want {
			t.Errorf("%s, %s: asked %s", c.channels, c.ends, asked)
		}
	}
}

func TestReloadForgetsWhatWasOfAnotherKeyOrAddress(t *testing.T) {
	for _, test := range []struct {
		name          string
		change        func(*config.Config)
		channel, pair bool // that rest after it
		key           bool
	}{
		{"nothing changed", func(*config.Config) {}, true, true, true},
		{"another provider changed", func(c *config.Config) { c.Providers[1].BaseURL = "http://other" }, true, true, true},
		{"its preferences changed", func(c *config.Config) { c.Providers[0].Preferences.KeyCooldown = minute }, true, true, true},
		{"its address changed", func(c *config.Config) { c.Providers[0].BaseURL = "http://other" }, false, false, false},
		{"its proxy changed", func(c *config.Config) { c.Providers[0].Preferences.Proxy = "http://proxy" }, false, false, false},
		{"the proxy of all changed", func(c *config.Config) { c.Preferences.Proxy = "http://proxy" }, false, false, false},
		{"its region changed", func(c *config.Config) { c.Providers[0].Regions = []string{"here"} }, false, false, false},
		{"the key changed", func(c *config.Config) { c.Providers[0].Keys = []string{"new", "key1"} }, false, true, false},
		{"another key changed", func(c *config.Config) { c.Providers[0].Keys = []string{"key0", "new"} }, false, false, true},
		{"a key was added", func(c *config.Config) { c.Providers[0].Keys = []string{"key0", "key1", "key2"} }, false, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("p=2", "q").cooling(minute).key("sk", "").build()
			f.failFor("sk", Outcome{Verdict: KeyRefused, Sure: true})                      // the first key
			f.failFor("sk", Outcome{Verdict: RateLimited, RetryAfter: minute, Sure: true}) // the second
			p := f.table.Providers[0]
			p.channels[0].breaker.Failed(&breaker.Pause{Began: f.clock.Load(), Until: never, Sure: true}, nil, 0)
			test.change(f.cfg)
			f.build()
			p = f.table.Providers[0]
			now, client := f.clock.Load(), f.table.Key("sk").client
			open := func(b *breaker.Breaker) bool { return b.Look(now, client).State == breaker.Open }
			key, pair := false, false
			for _, k := range p.ring.keys {
				key, pair = key || open(k.breaker), pair || open(p.channels[0].pairs.of(k))
			}
			if channel := open(p.channels[0].breaker); channel != test.channel || key != test.key || pair != test.pair {
				t.Errorf("the channel rests: %v, a key: %v, a key for the model: %v", channel, key, pair)
			}
		})
	}
}

func TestExplainTellsWhatIsAskedBeforeItsTime(t *testing.T) {
	f := providers("p", "q").cooling(minute).key("sk", "").build()
	f.failFor("sk", Outcome{Verdict: Unavailable, Reason: "it is down"})
	e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"})
	if e.Steps[0].Excluded == "" || e.Steps[1].Excluded != "" {
		t.Errorf("with one at rest: %+v", e.Steps)
	}
	f.failFor("sk", Outcome{Verdict: Unavailable, Reason: "it is down"})
	e, _ = f.table.Key("sk").Explain(Attributes{Model: "m"})
	for _, s := range e.Steps {
		if s.Excluded != "" || !strings.HasSuffix(s.Why, "; asked before its time, since nobody else can serve: rests for another 1m0s after: it is down") {
			t.Errorf("with both at rest: %+v", s)
		}
	}
}

// What failed in its first attempts must not use up those of a channel that another request is finding out about.
func TestAttemptsAreLeftForWhoIsProbed(t *testing.T) {
	f := providers("a=2", "b").growing().key("sk", config.FixedPriority).key("sk-other", config.FixedPriority).build()
	now := f.clock.Load()
	f.breaker("b").Failed(&breaker.Pause{Began: now, Until: now + int64(time.Hour), Failures: 2, Sure: true}, nil, 0)
	f.pass(time.Second)
	var probing breaker.Client
	for _, client := range []*breaker.Client{&probing, {}} {
		if state, _ := f.breaker("b").Force(f.clock.Load(), client, f.clock.Load(), false); state != breaker.HalfOpen {
			t.Fatal("b is not probed")
		}
	}
	began := f.clock.Load()
	plan := f.start("sk")
	tried := walk(plan, func(a Attempt) Verdict {
		f.pass(a.Wait + 80*time.Millisecond)
		return Unavailable
	})
	if strings.Contains(tried, "b") || !strings.Contains(tried, "a") || !plan.Probed() {
		t.Fatalf("tried %q while b is probed", tried)
	}
	f.breaker("b").Served(began, &probing)
	if a, more := plan.Next(); !more || a.Provider.Config.Name != "b" {
		t.Errorf("after %q nothing is left for b, which is well again", tried)
	}
}
