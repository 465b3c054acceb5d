package server

import (
	"fmt"
	"strings"
	"testing"
)

func TestErrorIsAboutAMember(t *testing.T) {
	for _, c := range []struct {
		param, message, name string
		want                 bool
	}{
		{"reasoning_effort", "", "reasoning_effort", true}, {"include[0]", "no", "include", true}, {"", "Unknown parameter: 'include'.", "include", true},
		{"", "please include more", "include", false}, {"", "Unrecognized request argument supplied: reasoning_effort", "reasoning_effort", true},
		{"", "Extra inputs are not permitted: body.reasoning_effort", "reasoning_effort", true}, {"", "no_reasoning_effort_here", "reasoning_effort", false},
		{"", `registry.ollama.ai/library/llama3:latest does not support thinking`, "reasoning_effort", true}, {"", "does not support thinking", "temperature", false},
		{"", "", "enable_thinking", false},
	} {
		if got := isAbout(c.param, c.message, c.name); got != c.want {
			t.Errorf("%q, %q about %s: %v", c.param, c.message, c.name, got)
		}
	}
}

// What a client of another format asks for in its own words is left out where it is refused: it would get no answer at
// all.
func TestWishForThinkingThatAModelDoesNotKnowIsLeftOut(t *testing.T) {
	up := listen(t, refusesMember("reasoning_effort", jsonKind, `{"error":{"message":"Unrecognized request argument supplied: reasoning_effort"}}`,
		`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`))
	g := start(t, providerOf("p", up), "preferences: {cooldown_period: 0}\n", once)
	for range 2 {
		a := g.do("POST", "/v1/messages", `{"model":"m","max_tokens":3000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"hi"}]}`, "Authorization", "Bearer "+clientKeyText)
		if a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	if n := len(up.requests()); n != 3 {
		t.Errorf("asked %d times for two requests", n)
	}
	if a := g.chat(`{"model":"m","reasoning_effort":"low","messages":[{"role":"user","content":"hi"}]}`); a.StatusCode != 400 {
		t.Errorf("the client's own word: %d %s", a.StatusCode, a.body)
	}
}

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
func TestMemberOfOurOwnThatIsRefusedIsLeftOutFromThenOn(t *testing.T) {
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
