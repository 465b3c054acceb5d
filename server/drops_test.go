package server

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats"
)

// told is a stream of a format in which pieces are said one after the other, as events.
func toldIn(format string, pieces ...string) (events []string) {
	encoder := formats.All[format].NewStreamEncoder(&codec.Request{Model: "m"})
	add := func(out []byte) {
		for _, e := range strings.SplitAfter(string(out), "\n\n") {
			if e != "" {
				events = append(events, e)
			}
		}
	}
	add(encoder.Append(nil, &codec.Event{Kind: codec.EventStart, ID: "c1", Name: "m"}))
	for _, piece := range pieces {
		add(encoder.Append(nil, &codec.Event{Kind: codec.EventText, Text: []byte(piece)}))
	}
	add(encoder.Append(nil, &codec.Event{Kind: codec.EventUsage, Usage: codec.Usage{Prompt: 11, Completion: 7}}))
	add(encoder.Append(nil, &codec.Event{Kind: codec.EventFinish, Finish: codec.Finish{Reason: codec.FinishStop}}))
	add(encoder.End(nil))
	return events
}

// An event of which a part is missing is left out, wherever it was cut off, and what follows it is not. Nobody is to
// blame so much that it rests.
func TestEventThatCannotBeReadIsLeftOutOfAStreamThatGoesOn(t *testing.T) {
	t.Parallel()
	const messages = `{"model":"m","max_tokens":9,STREAM"messages":[{"role":"user","content":"hi"}]}`
	for _, engine := range []struct{ name, base, format string }{
		{"gpt", "/v1/chat/completions", "openai"}, {"claude", "/v1/messages", "anthropic"}, {"responses", "/v1/responses", "responses"}, {"gemini", "/v1beta", "gemini"},
	} {
		pieces := []string{"one", "LOST", "three"}
		events := toldIn(engine.format, pieces...)
		broken := -1
		for i, e := range events {
			if broken < 0 && strings.Contains(e, "LOST") {
				broken = i
			}
		}
		whole := events[broken]
		for _, part := range []struct {
			name string
			size int
		}{{"half", strings.Index(whole, "LOST")}, {"all but its last brace", strings.LastIndex(whole, "}")}, {"its first brace", strings.Index(whole, "{") + 1}} {
			events[broken] = whole[:part.size] + "\n\n"
			text := streamHead
			for _, e := range events {
				text += chunk(e)
			}
			for client, request := range map[string][2]string{
				"a chat stream":      {"/v1/chat/completions", streamRequest},
				"a chat answer":      {"/v1/chat/completions", plainRequest},
				"a Messages stream":  {"/v1/messages", strings.Replace(messages, "STREAM", `"stream":true,`, 1)},
				"a Responses stream": {"/v1/responses", `{"model":"m","stream":true,"input":"hi"}`},
				"a Gemini stream":    {"/v1beta/models/m:streamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`},
			} {
				t.Run(fmt.Sprintf("%s of an event of %s for %s", part.name, engine.name, client), func(t *testing.T) {
					t.Parallel()
					up := listen(t, says(text+chunk("")))
					section := fmt.Sprintf("  - provider: p\n    engine: %s\n    base_url: http://%s%s\n    api: %s\n    model: [m]\n", engine.name, up.addr, engine.base, upstreamKeyText)
					g := start(t, section, providerOf("q", listen(t, mute)), keyed("SCHEDULING_ALGORITHM: fixed_priority"))
					for n := 1; n <= 2; n++ {
						a := g.do("POST", request[0], request[1], "Authorization", "Bearer "+clientKeyText)
						if a.StatusCode != 200 || !strings.Contains(a.body, "one") || !strings.Contains(a.body, "three") || strings.Contains(a.body, "LOST") && engine.name != "responses" || strings.Contains(a.body, `"error":{`) || strings.Contains(a.body, "event: error") {
							t.Errorf("%d %s", a.StatusCode, a.body)
						}
						if line := g.log.Next(t, "events of a stream that could not be read were left out of the answer"); line["events"] != 1.0 || line["provider"] != "p" {
							t.Errorf("logged as %v", line)
						}
						if line := g.log.Next(t, "request"); line["status"] != 200.0 || line["provider"] != "p" {
							t.Errorf("logged as %v", line)
						}
						if want := fmt.Sprintf("uniapi_stream_events_dropped_total{provider=\"p\"} %d\n", n); !strings.Contains(string(g.metricsPage()), want) {
							t.Errorf("the metrics do not say %s", want)
						}
					}
				})
			}
		}
	}
}
