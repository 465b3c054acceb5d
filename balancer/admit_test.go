package balancer

import (
	"context"
	"testing"
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// TestAdmittingARequestAllocatesNothing is for keys without limits, and with one of requests.
func TestAdmittingARequestAllocatesNothing(t *testing.T) {
	for name, limited := range map[string]bool{"without limits": false, "limited": true} {
		t.Run(name, func(t *testing.T) {
			f := providers("p=2").key("sk", config.FixedPriority)
			if limited {
				f.cfg.APIKeys[0].Preferences.RateLimit.Set("default", limitedTo(1<<20))
			}
			key := f.build().table.Key("sk")
			if n := testing.AllocsPerRun(1000, func() {
				if _, refused := key.Admit(t.Context(), limit.Need{}, "m"); refused != nil {
					t.Errorf("refused: %+v", refused)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// BenchmarkAdmit is what letting a request in and settling it costs under limits of requests, tokens, money and
// requests at once, of its key and of all keys.
func BenchmarkAdmit(b *testing.B) {
	all := config.RateLimit{
		Limits: []config.Limit{{Count: 100_000, Window: time.Minute}},
		Quotas: []config.Quota{{Of: config.Tokens, Count: 1 << 50, Window: time.Minute}, {Of: config.Money, Count: 1 << 50, Window: 24 * time.Hour, Zone: "UTC"}, {Of: config.Concurrent, Count: 1000}},
	}
	f := providers("p").key("sk", "")
	f.cfg.APIKeys[0].Preferences.RateLimit.Set("default", all)
	f.cfg.Preferences.RateLimit = all
	key := f.build().table.Key("sk")
	b.ReportAllocs()
	for b.Loop() {
		f.pass(time.Millisecond)
		a, refused := key.Admit(context.Background(), limit.Need{Tokens: 100, Money: 1000}, "m")
		if refused != nil {
			b.Fatal(refused)
		}
		a.Settle(limit.Need{Tokens: 50, Money: 500})
	}
}
