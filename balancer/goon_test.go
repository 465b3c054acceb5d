package balancer

import (
	"strings"
	"testing"
)

// TestWhatBrokeOffGoesOnAtChannelsThatWereNotAsked has every attempt served and broken off.
func TestWhatBrokeOffGoesOnAtChannelsThatWereNotAsked(t *testing.T) {
	for _, test := range []struct {
		name     string
		channels string
		retry    int       // AUTO_RETRY; -1 is any number
		verdicts []Verdict // of the attempts in turn; the last repeats
		want     string
	}{
		{"each once", "p q r", -1, []Verdict{Served}, "p q r"},
		{"a lone one is not asked again", "p", -1, []Verdict{Served}, "p"},
		{"nor with its other key", "p=2", -1, []Verdict{Served}, "p"},
		{"one that failed before is not asked again", "p q r", -1, []Verdict{Unavailable, Served}, "p q r"},
		{"one that fails then is followed by the next", "p q r", -1, []Verdict{Served, Unavailable, Served}, "p q r"},
		{"a client key without retries has none", "p q r", 0, []Verdict{Served}, "p"},
		{"a client key with one has one", "p q r", 1, []Verdict{Served}, "p q"},
		{"one that was used up is not there again", "p q r", 1, []Verdict{Unavailable, Served}, "p q"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers(strings.Fields(test.channels)...).key("sk", "")
			f.cfg.APIKeys[0].Preferences.AutoRetry = test.retry
			plan := f.build().start("sk")
			var tried []string
			for a, more := plan.Next(); more; a, more = plan.Next() {
				tried = append(tried, a.Provider.Config.Name)
				verdict := test.verdicts[min(len(tried), len(test.verdicts))-1]
				if plan.Report(a, Outcome{Verdict: verdict}); verdict == Served {
					if _, more := plan.Next(); more {
						t.Error("an attempt follows one that was served")
					}
					plan.Report(a, Outcome{Verdict: Broken})
					plan.GoOn()
				}
			}
			if got := strings.Join(tried, " "); got != test.want {
				t.Errorf("tried %q, not %q", got, test.want)
			}
		})
	}
}

// TestWhatRestsGoesOnWhereNothingElseCan has the only other channel rest.
func TestWhatRestsGoesOnWhereNothingElseCan(t *testing.T) {
	f := providers("p", "q").key("sk", "").growing().build()
	first := f.start("sk")
	a, _ := first.Next()
	for b, more := first.Next(); more && b.Provider != a.Provider; b, more = first.Next() {
		first.Report(b, Outcome{Verdict: Unavailable, Sure: true})
		break
	}
	first.Report(a, Outcome{Verdict: Served})
	plan := f.start("sk")
	a, _ = plan.Next()
	plan.Report(a, Outcome{Verdict: Served})
	plan.Report(a, Outcome{Verdict: Broken})
	plan.GoOn()
	if b, more := plan.Next(); !more || b.Provider == a.Provider {
		t.Errorf("%v %v", b.Candidate, more)
	}
}
