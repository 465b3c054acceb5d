package balancer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

// reasons are an explanation's steps, each as "provider: why".
func reasons(e Explanation) string {
	var text []string
	for _, s := range e.Steps {
		text = append(text, s.Provider+": "+s.Why)
	}
	return strings.Join(text, "\n")
}

func TestExplainSaysWhyEachChannelHasItsPlace(t *testing.T) {
	for _, test := range []struct {
		schedule config.Schedule
		rules    []string
		want     []string
	}{
		{"", []string{"b/m", "a/m"}, []string{"b: fixed_priority: number 1 of the key's rules", "a: fixed_priority: number 2 of the key's rules"}},
		{config.FixedPriority, []string{"a/m"}, []string{"a: the only channel"}},
		{config.RoundRobin, []string{"a/m", "b/m"}, []string{"b: round_robin: turn 2 of 2", "a: round_robin: turn 2 of 2"}},
		{config.WeightedRoundRobin, []string{"c/m", "a/m: 2", "b/m: 1"}, []string{
			"b: weighted_round_robin: turn 2 of 3", "a: weighted_round_robin: turn 2 of 3",
			"c: weighted_round_robin: without a weight, after those that have one"}},
		{config.WeightedRoundRobin, []string{"a/m", "b/m: 1"}, []string{"b: weighted_round_robin: turn 2 of 2", "a: weighted_round_robin: turn 2 of 2"}},
		{config.Lottery, []string{"a/m", "b/m"}, []string{"b: lottery: turn 2 of 2", "a: lottery: turn 2 of 2"}},
		{config.Lottery, []string{"c/m", "a/m: 10000", "b/m: 1"}, []string{
			"lottery: drawn by weight, another request draws anew", "lottery: drawn by weight, another request draws anew",
			"c: lottery: without a weight, after those that have one"}},
		{config.Random, []string{"all"}, []string{
			"random: drawn now, another request draws anew", "random: drawn now, another request draws anew", "random: drawn now, another request draws anew"}},
		{"", []string{"c/m", "sk-sub/*"}, []string{
			"c: fixed_priority: number 1 of the key's rules",
			"a: by way of key sk-sub, fixed_priority: number 1 of the key's rules",
			"b: by way of key sk-sub, fixed_priority: number 2 of the key's rules"}},
		{"", []string{"b/m", "sk-sub/*"}, []string{"b: fixed_priority: number 1 of the key's rules", "a: by way of key sk-sub, fixed_priority: number 1 of the key's rules"}},
	} {
		t.Run(fmt.Sprint(test.schedule, test.rules), func(t *testing.T) {
			f := providers("a", "b", "c").key("sk-sub", "", "a/m", "b/m").key("sk", test.schedule, test.rules...).build()
			f.first("sk")
			e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"})
			got := strings.Split(reasons(e), "\n")
			if len(got) != len(test.want) {
				t.Fatalf("steps:\n%s", reasons(e))
			}
			for i := range got {
				if !strings.HasSuffix(got[i], test.want[i]) {
					t.Errorf("step %d is %q, want %q", i+1, got[i], test.want[i])
				}
			}
		})
	}
}

func TestExplainShowsWhatTheNextRequestDoesAndTakesNoTurn(t *testing.T) {
	for _, schedule := range []config.Schedule{config.FixedPriority, config.RoundRobin, config.WeightedRoundRobin, config.SmartRoundRobin} {
		t.Run(string(schedule), func(t *testing.T) {
			f := providers("a=0", "b=0", "c=0", "d=0").key("sk-sub", schedule, "b/m: 3", "c/m: 2").key("sk", schedule, "sk-sub/m", "a/m: 3", "d/m: 1").build()
			for range 13 {
				var want []string
				for range 3 {
					e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"})
					var now []string
					for _, s := range e.Steps {
						now = append(now, s.Provider)
					}
					if want != nil && strings.Join(now, " ") != strings.Join(want, " ") {
						t.Fatalf("explained %q, then %q", want, now)
					}
					want = now
				}
				if got := walk(f.start("sk"), always(Unavailable)); got != strings.Join(want, " ") {
					t.Errorf("tried %q, explained %q", got, want)
				}
			}
		})
	}
}

func TestExplainCountsNothingAgainstALimit(t *testing.T) {
	f := providers("a").with("a", func(p *config.ProviderPreferences) {
		p.KeyRateLimit.Set("default", config.RateLimit{Limits: []config.Limit{{Count: 1, Window: time.Minute}}})
	}).key("sk", "", "sk-sub/*").key("sk-sub", "")
	f.cfg.APIKeys[1].Preferences.RateLimit.Set("default", config.RateLimit{Limits: []config.Limit{{Count: 1, Window: time.Minute}}})
	f.build()
	for range 3 {
		f.table.Key("sk").Explain(Attributes{Model: "m"})
	}
	if got := f.first("sk"); got != "a" {
		t.Error("an explanation used up a limit")
	}
}

