package server

import (
	"strings"
	"testing"
)

// resting is how much of a gateway's first provider rests: channels, keys, and keys for one model.
func (g *gateway) resting() (channels, keys, pairs int) {
	p := g.state.Overview(g.snapshot.Load().table)[0]
	for _, c := range p.Channels {
		if c.Resting {
			channels++
		}
	}
	for _, k := range p.Keys {
		if k.Resting {
			keys++
		}
		pairs += len(k.Models)
	}
	return channels, keys, pairs
}

func TestAdminWakesWhatRests(t *testing.T) {
	for _, test := range []struct {
		name, query, body     string
		status                int
		woken                 string
		channels, keys, pairs int // that rest after it
	}{
		{"all of a provider", "?provider=p", "", 200, `"woken":4`, 0, 0, 0},
		{"a channel", "?provider=p&model=m", "", 200, `"woken":1`, 0, 2, 1},
		{"a channel by its other name", "?provider=p&model=up-m", "", 200, `"woken":1`, 0, 2, 1},
		{"a key by its number", "?provider=p&key=1", "", 200, `"woken":1`, 1, 1, 1},
		{"a key as it is masked", "?provider=p&key=sk-…567", "", 200, `"woken":1`, 1, 1, 1},
		{"a key for a model", "?provider=p&key=3&model=n", "", 200, `"woken":1`, 1, 2, 0},
		{"what does not rest", "?provider=p&key=3&model=m", "", 200, `"woken":0`, 1, 2, 1},
		{"by a body", "", `{"provider":"p","key":2}`, 200, `"woken":1`, 1, 1, 1},
		{"by a body with text", "", `{"provider":"p","key":"2","model":null}`, 200, `"woken":1`, 1, 1, 1},
		{"another provider", "?provider=q", "", 404, "channel_not_found", 1, 2, 1},
		{"another model", "?provider=p&model=x", "", 404, "channel_not_found", 1, 2, 1},
		{"another key", "?provider=p&key=4", "", 404, "channel_not_found", 1, 2, 1},
		{"a key of number 0", "?provider=p&key=0", "", 404, "channel_not_found", 1, 2, 1},
		{"nobody", "", "", 400, "provider is missing", 1, 2, 1},
		{"by a body that is none", "", `[1]`, 400, "JSON object", 1, 2, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			up := listen(t, func(p *peer, r seen) bool {
				switch {
				case strings.Contains(r.Header.Get("Authorization"), "one"):
					p.say(reply(401, jsonKind, errorBody("no such key")))
				case strings.Contains(r.Header.Get("Authorization"), "two"):
					p.say(reply(402, jsonKind, errorBody("no money")))
				case strings.Contains(r.body, `"up-n"`):
					p.say(reply(429, jsonKind, errorBody("slow down")))
				default:
					p.say(reply(500, jsonKind, errorBody("broken")))
				}
				return true
			})
			g := start(t, providerOf("p", up, "    api: [sk-one-01234567, sk-two-01234599, sk-three-0123]\n    model: [{up-m: m}, {up-n: n}]\n    preferences: {cooldown_period: 300, api_key_schedule_algorithm: fixed_priority}\n"),
				providerOf("r", listen(t, both), "    model: [m, n]\n"), keyed("AUTO_RETRY: 2"))
			for _, model := range []string{"m", "m", "m", "n"} {
				g.chat(strings.Replace(plainRequest, `"m"`, `"`+model+`"`, 1))
			}
			if c, k, p := g.resting(); c != 1 || k != 2 || p != 1 {
				t.Fatalf("%d channels, %d keys and %d pairs rest", c, k, p)
			}
			a := g.do("POST", "/v1/channels/wake"+test.query, test.body, asClient...)
			if a.StatusCode != test.status || !strings.Contains(a.body, test.woken) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			if c, k, p := g.resting(); c != test.channels || k != test.keys || p != test.pairs {
				t.Errorf("%d channels, %d keys and %d pairs rest after it", c, k, p)
			}
		})
	}
}
