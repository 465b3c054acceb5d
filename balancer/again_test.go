package balancer

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestChannelThatFailedForAMomentIsAskedAgain(t *testing.T) {
	on := true
	busy, limited := Outcome{Verdict: Unavailable, Status: 503}, Outcome{Verdict: RateLimited, Status: 429, RetryAfter: 2 * time.Second}
	for _, test := range []struct {
		name     string
		channels string
		same     bool      // retry_same_first
		outcomes []Outcome // of the attempts in turn; the last repeats
		want     string    // the channels tried, with the whole seconds that are waited before
	}{
		{"a 5xx: the next one is asked", "p q", false, []Outcome{busy, {Verdict: Served}}, "p q"},
		{"a 5xx: the same is asked first", "p q", true, []Outcome{busy, {Verdict: Served}}, "p p"},
		{"a 5xx twice: the same is asked first once", "p q", true, []Outcome{busy, busy, {Verdict: Served}}, "p p q"},
		{"each of two is asked first once", "p q", true, []Outcome{busy, busy, busy, busy, {Verdict: Served}}, "p p q q p"},
		{"what did not answer is not asked first", "p q", true, []Outcome{{Verdict: Unavailable}, {Verdict: Served}}, "p q"},
		{"a short Retry-After: the same is asked first", "p q", true, []Outcome{limited, {Verdict: Served}}, "p p+2"},
		{"a short Retry-After of a 5xx: the same is asked first", "p q", true, []Outcome{{Verdict: Unavailable, Status: 503, RetryAfter: 3 * time.Second}, {Verdict: Served}}, "p p+3"},
		{"a long Retry-After: the next one is asked", "p q", true, []Outcome{{Verdict: RateLimited, RetryAfter: 6 * time.Second}, {Verdict: Served}}, "p q"},
		{"a long Retry-After of a 5xx: the next one is asked", "p q", true, []Outcome{{Verdict: Unavailable, Status: 503, RetryAfter: 6 * time.Second}, {Verdict: Served}}, "p q"},
		{"a short Retry-After is not waited out where another serves", "p q", false, []Outcome{limited, {Verdict: Served}}, "p q"},
		{"a short Retry-After is waited out where nothing else does", "p", false, []Outcome{limited, {Verdict: Served}}, "p p+2"},
		{"of a provider without keys too", "p=0 q=1", false, []Outcome{limited, {Verdict: NoModel}, {Verdict: Served}}, "p q p+2"},
		{"another key is asked before it is waited for", "p=2", false, []Outcome{limited, limited, {Verdict: Served}}, "p p p+2"},
		{"what failed is asked again before another is waited for", "p q", false, []Outcome{limited, {Verdict: Unavailable}, {Verdict: Unavailable}, {Verdict: Served}}, "p q q p+2"},
		{"a long Retry-After is not waited out", "p", false, []Outcome{{Verdict: RateLimited, RetryAfter: 6 * time.Second}, {Verdict: Served}}, "p"},
		{"a 5xx's short Retry-After is waited out", "p", false, []Outcome{{Verdict: Unavailable, Status: 503, RetryAfter: 3 * time.Second}, {Verdict: Served}}, "p p+3"},
		{"what is final is", "p q", true, []Outcome{{Verdict: Unavailable, Status: 503, Final: true}}, "p"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers(strings.Fields(test.channels)...).key("sk", "")
			f.cfg.Preferences.Retries.ShortRetryAfter = 5 * time.Second
			if test.same {
				f.cfg.Providers[0].Preferences.Retries.SameFirst, f.cfg.Preferences.Retries.SameFirst = &on, true
			}
			plan := f.build().start("sk")
			var tried []string
			for a, more := plan.Next(); more; a, more = plan.Next() {
				said := a.Provider.Config.Name
				if s := a.Wait.Round(time.Second); s >= time.Second {
					said += fmt.Sprintf("+%d", s/time.Second)
				}
				tried = append(tried, said)
				plan.Report(a, test.outcomes[min(len(tried), len(test.outcomes))-1])
			}
			if got := strings.Join(tried, " "); got != test.want {
				t.Errorf("tried %q, not %q", got, test.want)
			}
		})
	}
}

// What is asked twice leaves every other channel its attempt.
func TestAskingTheSameFirstLeavesNoChannelOut(t *testing.T) {
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprint("p", i))
	}
	f := providers(names...).key("sk", "")
	f.cfg.Preferences.Retries.SameFirst = true
	plan := f.build().start("sk")
	seen := map[string]bool{}
	for a, more := plan.Next(); more; a, more = plan.Next() {
		seen[a.Provider.Config.Name] = true
		plan.Report(a, Outcome{Verdict: Unavailable, Status: 500})
	}
	if len(seen) != len(names) {
		t.Errorf("%d of %d were asked", len(seen), len(names))
	}
}

func TestOnceTheTimeIsOverTheSameIsNotAskedFirst(t *testing.T) {
	f := providers("p", "q").key("sk", "")
	f.cfg.Preferences.Retries.SameFirst = true
	plan := f.build().start("sk")
	a, _ := plan.Next()
	plan.Report(a, Outcome{Verdict: Unavailable, Status: 500})
	plan.Once()
	if a, _ := plan.Next(); a.Provider.Config.Name != "q" {
		t.Errorf("%s is asked", a.Provider.Config.Name)
	}
}