func TestExplainSaysWhoIsLeftOut(t *testing.T) {
	f := providers("a=2", "b", "c", "d=0").cooling(minute).key("sk", "").key("sk-lone", "", "a/m").build()
	f.cfg.Providers[0].Preferences.KeyCooldown = 0
	fail := func(want string, o Outcome) {
		plan := f.start("sk")
		a, _ := plan.Next()
		if a.Provider.Config.Name != want {
			t.Fatalf("%s is tried, want %s", a.Provider.Config.Name, want)
		}
		plan.Report(a, o)
	}
	fail("a", Outcome{Verdict: KeyRefused, Sure: true, Reason: "bad key"})
	fail("a", Outcome{Verdict: Unavailable, Reason: "status 500"})
	fail("b", Outcome{Verdict: OutOfQuota, Reason: "no money"})
	fail("c", Outcome{Verdict: Unavailable, Reason: "timeout"})
	f.pass(40 * time.Second)

	want := map[string]struct {
		excluded string
		keys     string
	}{
		"a": {"rests for this client key alone for another 20s after: status 500", `["rests for another 20s after: bad key" ""]`},
		"b": {"all its keys rest", `["rests for this client key alone for another 4m20s after: no money"]`},
		"c": {"rests for this client key alone for another 20s after: timeout", `[""]`},
		"d": {"", `[]`},
	}
	e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"})
	for _, s := range e.Steps {
		w := want[s.Provider]
		if s.Excluded != w.excluded || fmt.Sprintf("%q", s.Keys) != w.keys {
			t.Errorf("%s is excluded by %q, its keys by %q; want %q, %s", s.Provider, s.Excluded, s.Keys, w.excluded, w.keys)
		}
	}
	e, _ = f.table.Key("sk-lone").Explain(Attributes{Model: "m"})
	if got := e.Steps[0].Excluded; got != "" {
		t.Errorf("a lone channel is excluded by %q", got)
	}
	f.table.Providers[0].ring.keys[1].breaker.Failed(&breaker.Pause{Began: f.clock.Load(), Until: never, Held: never, Sure: true}, nil, 0)
	e, _ = f.table.Key("sk-lone").Explain(Attributes{Model: "m"})
	if got := e.Steps[0].Excluded; got != "all its keys rest" {
		t.Errorf("a lone channel whose keys are dead is excluded by %q", got)
	}
	f.table.Providers[0].ring.keys[1].breaker.Wake()

	f.pass(20 * time.Second)
	probe := f.start("sk")
	a, _ := probe.Next()
	e, _ = f.table.Key("sk").Explain(Attributes{Model: "m"})
	if got := e.Steps[0].Excluded; a.Provider.Config.Name != "a" || got != "waits for the probe that is under way, after: status 500" {
		t.Errorf("while %s is probed it is excluded by %q", a.Provider.Config.Name, got)
	}
	if got := e.Steps[2].Excluded; got != "" {
		t.Errorf("c may be probed, but is excluded by %q", got)
	}
}

func TestExplainKnowsThatALoneChannelIsTriedWhileItsKeysRestSoftly(t *testing.T) {
	f := providers("a").cooling(minute).key("sk", "").build()
	plan := f.start("sk")
	a, _ := plan.Next()
	plan.Report(a, Outcome{Verdict: RateLimited, Reason: "slow down"})
	e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"})
	if s := e.Steps[0]; s.Excluded != "" || s.Keys[0] == "" {
		t.Errorf("excluded by %q, its key by %q", s.Excluded, s.Keys[0])
	}
}

func TestExplainTellsTheRequestAsAWhole(t *testing.T) {
	f := providers("a=2:real=m", "b").key("sk", config.RoundRobin)
	f.cfg.APIKeys[0].Preferences.AutoRetry = 2
	e, routed := f.build().table.Key("sk").Explain(Attributes{Model: "m"})
	if !routed || e.Key != "sk" || e.Model != "m" || e.Schedule != config.RoundRobin || e.Attempts != 3 {
		t.Errorf("explanation %+v", e)
	}
	if s := e.Steps[0]; s.Upstream != "real" || s.Timeout != config.DefaultTimeout {
		t.Errorf("step %+v", s)
	}
	if e, routed = f.table.Key("sk").Explain(Attributes{Model: "nothing"}); routed || len(e.Steps) != 0 {
		t.Errorf("a model without channels has the steps %+v", e.Steps)
	}
}
