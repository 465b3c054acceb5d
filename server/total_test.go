package server

import (
	"io"
	"strings"
	"testing"
)

// total is a timeout_policy under which nothing but the whole is limited.
const total = "preferences:\n  cooldown_period: 0\n  image_fetch: {allow: 127.0.0.1}\n  timeout_policy: {default: {first_byte: 0, idle: 0, total: 0.3}}\n"

func TestTotalEndsWhateverIsDoneForARequest(t *testing.T) {
	t.Parallel()
	silent := func(p *peer, _ seen) bool { p.gone(); return false }
	picture := `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://ADDR/p.png"}}]}]}`
	for name, test := range map[string]struct {
		up      script
		more    string // of the provider
		key     string
		request string
	}{
		"waiting for an answer": {up: silent},
		"an answer that goes on": {up: func(p *peer, _ seen) bool {
			p.say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
			p.gone()
			return false
		}},
		"fetching an image":           {up: silent, more: "    engine: gemini\n", request: picture},
		"waiting for an access token": {up: silent, more: "    engine: vertex\n    project_id: p\n    api:\n    client_email: a@b.example\n    token_uri: http://ADDR/token\n    private_key: " + pemOfAKey(t) + "\n"},
		"moderation":                  {up: silent, more: "    model: [m, omni-moderation-latest]\n", key: "ENABLE_MODERATION: true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := listen(t, test.up)
			at := strings.NewReplacer("ADDR", up.addr)
			g := start(t, providerOf("p", up, at.Replace(test.more)), providerOf("q", up), keyed(test.key), total)
			request := plainRequest
			if test.request != "" {
				request = at.Replace(test.request)
			}
			a := g.chat(request)
			if want := map[bool]int{true: 503, false: 504}[name == "moderation"]; a.StatusCode != want || !strings.Contains(a.body, "timeout_policy") {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			// The next request over this connection has all of its time.
			if b := g.do("GET", "/v1/models", "", "Authorization", "Bearer "+clientKeyText); b.StatusCode != 200 {
				t.Errorf("then %d %s", b.StatusCode, b.body)
			}
		})
	}
}

func TestTotalEndsAStreamWithAnError(t *testing.T) {
	t.Parallel()
	up := listen(t, func(p *peer, r seen) bool {
		p.say(streamHead + chunk(event("one")))
		p.gone()
		return false
	})
	g := start(t, providerOf("p", up), keyed(""), strings.Replace(total, "total: 0.3", "total: 1.5", 1)) // in which the stream begins
	client := g.dial()
	client.send(chatText(streamRequest))
	resp := client.head()
	text, err := io.ReadAll(resp.Body)
	if got := string(text); err == nil || !strings.Contains(got, "one") || !strings.Contains(got, "timeout_policy") || strings.Contains(got, "[DONE]") {
		t.Errorf("%v: %s", err, got)
	}
	if line := g.log.Next(t, "request"); line["status"] != 504.0 {
		t.Errorf("%v", line)
	}
}

// What ends because the others have used up the time is no channel's fault; what has had all of it is.
func TestTotalRestsOnlyAChannelThatHadAllOfTheTime(t *testing.T) {
	silent := listen(t, func(p *peer, _ seen) bool { p.gone(); return false })
	failing := listen(t, says(reply(500, jsonKind, `{"error":{"message":"no"}}`)))
	resting := strings.Replace(total, "cooldown_period: 0", "cooldown_period: 60", 1)
	for name, first := range map[string]*upstream{"alone": silent, "after another": failing} {
		t.Run(name, func(t *testing.T) {
			g := start(t, providerOf("p", first), providerOf("q", silent), keyed("SCHEDULING_ALGORITHM: fixed_priority"), resting)
			g.chat(plainRequest)
			a := g.do("GET", "/v1/explain?key=admin&model=m", "", "Authorization", "Bearer "+clientKeyText)
			p, q, _ := strings.Cut(a.body, `"Provider":"q"`)
			if !strings.Contains(p, "rests for another") || strings.Contains(q, "rests for another") {
				t.Errorf("%s", a.body)
			}
		})
	}
}
