package balancer

import (
	"testing"
	"time"

	"uniapi/config"
)

func TestDeadlinesAreThoseOfThePolicyOverTheModelsTimeout(t *testing.T) {
	second := func(n int) *time.Duration { d := time.Duration(n) * time.Second; return &d }
	for name, test := range map[string]struct {
		policy config.Timeouts
		want   Deadlines
	}{
		"without a policy":                 {config.Timeouts{}, Deadlines{FirstByte: 90 * time.Second, Idle: 90 * time.Second}},
		"the first byte's":                 {config.Timeouts{FirstByte: second(5), Idle: second(6), Total: second(7)}, Deadlines{5 * time.Second, 6 * time.Second, 7 * time.Second}},
		"the total for the first byte":     {config.Timeouts{Idle: second(6), Total: second(7)}, Deadlines{7 * time.Second, 6 * time.Second, 7 * time.Second}},
		"silence for the first byte":       {config.Timeouts{Idle: second(6)}, Deadlines{FirstByte: 6 * time.Second, Idle: 6 * time.Second}},
		"no limit":                         {config.Timeouts{FirstByte: second(0), Idle: second(0), Total: second(0)}, Deadlines{}},
		"what is read and changes nothing": {config.Timeouts{Connect: second(1), Write: second(1), Pool: second(1)}, Deadlines{FirstByte: 90 * time.Second, Idle: 90 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			f := providers("a").key("sk", "")
			f.cfg.Providers[0].Preferences.ModelTimeout.Set("default", 90*time.Second)
			f.cfg.Providers[0].Preferences.TimeoutPolicy.Rules = []config.TimeoutRule{{Match: []config.Condition{{Field: "engine", Values: []string{"gpt"}}}, Timeouts: test.policy}}
			f.build()
			f.table.Providers[0].Engine = "gpt"
			plan := f.start("sk")
			a, _ := plan.Next()
			if got := a.Deadlines(&Attributes{Model: "m"}); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			if e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"}); (Deadlines{e.Steps[0].Timeout, e.Steps[0].Idle, e.Steps[0].Total}) != test.want {
				t.Errorf("explained %+v, want %+v", e.Steps[0], test.want)
			}
		})
	}
}

func TestExplainSaysWhichKeysHaveReachedTheirLimits(t *testing.T) {
	f := providers("a=2", "b").with("a", func(p *config.ProviderPreferences) {
		p.KeyRateLimit.Set("default", config.RateLimit{Limits: []config.Limit{{Count: 1, Window: time.Minute}}})
	}).key("sk", "").build()
	step := func() Step { e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"}); return e.Steps[0] }
	f.first("sk")
	if s := step(); s.Excluded != "" || s.Keys[0] != "has had its 1 request per minute (api_key_rate_limit)" || s.Keys[1] != "" {
		t.Errorf("after one request %+v", s)
	}
	f.first("sk")
	if s := step(); s.Excluded != "all its keys rest or have reached their limits" {
		t.Errorf("after two requests %+v", s)
	}
	if got := f.first("sk"); got != "b" {
		t.Errorf("asked %s", got)
	}
}

func TestExplainLeavesOutAKeyInThePlaceOfAChannelThatHasReachedItsLimit(t *testing.T) {
	f := providers("a", "b").key("sk", "", "sk-sub/*", "b/m").key("sk-sub", "", "a/m")
	f.cfg.APIKeys[1].Preferences.RateLimit.Set("default", config.RateLimit{Limits: []config.Limit{{Count: 1, Window: time.Minute}}})
	f.build()
	for _, want := range []string{"a", "b"} {
		e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"})
		if got := f.first("sk"); got != want || e.Steps[0].Provider != want {
			t.Errorf("asked %s, explained %s, want %s", got, e.Steps[0].Provider, want)
		}
	}
}
