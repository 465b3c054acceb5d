package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// ownTexts are answers of each format with SECRET wherever a provider has a text of its own in it that may reach a
// client.
var ownTexts = []struct{ name, engine, stream, whole string }{
	{
		"chat", "/v1/chat/completions",
		sseOf(`{"id":"SECRET","object":"chat.completion.chunk","model":"SECRET","system_fingerprint":"SECRET","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"},"finish_reason":null}],"obfuscation":"SECRET"}`,
			`{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"obfuscation":"x"}`,
			`{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":null}],"obfuscation":"SECRET"}`,
			`{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"c"},"finish_reason":null}],"obfuscation":"SECRET"}`,
			`{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"SECRET","type":"function","function":{"name":"SECRET","arguments":"{}"}}]},"finish_reason":null}]}`,
			`{"id":"c","object":"chat.completion.chunk","model":"m","service_tier":"SECRET","choices":[{"index":0,"delta":{},"finish_reason":"SECRET"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`, "[DONE]"),
		`{"id":"SECRET","model":"SECRET","service_tier":"SECRET","system_fingerprint":"SECRET","choices":[{"index":0,"message":{"role":"assistant","content":"hello","tool_calls":[{"id":"SECRET","type":"function","function":{"name":"SECRET","arguments":"{}"}}]},"finish_reason":"SECRET"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`,
	},
	{
		"messages", "/v1/messages",
		namedSSE(`{"type":"message_start","message":{"id":"SECRET","type":"message","role":"assistant","model":"SECRET","content":[],"usage":{"input_tokens":1,"output_tokens":1,"service_tier":"SECRET"}}}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://SECRET/","title":"SECRET","cited_text":"x","encrypted_index":"x"}}}`,
			`{"type":"content_block_stop","index":0}`, `{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"SECRET","name":"SECRET","input":{}}}`,
			`{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}`, `{"type":"content_block_stop","index":1}`,
			`{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"SECRET"},"usage":{"output_tokens":1}}`, `{"type":"message_stop"}`),
		`{"id":"SECRET","type":"message","role":"assistant","model":"SECRET","content":[{"type":"text","text":"hello","citations":[{"type":"web_search_result_location","url":"https://SECRET/","title":"SECRET","cited_text":"x","encrypted_index":"x"}]},{"type":"tool_use","id":"SECRET","name":"SECRET","input":{}}],"stop_reason":"stop_sequence","stop_sequence":"SECRET","usage":{"input_tokens":1,"output_tokens":1}}`,
	},
	{
		"gemini", "/v1beta\n    engine: gemini",
		sseOf(`{"responseId":"SECRET","modelVersion":"SECRET","candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"hello"}]}}]}`,
			`{"responseId":"SECRET","modelVersion":"SECRET","candidates":[{"index":0,"content":{"role":"model","parts":[{"functionCall":{"id":"SECRET","name":"SECRET","args":{}}}]},"finishReason":"STOP","finishMessage":"SECRET"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1}}`),
		`{"responseId":"SECRET","modelVersion":"SECRET","candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"hello"},{"functionCall":{"id":"SECRET","name":"SECRET","args":{}}}]},"finishReason":"STOP","finishMessage":"SECRET"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1}}`,
	},
	{
		"responses", "/v1/responses",
		namedSSE(`{"type":"response.created","response":{"id":"SECRET","model":"SECRET","status":"in_progress","output":[]}}`,
			`{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"SECRET","role":"assistant","content":[]}}`,
			`{"type":"response.output_text.delta","item_id":"SECRET","output_index":0,"content_index":0,"delta":"hello","obfuscation":"SECRET"}`,
			`{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"SECRET","call_id":"SECRET","name":"SECRET","arguments":""}}`,
			`{"type":"response.function_call_arguments.delta","item_id":"SECRET","output_index":1,"delta":"{}","obfuscation":"SECRET"}`,
			`{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","id":"SECRET","call_id":"SECRET","name":"SECRET","arguments":"{}"}}`,
			`{"type":"response.completed","response":{"id":"SECRET","model":"SECRET","service_tier":"SECRET","status":"completed","output":[{"type":"message","id":"SECRET","role":"assistant","content":[{"type":"output_text","text":"hello"}]},{"type":"function_call","id":"SECRET","call_id":"SECRET","name":"SECRET","arguments":"{}"}],"usage":{"input_tokens":1,"output_tokens":1}}}`),
		`{"id":"SECRET","model":"SECRET","object":"response","service_tier":"SECRET","status":"completed","output":[{"type":"message","id":"SECRET","role":"assistant","content":[{"type":"output_text","text":"hello"}]},{"type":"function_call","id":"SECRET","call_id":"SECRET","name":"SECRET","arguments":"{}"}],"usage":{"input_tokens":1,"output_tokens":1}}`,
	},
}

func sseOf(events ...string) (stream string) {
	for _, e := range events {
		stream += "data: " + e + "\n\n"
	}
	return stream
}

