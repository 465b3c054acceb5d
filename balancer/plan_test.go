package balancer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"uniapi/config"
)

const (
	minute = time.Minute
	second = int64(time.Second)
)

func TestAttemptsFollowWhatTheLastOneLearned(t *testing.T) {
	for _, test := range []struct {
		name     string
		channels []string
		verdicts []Verdict // of the attempts in turn; the last repeats
		want     string    // the channels tried
	}{
		{"a channel that serves ends it", []string{"p", "q"}, []Verdict{Served}, "p"},
		{"every channel is tried before any is tried again", []string{"p", "q", "r"}, []Verdict{Unavailable}, "p q r p q r p q r"},
		{"the client's mistake is tried once elsewhere", []string{"p", "q", "r"}, []Verdict{Mistaken}, "p q"},
		{"the client's mistake with nowhere else to go", []string{"p"}, []Verdict{Mistaken}, "p"},
		{"after the client's mistake one failure is the last", []string{"p", "q", "r"}, []Verdict{Mistaken, Unavailable}, "p q"},
		{"a mistake after a failure still has one elsewhere", []string{"p", "q", "r"}, []Verdict{Unavailable, Mistaken}, "p q r"},
		{"a prompt too long goes to no channel of that model", []string{"p", "q", "r:big=m"}, []Verdict{TooLong}, "p r"},
		{"a prompt too long for all goes nowhere twice", []string{"p:a=m", "q:b=m", "r:a=m"}, []Verdict{TooLong}, "p q"},
		{"a prompt too long bars a model that failed before", []string{"p", "q:big=m", "r"}, []Verdict{Unavailable, Unavailable, TooLong, Unavailable}, "p q r q q q q q q"},
		{"a refused key leaves the other keys", []string{"p=2"}, []Verdict{KeyRefused}, "p p"},
		{"a channel whose only key is refused is done", []string{"p", "q"}, []Verdict{KeyRefused}, "p q"},
		{"a channel without keys that is refused is done", []string{"p=0", "q"}, []Verdict{KeyRefused, Unavailable}, "p q q q"},
		{"a key without quota leaves the other keys", []string{"p=3"}, []Verdict{OutOfQuota}, "p p p"},
		{"a rate-limited key is not asked again", []string{"p", "q"}, []Verdict{RateLimited, Unavailable}, "p q q q q q"},
		{"a channel without the model is done", []string{"p=2", "q"}, []Verdict{NoModel}, "p q"},
		{"a client that left is not worked for", []string{"p", "q"}, []Verdict{Over}, "p"},
		{"an answer that broke off is not begun again", []string{"p", "q"}, []Verdict{Broken}, "p"},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := providers(test.channels...).key("sk", "").build().start("sk")
			var tried []string
			for a, more := plan.Next(); more; a, more = plan.Next() {
				tried = append(tried, a.Provider.Config.Name)
				if a.Number != len(tried) {
					t.Errorf("attempt %d has the number %d", len(tried), a.Number)
				}
				plan.Report(a, Outcome{Verdict: test.verdicts[min(len(tried), len(test.verdicts))-1]})
			}
			if got := strings.Join(tried, " "); got != test.want {
				t.Errorf("tried %q, want %q", got, test.want)
			}
		})
	}
}

// The numbers are those of the newest uni-api: n + R.
func TestNumberOfAttemptsIsBoundedAsInUniAPI(t *testing.T) {
	for _, test := range []struct {
		channels string
		retry    int
		want     int
	}{
		{"p", config.RetryAll, 3},
		{"p=3", config.RetryAll, 4},
		{"p=30", config.RetryAll, 31},
		{"p=0", config.RetryAll, 1},
		{"p q", config.RetryAll, 6},
		{"p q r", config.RetryAll, 9},
		{"p=2 q=2", config.RetryAll, 10},
		{"p=5 q=5", config.RetryAll, 12},
		{"p=0 q=0", config.RetryAll, 2},
		{"p=1 q=0", config.RetryAll, 4},
		{"p q", 0, 1},
		{"p q r", 1, 2},
		{"p q r", 3, 4},
		{"p=0 q=0", 9, 2},
	} {
		t.Run(fmt.Sprintf("%s with AUTO_RETRY %d", test.channels, test.retry), func(t *testing.T) {
			f := providers(strings.Fields(test.channels)...).key("sk", "")
			f.cfg.APIKeys[0].Preferences.AutoRetry = test.retry
			tried := walk(f.build().start("sk"), always(Unavailable))
			if got := len(strings.Fields(tried)); got != test.want {
				t.Errorf("%d attempts (%s), want %d", got, tried, test.want)
			}
		})
	}
}

