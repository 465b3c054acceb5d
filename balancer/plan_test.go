package balancer

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/config"
)

// planned builds a route of providers given as name=number of keys; their
// upstream model is the letter after a colon, m if none is given.
func planned(channels ...string) *Route {
	cfg := &config.Config{APIKeys: []*config.APIKey{{Key: "sk", Rules: []config.Rule{{Kind: config.RuleAll}}}}}
	for _, text := range channels {
		var name string
		keys, upstream := 1, "m"
		if before, model, found := strings.Cut(text, ":"); found {
			text, upstream = before, model
		}
		name, count, found := strings.Cut(text, "=")
		if found {
			fmt.Sscan(count, &keys)
		}
		p := &config.Provider{Name: name, Models: []config.Model{{Upstream: upstream, Alias: "m"}}}
		for i := range keys {
			p.Keys = append(p.Keys, fmt.Sprint("key", i))
		}
		cfg.Providers = append(cfg.Providers, p)
	}
	table := Build(cfg, NewState(), func(i int) []config.Model { return cfg.Providers[i].Models })
	return table.Routes("sk").Find("m")
}

func TestAttemptsFollowWhatTheLastOneLearned(t *testing.T) {
	for _, test := range []struct {
		name     string
		channels []string
		retry    int
		verdicts []Verdict // of the attempts in turn; the last repeats
		want     string    // the channels tried
	}{
		{"a channel that serves ends it", []string{"p", "q"}, config.RetryAll, []Verdict{Served}, "p"},
		{"every channel is tried before any is tried again", []string{"p", "q", "r"}, config.RetryAll, []Verdict{Unavailable}, "p q r p q r p q r"},
		{"one channel with one key", []string{"p"}, config.RetryAll, []Verdict{Unavailable}, "p p p"},
		{"one channel with three keys", []string{"p=3"}, config.RetryAll, []Verdict{Unavailable}, "p p p p"},
		{"one channel without keys", []string{"p=0"}, config.RetryAll, []Verdict{Unavailable}, "p"},
		{"no retry", []string{"p", "q"}, 0, []Verdict{Unavailable}, "p"},
		{"one retry", []string{"p", "q", "r"}, 1, []Verdict{Unavailable}, "p q"},
		{"more retries than there are attempts", []string{"p=0", "q=0"}, 9, []Verdict{Unavailable}, "p q"},
		{"the client's mistake is tried once elsewhere", []string{"p", "q", "r"}, config.RetryAll, []Verdict{Mistaken}, "p q"},
		{"the client's mistake with nowhere else to go", []string{"p"}, config.RetryAll, []Verdict{Mistaken}, "p"},
		{"after the client's mistake one failure is the last", []string{"p", "q", "r"}, config.RetryAll, []Verdict{Mistaken, Unavailable}, "p q"},
		{"a prompt too long goes to no channel of that model", []string{"p", "q", "r:big"}, config.RetryAll, []Verdict{TooLong}, "p r"},
		{"a refused key leaves the other keys", []string{"p=2"}, config.RetryAll, []Verdict{KeyRefused}, "p p"},
		{"a channel whose only key is refused is done", []string{"p", "q"}, config.RetryAll, []Verdict{KeyRefused}, "p q"},
		{"a rate-limited key is not asked again", []string{"p", "q"}, config.RetryAll, []Verdict{RateLimited, Unavailable}, "p q q q q q"},
		{"a channel without the model is done", []string{"p=2", "q"}, config.RetryAll, []Verdict{NoModel}, "p q"},
		{"a client that left is not worked for", []string{"p", "q"}, config.RetryAll, []Verdict{Over}, "p"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var plan Plan
			plan.Start(planned(test.channels...), config.FixedPriority, test.retry)
			var tried []string
			for {
				a, more := plan.Next()
				if !more {
					break
				}
				if a.Number != len(tried)+1 {
					t.Errorf("attempt %d has the number %d", len(tried)+1, a.Number)
				}
				tried = append(tried, a.Provider.Config.Name)
				plan.Report(a, test.verdicts[min(len(tried), len(test.verdicts))-1])
			}
			if got := strings.Join(tried, " "); got != test.want {
				t.Errorf("tried %q, want %q", got, test.want)
			}
		})
	}
}

func TestKeysOfAProviderTakeTurnsAcrossRequestsAndReloads(t *testing.T) {
	cfg := &config.Config{
		Providers: []*config.Provider{{Name: "p", Keys: []string{"a", "b", "c"}, Models: []config.Model{{Upstream: "m", Alias: "m"}}}},
		APIKeys:   []*config.APIKey{{Key: "sk", Rules: []config.Rule{{Kind: config.RuleAll}}}},
	}
	state := NewState()
	models := func(int) []config.Model { return cfg.Providers[0].Models }
	var got []int
	for range 2 {
		route := Build(cfg, state, models).Routes("sk").Find("m")
		for range 2 {
			var plan Plan
			plan.Start(route, config.FixedPriority, config.RetryAll)
			a, _ := plan.Next()
			got = append(got, a.Key)
		}
	}
	if fmt.Sprint(got) != "[0 1 2 0]" {
		t.Errorf("keys %v, want 0 1 2 0", got)
	}
}

func TestAProviderWithoutKeysIsAskedWithoutOne(t *testing.T) {
	var plan Plan
	plan.Start(planned("p=0"), config.FixedPriority, config.RetryAll)
	if a, _ := plan.Next(); a.Key != -1 {
		t.Errorf("key %d, want -1", a.Key)
	}
}

func TestPlanningAllocatesNothing(t *testing.T) {
	route := planned("p", "q", "r")
	var plan Plan
	one := func() {
		plan.Start(route, config.FixedPriority, config.RetryAll)
		for a, more := plan.Next(); more; a, more = plan.Next() {
			plan.Report(a, Unavailable)
		}
	}
	one()
	if n := testing.AllocsPerRun(100, one); n != 0 {
		t.Errorf("%v allocations a request, want none", n)
	}
}
