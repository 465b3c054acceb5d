package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestServiceTierIsPaidInTheWordsOfEachFormat asks for quick and cheap tiers as each format has them, of upstreams
// that speak as the client does and of others.
func TestServiceTierIsPaidInTheWordsOfEachFormat(t *testing.T) {
	const (
		chat     = `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":0,"total_tokens":1}}`
		respond  = `{"id":"r","object":"response","status":"completed","model":"m","output":[{"type":"message","id":"i","role":"assistant","status":"completed","content":[{"type":"output_text","text":"x"}]}],"usage":{"input_tokens":1,"output_tokens":0,"total_tokens":1}}`
		messages = `{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":0}}`
		gemini   = `{"candidates":[{"content":{"role":"model","parts":[{"text":"x"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"totalTokenCount":1}}`
		usual    = 1000
		flex     = 500
		priority = 2000
		fast     = 4000
		quickest = 6000
	)
	dollars := map[string]string{"flex": "0.5", "standard": "1", "priority": "2", "fast": "4", "ultrafast": "6"}
	answers := map[string]string{"/v1/chat/completions": chat, "/v1/responses": respond, "/v1/messages": messages, "/v1beta\n    engine: gemini": gemini}
	at := struct{ chat, responses, messages, gemini string }{"/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1beta\n    engine: gemini"}
	ask := map[string][2]string{
		"chat":      {"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]`},
		"responses": {"/v1/responses", `{"model":"m","input":"hi"`},
		"messages":  {"/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]`},
		"gemini":    {"/v1beta/models/m:generateContent", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]`},
	}
	for _, c := range []struct {
		client, upstream, members, services string
		nano                                int64
	}{
		{"chat", at.chat, `,"service_tier":"priority"`, "priority", priority},
		{"chat", at.chat, `,"service_tier":"fast"`, "priority", priority},
		{"chat", at.chat, `,"service_tier":"fast"`, "fast priority", fast},
		{"chat", at.chat, `,"service_tier":"ultrafast"`, "priority", priority},
		{"chat", at.chat, `,"service_tier":"ultrafast"`, "ultrafast priority", quickest},
		{"chat", at.chat, `,"service_tier":"priority"`, "ultrafast fast", usual},
		{"chat", at.chat, `,"serviceTier":"flex"`, "flex", usual}, // which no upstream of this format reads
		{"chat", at.chat, `,"service_tier":"priority","serviceTier":"flex"`, "flex priority", priority},
		{"responses", at.responses, `,"service_tier":"fast"`, "priority", priority},
		{"responses", at.chat, `,"service_tier":"priority"`, "priority", priority},
		{"responses", at.chat, `,"service_tier":"fast"`, "priority", usual}, // it is not told
		{"messages", at.messages, `,"speed":"fast"`, "fast", fast},
		{"messages", at.messages, `,"speed":"f\u0061st"`, "fast", fast},
		{"messages", at.messages, `,"speed":"standard"`, "fast standard", usual},
		{"messages", at.messages, `,"service_tier":"auto","speed":"fast"`, "fast", fast},
		{"messages", at.chat, `,"speed":"fast"`, "fast", usual}, // nothing is told of it
		{"chat", at.messages, `,"speed":"fast"`, "fast", fast},
		{"gemini", at.gemini, `,"serviceTier":"priority"`, "priority", priority},
		{"gemini", at.gemini, `,"service_tier":"priority"`, "priority", priority},
		{"gemini", at.gemini, `,"serviceTier":"SERVICE_TIER_PRIORITY"`, "priority", priority},
		{"gemini", at.gemini, `,"serviceTier":"flex"`, "flex", flex},
		{"gemini", at.chat, `,"serviceTier":"priority"`, "priority", priority},
	} {
		t.Run(c.client+c.members+" "+c.services+" at "+c.upstream, func(t *testing.T) {
			up := act(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, answers[c.upstream])
			})
			prices := ""
			for name := range strings.FieldsSeq(c.services) {
				prices += name + ": {input: " + dollars[name] + "}, "
			}
			g := start(t, up.section(c.upstream, "m"), "preferences: {model_price: {m: {input: 1, output: 0, service: {"+prices+"}}}}\n")
			if a := g.do("POST", ask[c.client][0], ask[c.client][1]+c.members+"}", asClient...); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			g.settled(1)
			if state, _ := g.books.State(clientKeyText); state.Spent != c.nano {
				t.Errorf("it cost %d nano-dollars, want %d; asked was %s", state.Spent, c.nano, up.last(t).body)
			}
		})
	}
}
