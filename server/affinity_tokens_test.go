package server

import (
	"fmt"
	"strings"
	"testing"
)

// Each answer says that 3 of 11 tokens were in the cache.
func TestAffinityTellsWhatItKeepsAndWhatIsLost(t *testing.T) {
	for _, test := range []struct {
		name, affinity string
		refused        bool // the key of the first request is good for nothing any more
		kept, lost     int
	}{
		{"two turns at home", "true", false, 6, 0},
		{"its key is out before the second", "true", true, 3, 8},
		{"no affinity", "false", false, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			home := ""
			up := listen(t, func(p *peer, r seen) bool {
				key := r.Header.Get("Authorization")
				if home == "" {
					home = key
				} else if test.refused && key == home {
					p.say(reply(401, jsonKind, errorBody("bad key")))
					return true
				}
				return both(p, r)
			})
			g := start(t, providerOf("p", up, "    api: [sk-up-1, sk-up-2, sk-up-3]\n"), "preferences: {affinity: "+test.affinity+"}\n")
			for i := range 2 {
				if a := g.chat(plainRequest); a.StatusCode != 200 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
				g.settled(i + 1)
			}
			page := string(g.metricsPage())
			for routing, n := range map[string]int{"kept": test.kept, "lost": test.lost} {
				if want := fmt.Sprintf("uniapi_affinity_tokens_total{provider=\"p\",routing=%q} %d\n", routing, n); !strings.Contains(page, want) {
					t.Errorf("the page has no line %s", want)
				}
			}
		})
	}
}
