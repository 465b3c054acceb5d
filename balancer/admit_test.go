package balancer

import (
	"testing"

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
