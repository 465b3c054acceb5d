package balancer

import (
	"fmt"
	"testing"
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
)

func quota(of config.Quota) config.RateLimit { return config.RateLimit{Quotas: []config.Quota{of}} }

// TestRequestThatIsRefusedUsesUpNothingThatKeysShare has a key send many more requests than a limit of all keys has,
// of which its own limit refuses nearly each. Limits of more than 4,096 take nothing back, so that it must not have
// been counted there.
func TestRequestThatIsRefusedUsesUpNothingThatKeysShare(t *testing.T) {
	need := limit.Need{Tokens: 10, Money: 1000}
	for name, own := range map[string]config.RateLimit{
		"requests at once": quota(config.Quota{Of: config.Concurrent, Count: 1}),
		"tokens":           quota(config.Quota{Of: config.Tokens, Count: 10, Window: time.Minute}),
		"money":            quota(config.Quota{Of: config.Money, Count: 1000, Window: 24 * time.Hour, Zone: "UTC"}),
		"a calendar's day": quota(config.Quota{Of: config.Requests, Count: 1, Window: 24 * time.Hour, Zone: "UTC"}),
		"a window":         limitedTo(1),
	} {
		for _, count := range []int64{50, 5000} { // that takes back, and that does not
			for where, share := range map[string]func(*config.Preferences){
				"all":     func(p *config.Preferences) { p.RateLimit = limitedTo(count) },
				"a model": func(p *config.Preferences) { p.ModelRateLimit.Set("m", limitedTo(count)) },
			} {
				for beside, others := range map[string][]string{"": nil, " with another": {"n"}} {
					t.Run(fmt.Sprint(name, " and ", count, " of ", where, beside), func(t *testing.T) {
						f := providers("p").key("sk", config.FixedPriority).key("sk-other", config.FixedPriority)
						f.cfg.APIKeys[0].Preferences.RateLimit.Set("default", own)
						share(&f.cfg.Preferences)
						table := f.build().table
						let := 0
						for range 3 * count {
							if _, refused := table.Key("sk").Admit(t.Context(), need, "m", others...); refused == nil {
								let++
							}
						}
						if let != 1 {
							t.Fatalf("%d were let in, want 1", let)
						}
						for i := range count/2 - 1 {
							if _, refused := table.Key("sk-other").Admit(t.Context(), need, "m"); refused != nil {
								t.Fatalf("after %d of another key: %+v", i, refused)
							}
						}
					})
				}
			}
		}
	}
}

// TestListsOfModelsUseUpNoMoreOfWhatKeysShareThanTheirKeyMay is for what is asked beside models, which a key's own
// limit does not refuse.
func TestListsOfModelsUseUpNoMoreOfWhatKeysShareThanTheirKeyMay(t *testing.T) {
	f := providers("p").key("sk", config.FixedPriority).key("sk-other", config.FixedPriority)
	f.cfg.APIKeys[0].Preferences.RateLimit.Set("default", limitedTo(3))
	f.cfg.Preferences.RateLimit = limitedTo(20)
	table := f.build().table
	for i := range 100 {
		if refused := table.Key("sk").AdmitOther(t.Context()); refused != nil {
			t.Fatalf("list %d is refused: %+v", i, refused)
		}
	}
	for i := range 17 {
		if refused := table.Key("sk-other").AdmitOther(t.Context()); refused != nil {
			t.Fatalf("list %d of another key is refused: %+v", i, refused)
		}
	}
	for _, key := range []string{"sk", "sk-other"} {
		if refused := table.Key(key).AdmitOther(t.Context()); refused == nil || !refused.Global {
			t.Errorf("a list of %s beyond what all may: %+v", key, refused)
		}
	}
}

// TestProvidersKeyWithoutRoomCountsNothing is the same of api_key_rate_limit, and of a client key in the place of a
// channel.
func TestProvidersKeyWithoutRoomCountsNothing(t *testing.T) {
	both := quota(config.Quota{Of: config.Concurrent, Count: 1})
	both.Limits = limitedTo(5000).Limits
	for name, build := range map[string]func(f *fixture){
		"a provider's key": func(f *fixture) {
			f.key("sk", config.FixedPriority).with("p", func(p *config.ProviderPreferences) { p.KeyRateLimit.Set("default", both) })
		},
		"a key in the place of a channel": func(f *fixture) {
			f.key("sk", config.FixedPriority, "sk-sub/*").key("sk-sub", config.FixedPriority)
			f.cfg.APIKeys[1].Preferences.RateLimit.Set("default", both)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := providers("p=1")
			build(f)
			f.build()
			first := f.start("sk")
			a, ok := first.Next()
			if !ok {
				t.Fatal("the first has no channel")
			}
			for range 15_000 {
				p := f.start("sk")
				if _, ok := p.Next(); ok {
					t.Fatal("two at once")
				}
				p.End(limit.Need{})
			}
			first.Report(a, Outcome{Verdict: Served})
			first.End(limit.Need{})
			if _, ok := f.start("sk").Next(); !ok {
				t.Error("those that had no room have used up the limit of a minute")
			}
		})
	}
}
