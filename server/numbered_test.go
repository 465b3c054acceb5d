package server

import (
	"fmt"
	"strings"
	"testing"
)

// TestErrorInAnAnswerHasItsStatusForTheClient has upstreams of each format answer 200 with an error that names a
// status by its number, whole and as the first event of a stream.
func TestErrorInAnAnswerHasItsStatusForTheClient(t *testing.T) {
	t.Parallel()
	upstreams := map[string]string{
		"chat": "/v1/chat/completions", "messages": "/v1/messages\n    engine: claude", "responses": "/v1/responses",
		"gemini": "/v1beta\n    engine: gemini", "cohere": "/v2/chat\n    engine: cohere",
	}
	clients := map[string]func(stream bool) (path, body string){
		"chat": func(stream bool) (string, string) {
			return "/v1/chat/completions", fmt.Sprintf(`{"model":"m","stream":%t,"messages":[{"role":"user","content":"hi"}]}`, stream)
		},
		"messages": func(stream bool) (string, string) {
			return "/v1/messages", fmt.Sprintf(`{"model":"m","max_tokens":9,"stream":%t,"messages":[{"role":"user","content":"hi"}]}`, stream)
		},
		"responses": func(stream bool) (string, string) {
			return "/v1/responses", fmt.Sprintf(`{"model":"m","stream":%t,"input":"hi"}`, stream)
		},
		"gemini": func(stream bool) (string, string) {
			if stream {
				return "/v1beta/models/m:streamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`
			}
			return "/v1beta/models/m:generateContent", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`
		},
	}
	for _, test := range []struct {
		name, failure string
		status        int
	}{
		{"a number", `{"error":{"code":429,"message":"slow down"}}`, 429},
		{"OpenRouter's", `{"error":{"message":"slow down","code":503,"metadata":{"provider_name":"P"}},"user_id":"u"}`, 503},
		{"a number in a text", `{"error":{"code":"429","message":"slow down"}}`, 429},
		{"a status", `{"error":{"status":529,"message":"slow down"}}`, 529},
		{"the request's own fault", `{"error":{"code":400,"message":"slow down"}}`, 400},
		{"a refused key is no matter of the client's", `{"error":{"code":401,"message":"slow down"}}`, 502},
		{"a success", `{"error":{"code":200,"message":"slow down"}}`, 502},
		{"no status", `{"error":{"code":"odd","message":"slow down"}}`, 502},
		{"a number that is none", `{"error":{"code":10042,"message":"slow down"}}`, 502},
	} {
		for to, up := range upstreams {
			for from, asks := range clients {
				if from != "chat" && test.status != 503 { // one kind for all of them
					continue
				}
				for _, stream := range []bool{false, true} {
					said := reply(200, jsonKind, test.failure)
					if stream {
						said = streamHeadOnly + "data: " + test.failure + "\n\n"
					}
					at := listen(t, func(p *peer, _ seen) bool {
						p.say(said)
						return false
					})
					g := start(t, "  - provider: p\n    base_url: http://"+at.addr+up+"\n    api: k\n    model: [m]\n", keyed("AUTO_RETRY: false"))
					path, body := asks(stream)
					a := g.do("POST", path, body, asClient...)
					if a.StatusCode != test.status || !strings.Contains(a.body, "slow down") {
						t.Errorf("%s, %s to %s, stream %t: %d %s", test.name, from, to, stream, a.StatusCode, a.body)
					}
				}
			}
		}
	}
}
