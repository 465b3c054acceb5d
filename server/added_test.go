package server

import (
	"fmt"
	"strings"
	"testing"
)

// refusesMember answers with an error as long as a request has a member.
func refusesMember(member, kind, failure, answer string) script {
	return func(p *peer, r seen) bool {
		if strings.Contains(r.body, `"`+member+`"`) {
			p.say(reply(400, jsonKind, failure))
			return true
		}
		p.say(reply(200, kind, answer))
		return true
	}
}

// What the gateway adds of its own accord never is what a client is refused for, and is refused once.
func TestAMemberOfOurOwnThatIsRefusedIsLeftOutFromThenOn(t *testing.T) {
	const chatAnswer = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`
	const responsesAnswer = `{"id":"r","object":"response","status":"completed","model":"m","output":[{"type":"message","id":"m","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]}]}`
	const geminiAnswer = `{"candidates":[{"content":{"role":"model","parts":[{"text":"hi"}]},"finishReason":"STOP"}]}`
	for _, c := range []struct {
		name, base, model string
		member, failure   string
		answer            string
		body              string // more members
		served            bool
	}{
		{"include, by the parameter", "/v1/responses", "m", "include", `{"error":{"message":"no","param":"include"}}`, responsesAnswer, "", true},
		{"include, in quotation marks", "/v1/responses", "m", "include", `{"error":{"message":"Unknown parameter: 'include'."}}`, responsesAnswer, "", true},
		{"a word that only looks like it", "/v1/responses", "m", "include", `{"error":{"message":"please include more words"}}`, responsesAnswer, "", false},
		{"Google's settings", "/v1beta", "gemini-2.5-pro", "safetySettings", `{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"safetySettings\"","status":"INVALID_ARGUMENT"}}`, geminiAnswer, "", true},
		{"a temperature that is DeepSeek's advice", "/v1/chat/completions", "deepseek-r1", "temperature", `{"error":{"message":"Unsupported parameter: 'temperature'"}}`, chatAnswer, "", true},
		{"the client's own", "/v1/chat/completions", "deepseek-r1", "temperature", `{"error":{"message":"Unsupported parameter: 'temperature'"}}`, chatAnswer, `,"temperature":1`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := listen(t, refusesMember(c.member, jsonKind, c.failure, c.answer))
			section := fmt.Sprintf("  - provider: p\n    base_url: http://%s%s\n    api: sk-up\n    model: [%s]\n", up.addr, c.base, c.model)
			g := start(t, section, "preferences: {cooldown_period: 0}\n", once)
			body := `{"model":"` + c.model + `","max_tokens":50,"messages":[{"role":"user","content":"hi"}]` + c.body + `}`
			a := g.chat(body)
			if (a.StatusCode == 200) != c.served {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			if !c.served {
				return
			}
			g.Apply(g.snapshot.Load().config) // what is known stays
			if g.chat(body); len(up.requests()) != 3 {
				t.Errorf("asked %d times for two requests", len(up.requests()))
			}
		})
	}
}