func TestOnlyAnotherTryOfTheSameChannelWithTheSameKeyWaits(t *testing.T) {
	plan := providers("p=2", "q", "r=0").key("sk", "").build().start("sk")
	seen := map[string]int{}
	for a, more := plan.Next(); more; a, more = plan.Next() {
		name := fmt.Sprint(a.Provider.Config.Name, a.Key)
		if again := seen[name] > 0; again != (a.Wait > 0) {
			t.Errorf("attempt %d, number %d at %s, waits %v", a.Number, seen[name]+1, name, a.Wait)
		}
		if a.Wait > time.Second {
			t.Errorf("attempt %d waits %v: longer than clients like", a.Number, a.Wait)
		}
		seen[name]++
		plan.Report(a, Outcome{Verdict: Unavailable})
	}
	for name, times := range map[string]int{"p0": 2, "p1": 1, "q0": 2, "r-1": 2} {
		if seen[name] < times {
			t.Errorf("tried %v, want %s %d times", seen, name, times)
		}
	}
}

func TestOncePlansNoChannelAgainAndLeavesNoneOut(t *testing.T) {
	plan := providers("p=2", "q", "r").key("sk", "").build().start("sk")
	first, _ := plan.Next()
	plan.Report(first, Outcome{Verdict: Unavailable})
	plan.Once()
	if got := walk(plan, always(Unavailable)); got != "q r" || plan.Tried() != 3 {
		t.Errorf("then %q, in all %d", got, plan.Tried())
	}
}

func TestPatienceIsWhatTheChannelsThatWereTriedMayTake(t *testing.T) {
	for _, test := range []struct {
		timeouts [3]time.Duration
		tried    int
		want     time.Duration
	}{
		{[3]time.Duration{5, 7, 9}, 1, 5},
		{[3]time.Duration{5, 7, 9}, 2, 12},
		{[3]time.Duration{5, 7, 9}, 6, 21}, // each once
		{[3]time.Duration{5, 0, 9}, 1, 5},
		{[3]time.Duration{5, 0, 9}, 3, 0}, // one has no limit
	} {
		f := providers("p", "q", "r").key("sk", "")
		for i := range test.timeouts {
			f.cfg.Providers[i].Preferences.TimeoutPolicy.Default.FirstByte = &test.timeouts[i]
		}
		plan := f.build().start("sk")
		for range test.tried {
			a, more := plan.Next()
			if !more {
				t.Fatal("no attempt is left")
			}
			plan.Report(a, Outcome{Verdict: Unavailable})
		}
		if got := plan.Patience(); got != test.want {
			t.Errorf("%v: after %d attempts %d, not %d", test.timeouts, test.tried, got, test.want)
		}
	}
}

func TestWaitsDifferSoThatRequestsDoNotComeBackTogether(t *testing.T) {
	waits := map[time.Duration]bool{}
	for range 100 {
		waits[providers("a").key("sk", "").build().start("sk").backoff(1)] = true
	}
	if len(waits) < 50 {
		t.Errorf("100 waits have only %d lengths", len(waits))
	}
}

func TestProviderWithoutKeysIsAskedWithoutOne(t *testing.T) {
	if a, _ := providers("p=0").key("sk", "").build().start("sk").Next(); a.Key != -1 {
		t.Errorf("key %d, want -1", a.Key)
	}
}

func TestPlanCanBeUsedForOneRequestAfterTheOther(t *testing.T) {
	f := providers("p=0", "q=0", "r=0:big=m").key("sk-all", "").key("sk-other", config.Random, "r/m", "sk-all/*").build()
	var plan Plan
	for range 3 {
		plan.Start(f.table.Key("sk-all"), f.table.Key("sk-all").Find("m"))
		if got := walk(&plan, always(TooLong)); got != "p r" {
			t.Errorf("tried %q, want p r", got)
		}
		plan.Start(f.table.Key("sk-other"), f.table.Key("sk-other").Find("m"))
		if got := walk(&plan, always(Unavailable)); len(got) != len("p q r") {
			t.Errorf("tried %q, want all three", got)
		}
	}
}

func TestPlanningAllocatesNothing(t *testing.T) {
	for _, schedule := range schedules {
		t.Run(string(schedule), func(t *testing.T) {
			f := providers("p", "q", "r").key("sk-sub", schedule, "p/m: 2", "r/m: 1").
				key("sk", schedule, "p/m: 5", "q/m: 2", "sk-sub/*").build()
			key := f.table.Key("sk")
			route := key.Find("m")
			var plan Plan
			one := func() {
				plan.Start(key, route)
				for a, more := plan.Next(); more; a, more = plan.Next() {
					plan.Report(a, Outcome{Verdict: Unavailable})
				}
			}
			one()
			if n := testing.AllocsPerRun(100, one); n != 0 {
				t.Errorf("%v allocations a request, want none", n)
			}
		})
	}
}
