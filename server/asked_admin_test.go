package server

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestAdminAsksProvidersOnItsOwnAccount(t *testing.T) {
	up := listen(t, func(p *peer, r seen) bool {
		if strings.Contains(r.Header.Get("Authorization"), "bad") {
			p.say(reply(401, jsonKind, errorBody("no such key")))
			return true
		}
		p.say(reply(200, jsonKind, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"length"}],`+
			`"usage":{"prompt_tokens":8,"completion_tokens":1,"total_tokens":9}}`))
		return true
	})
	g := startWith(t, Options{askEvery: time.Nanosecond}, providerOf("p", up, "    api: [sk-good-01234567, sk-bad-01234599]\n    model: [{up-m: m}]\n"), providerOf("q", up, "    model: [n]\n"), keyed("AUTO_RETRY: 2"))
	type asked struct {
		Asked []struct {
			Provider, Key, Model, Address, Error string
			Good                                 bool
			Status                               int
		}
	}
	ask := func(query string) (a answer, told asked) {
		a = g.do("POST", "/v1/channels/ask"+query, "", asClient...)
		json.Unmarshal([]byte(a.body), &told)
		return a, told
	}
	if a, _ := ask("?provider=nobody"); a.StatusCode != 404 || !strings.Contains(a.body, "channel_not_found") {
		t.Errorf("an unknown provider: %d %s", a.StatusCode, a.body)
	}
	a, told := ask("?provider=p")
	if a.StatusCode != 200 || len(told.Asked) != 2 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	good, bad := told.Asked[0], told.Asked[1]
	if !good.Good || good.Status != 200 || good.Model != "up-m" || bad.Good || bad.Status != 401 || !strings.Contains(bad.Error, "no such key") || !strings.HasSuffix(bad.Address, "/v1/chat/completions") {
		t.Errorf("it is told as %s", a.body)
	}
	if strings.Contains(a.body, "01234567") || strings.Contains(a.body, "01234599") {
		t.Errorf("a key is shown: %s", a.body)
	}
	if channels, keys, pairs := g.resting(); channels+keys+pairs != 0 {
		t.Errorf("%d channels, %d keys and %d pairs rest after it", channels, keys, pairs)
	}
	if a, told := ask(""); a.StatusCode != 200 || len(told.Asked) != 3 || told.Asked[2].Provider != "q" || !told.Asked[2].Good {
		t.Errorf("all: %d %s", a.StatusCode, a.body)
	}
	usage := g.do("GET", "/v1/token_usage", "", asClient...)
	var booked struct {
		Usage []struct {
			Requests    int   `json:"request_count"`
			TotalTokens int64 `json:"total_tokens"`
		}
	}
	json.Unmarshal([]byte(usage.body), &booked)
	requests, tokens := 0, int64(0)
	for _, u := range booked.Usage {
		requests, tokens = requests+u.Requests, tokens+u.TotalTokens
	}
	if tokens != 27 {
		t.Errorf("%d requests and %d tokens are in the books of the admin, want 27: %s", requests, tokens, usage.body)
	}
}