func namedSSE(events ...string) (stream string) {
	for _, e := range events {
		kind, _, _ := strings.Cut(e[len(`{"type":"`):], `"`)
		stream += "event: " + kind + "\ndata: " + e + "\n\n"
	}
	return stream
}

// ownClients are how each format is asked, for a stream and not.
var ownClients = []struct{ name, streamPath, stream, wholePath, whole string }{
	{"chat", "/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`},
	{"messages", "/v1/messages", `{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, "/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`},
	{"gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"hi"}]}]}`, "/v1beta/models/m:generateContent", `{"contents":[{"parts":[{"text":"hi"}]}]}`},
	{"responses", "/v1/responses", `{"model":"m","stream":true,"input":"hi"}`, "/v1/responses", `{"model":"m","input":"hi"}`},
}

// TestWhatAProviderSaysItselfHasNoSecrets has its key in each of its own texts, of each format, on the way to each
// other one: streamed, whole, and one in the place of the other. What passes whole in one format is the provider's
// word, untouched: SECURITY.md says so.
func TestWhatAProviderSaysItselfHasNoSecrets(t *testing.T) {
	for _, from := range ownTexts {
		kind, text := "", ""
		up := act(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			io.WriteString(w, text)
		})
		g := start(t, up.section(from.engine, "m"))
		for _, to := range ownClients {
			for _, c := range []struct {
				name, path, body, kind, says string
				untouched                    bool
			}{
				{"streamed", to.streamPath, to.stream, eventsKind, from.stream, false},
				{"whole", to.wholePath, to.whole, jsonKind, from.whole, from.name == to.name},
				{"a stream in the place of a whole", to.wholePath, to.whole, eventsKind, from.stream, false},
				{"a whole in the place of a stream", to.streamPath, to.stream, jsonKind, from.whole, false},
			} {
				kind, text = c.kind, strings.ReplaceAll(c.says, "SECRET", upstreamKeyText)
				a := g.do("POST", c.path, c.body, asClient...)
				if a.StatusCode != 200 || !strings.Contains(a.body, "hello") {
					t.Errorf("%s to %s, %s: %d %.300s", from.name, to.name, c.name, a.StatusCode, a.body)
				}
				if at := strings.Index(a.body, upstreamKeyText[4:]); at >= 0 != c.untouched {
					t.Errorf("%s to %s, %s: the key is told: %.300s", from.name, to.name, c.name, a.body[max(0, at-150):])
				}
			}
		}
	}
}

// TestContentTypesHaveNoSecrets has the one header of a provider that reaches clients.
func TestContentTypesHaveNoSecrets(t *testing.T) {
	kind := ""
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("X-Note", upstreamKeyText)
		io.WriteString(w, "some sound")
	})
	g := start(t, up.section("/v1", "m"))
	for _, kind = range []string{"audio/" + upstreamKeyText, "audio/mpeg; key=" + upstreamKeyText, "audio/mpeg; key=\"%73k-" + upstreamKeyText[3:] + "\"", "application/" + upstreamKeyText, upstreamKeyText + "/x", "text/plain; charset=" + upstreamKeyText} {
		a := g.do("POST", "/v1/audio/speech", `{"model":"m","input":"x"}`, asClient...)
		for name, values := range a.Header {
			if strings.Contains(name+strings.Join(values, " "), upstreamKeyText[4:]) {
				t.Errorf("%s: %s: %q", kind, name, values)
			}
		}
		if a.StatusCode != 200 || a.body != "some sound" {
			t.Errorf("%s: %d %q", kind, a.StatusCode, a.body)
		}
	}
}

func TestErrorOfAChoiceHasItsStatusForTheClientToo(t *testing.T) {
	for _, test := range []struct {
		name, failure string
		status        int
	}{
		{"a number", `{"code":429,"message":"slow down"}`, 429},
		{"a number in a text", `{"code":"503","message":"slow down"}`, 503},
		{"the request's own fault", `{"code":400,"message":"slow down"}`, 400},
		{"no message", `{"code":529}`, 529},
		{"a refused key is no matter of the client's", `{"code":401,"message":"slow down"}`, 502},
		{"no status", `{"code":"odd","message":"slow down"}`, 502},
	} {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
			for _, stream := range []bool{false, true} {
				said := reply(200, jsonKind, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"error","error":`+test.failure+`}]}`)
				if stream {
					said = streamHeadOnly + `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"error","error":` + test.failure + `}]}` + "\n\n"
				}
				up := listen(t, func(p *peer, _ seen) bool {
					p.say(said)
					return false
				})
				g := start(t, providerOf("p", up), keyed("AUTO_RETRY: false"))
				a := g.do("POST", path, fmt.Sprintf(`{"model":"m","max_tokens":9,"stream":%t,"messages":[{"role":"user","content":"hi"}]}`, stream), asClient...)
				if a.StatusCode != test.status || !strings.Contains(a.body, "slow down") && test.name != "no message" {
					t.Errorf("%s, %s, stream %t: %d %s", test.name, path, stream, a.StatusCode, a.body)
				}
			}
		}
	}
}
