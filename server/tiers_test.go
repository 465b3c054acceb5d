package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// tellers are answers of providers that say by which service tier they were made, whole and streamed, in the formats
// that tell it. Where "TIER" stands, a word is put.
var tellers = []struct{ name, path, line, whole, stream string }{
	{"chat", "/v1/chat/completions", "", `{"id":"1","object":"chat.completion","created":1,"model":"m","service_tier":"TIER","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":0,"total_tokens":1000}}`,
		`data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","service_tier":"TIER","choices":[{"index":0,"delta":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":null}` + "\n\n" +
			`data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","service_tier":"TIER","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":0,"total_tokens":1000}}` + "\n\ndata: [DONE]\n\n"},
	{"responses", "/v1/responses", "", toldResponse, sseEvent("response.created", `{"type":"response.created","response":{"id":"r","object":"response","status":"in_progress","service_tier":"auto","output":[]}}`) +
		sseEvent("response.output_text.delta", `{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"ok"}`) +
		sseEvent("response.completed", `{"type":"response.completed","response":`+toldResponse+`}`)},
	{"anthropic", "/v1/messages", "", `{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"ok"}],"stop_reason":"end_turn","usage":{"input_tokens":1000,"output_tokens":0,"service_tier":"TIER","speed":"standard","inference_geo":"global"}}`,
		sseEvent("message_start", `{"type":"message_start","message":{"id":"1","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1000,"output_tokens":0,"service_tier":"TIER","speed":"standard"}}}`) +
			sseEvent("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`) +
			sseEvent("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"ok"}}`) +
			sseEvent("content_block_stop", `{"type":"content_block_stop","index":0}`) +
			sseEvent("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":0}}`) +
			sseEvent("message_stop", `{"type":"message_stop"}`)},
	{"gemini", "/v1beta", "X-Gemini-Service-Tier", toldByGoogle, "data: " + toldByGoogle + "\r\n\r\n"},
	{"vertex", "/v1beta", "", strings.Replace(toldByGoogle, `"promptTokenCount"`, `"trafficType":"ON_DEMAND_TIER","promptTokenCount"`, 1), "data: " + strings.Replace(toldByGoogle, `"promptTokenCount"`, `"trafficType":"ON_DEMAND_TIER","promptTokenCount"`, 1) + "\r\n\r\n"},
}

const (
	toldResponse = `{"id":"r","object":"response","created_at":1,"status":"completed","model":"m","service_tier":"TIER","output":[{"type":"message","id":"m","role":"assistant","status":"completed","content":[{"type":"output_text","text":"ok","annotations":[]}]}],"usage":{"input_tokens":1000,"output_tokens":0,"total_tokens":1000}}`
	toldByGoogle = `{"candidates":[{"content":{"role":"model","parts":[{"text":"ok"}]},"finishReason":"STOP","index":0}],"modelVersion":"m","usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":0,"totalTokenCount":1000}}`
)

// TestServiceTiersThatProvidersTellArePaid has each format's clients ask providers that were quicker than they were
// asked to be, or not as quick.
func TestServiceTiersThatProvidersTellArePaid(t *testing.T) {
	t.Parallel()
	for _, f := range tellers {
		for _, a := range askers {
			for _, stream := range []bool{false, true} {
				for told, price := range map[string]int64{"priority": 7, "standard": 1} {
					t.Run(fmt.Sprintf("%s by %s, streamed %v, %s", f.name, a.name, stream, told), func(t *testing.T) {
						word := told
						if f.name == "vertex" {
							word = strings.ToUpper(told)
						}
						up := act(t, func(w http.ResponseWriter, _ *http.Request) {
							kind, answer := "application/json", f.whole
							if stream {
								kind, answer = "text/event-stream", f.stream
							}
							w.Header().Set("Content-Type", kind)
							if f.line != "" {
								w.Header().Set(f.line, told)
							}
							fmt.Fprint(w, strings.ReplaceAll(answer, "TIER", word))
						})
						g := start(t, up.section(f.path, "m"), "preferences: {model_price: {m: {input: 1, output: 0, service: {priority: {input: 7}, flex: {input: 0.5}}}}}\n")
						path, body := a.plain(stream)
						if told == "standard" { // and it is not what was asked for
							body = strings.Replace(body, "{", `{"service_tier":"flex",`, 1)
						}
						if status := g.do("POST", path, body, asClient...).StatusCode; status != 200 {
							t.Fatal(status)
						}
						g.settled(1)
						if state, _ := g.books.State(clientKeyText); state.Spent != 1000*price*1000 {
							t.Errorf("%d nano-dollars, want %d", state.Spent, 1000*price*1000)
						}
					})
				}
			}
		}
	}
}
