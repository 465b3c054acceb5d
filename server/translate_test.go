package server

import (
	"fmt"
	"strings"
	"testing"
)

const anthropicStream = streamHeadOnly + "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"content\":[],\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n" +
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n" +
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Bonjour\"}}\n\n" +
	"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n" +
	"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":4}}\n\n" +
	"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

const streamHeadOnly = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

// messages is a provider of Anthropic's format.
func messages(name string, u *upstream, more ...string) string {
	return strings.Replace(providerOf(name, u, more...), "/v1/chat/completions", "/v1/messages", 1)
}

func TestOpenAIClientIsServedByAnAnthropicProvider(t *testing.T) {
	up := listen(t, func(p *peer, r seen) bool {
		if wantsStream(r) {
			p.say(anthropicStream)
			return false
		}
		p.say(reply(200, jsonKind, `{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"Bonjour"}],"stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":4}}`))
		return true
	})
	g := start(t, messages("claude", up))
	a := g.chat(plainRequest)
	if a.StatusCode != 200 || !strings.Contains(a.body, `"content":"Bonjour"`) || !strings.Contains(a.body, `"finish_reason":"stop"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	a = g.chat(streamRequest)
	if !strings.Contains(a.body, `"content":"Bonjour"`) || !strings.HasSuffix(a.body, doneEvent) {
		t.Errorf("%s", a.body)
	}
	request := up.requests()[0]
	if request.URL.Path != "/v1/messages" || request.Header.Get("X-Api-Key") != upstreamKeyText || request.Header.Get("Authorization") != "" ||
		!strings.Contains(request.body, `"max_tokens"`) {
		t.Errorf("asked %s %v %s", request.URL, request.Header, request.body)
	}
	for range 2 {
		if line := g.log.Next(t, "request"); line["prompt_tokens"] != 9.0 || line["completion_tokens"] != 4.0 {
			t.Errorf("logged as %v", line)
		}
	}
}

func TestFailuresOfAnotherFormatAreTranslatedAndRetried(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		status       int
		word         string
	}{
		{"an error", reply(529, jsonKind, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), 529, "Overloaded"},
		{"a mistake", reply(400, jsonKind, `{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: wrong"}}`), 400, "max_tokens: wrong"},
		{"a stream that begins with an error", streamHeadOnly + "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n", 502, "Overloaded"},
		{"an empty stream", streamHeadOnly, 502, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			odd := listen(t, func(p *peer, _ seen) bool {
				p.say(test.answer)
				return false
			})
			g := start(t, messages("claude", odd), once)
			if message := g.chat(streamRequest).failure(t, test.status, ""); !strings.Contains(message, test.word) {
				t.Errorf("told %q", message)
			}
			g = start(t, messages("claude", odd), providerOf("q", listen(t, both)))
			if a := g.chat(streamRequest); a.body != streamSeen {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
}

func TestTranslatedStreamThatIsCutIsNotACleanEnd(t *testing.T) {
	cut := listen(t, func(p *peer, _ seen) bool {
		p.say(anthropicStream[:strings.Index(anthropicStream, "event: message_delta")])
		return false
	})
	g := start(t, messages("claude", cut))
	c := g.dial()
	c.post(streamRequest)
	c.head()
	if got := c.rest(); !strings.Contains(got, "Bonjour") || !strings.Contains(got, `data: {"error"`) || strings.Contains(got, "[DONE]") {
		t.Errorf("got %s", got)
	}
}

func TestOverridesAndStrippingReachTheUpstream(t *testing.T) {
	const tools = `{"model":"m","tools":[{"type":"function","function":{"name":"f"}}],"temperature":0.70,"messages":[{"role":"user","content":"hi"}]}`
	for _, test := range []struct{ name, more, want, lacks string }{
		{"a field for all models", "    preferences: {post_body_parameter_overrides: {temperature: 1, seed: 7}}\n", `"temperature":1,`, "0.70"},
		{"a block of the model", "    preferences: {post_body_parameter_overrides: {m: {seed: 7}, other: {seed: 8}}}\n", `"seed":7`, `"m":{`},
		{"a field removed", "    preferences: {post_body_parameter_overrides: {__remove__: [temperature]}}\n", `"tools"`, "temperature"},
		{"no tools", "    tools: false\n", `"temperature":0.70`, "tools"},
		{"the model's name stays the upstream's", "    tools: false\n    model: [{real: m}]\n", `"model":"real"`, `"model":"m"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			up := listen(t, both)
			g := start(t, providerOf("p", up, test.more))
			if a := g.chat(tools); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			if body := up.requests()[0].body; !strings.Contains(body, test.want) || strings.Contains(body, test.lacks) {
				t.Errorf("sent %s", body)
			}
		})
	}
}

// What is meant for conversations reaches nothing else, and what belongs to a stream no plain request.
func TestOverridesReachWhatTheyAreFor(t *testing.T) {
	const all = "    preferences: {post_body_parameter_overrides: {temperature: 1, stream_options: {include_usage: true}, m: {seed: 7}, " +
		"/v1/embeddings: {dimensions: 256, m: {user: u}}, /v1/messages: {top_k: 3}}}\n"
	const chat = `{"model":"m","messages":[{"role":"user","content":"hi"}]`
	for _, test := range []struct{ path, body, want, lacks string }{
		{"/v1/chat/completions", chat + `}`, `"temperature":1,"seed":7`, "stream_options dimensions top_k"},
		{"/v1/chat/completions", chat + `,"stream":true}`, `"stream_options":{"include_usage":true}`, "dimensions"},
		{"/v1/chat/completions", chat + `,"stream":false,"stream_options":{"include_usage":true}}`, `"seed":7`, "stream_options"},
		{"/v1/messages", chat + `,"max_tokens":5}`, `"top_k":3`, "temperature seed"},
		{"/v1/embeddings", `{"model":"m","input":"hi"}`, `"dimensions":256,"user":"u"`, "temperature stream_options seed"},
		{"/v1/images/generations", `{"model":"m","prompt":"hi"}`, `"seed":7`, "temperature stream_options dimensions"},
		{"/v1/moderations", `{"model":"m","input":"hi"}`, `"seed":7`, "temperature stream_options"},
	} {
		t.Run(test.path+" "+test.body, func(t *testing.T) {
			up := listen(t, both)
			g := start(t, providerOf("p", up, all))
			g.do("POST", test.path, test.body, asClient...)
			sent := up.requests()
			if len(sent) == 0 {
				t.Fatal("nothing was asked")
			}
			if !strings.Contains(sent[0].body, test.want) {
				t.Errorf("sent %s, without %s", sent[0].body, test.want)
			}
			for _, word := range strings.Fields(test.lacks) {
				if strings.Contains(sent[0].body, word) {
					t.Errorf("sent %s, with %s", sent[0].body, word)
				}
			}
		})
	}
}

func TestTranslatedStreamEndsWhenItsUpstreamSaysSo(t *testing.T) {
	t.Parallel()
	for _, from := range []*dialect{chatDialect, responsesDialect} {
		for _, stream := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, stream %v", from.name, stream), func(t *testing.T) {
				t.Parallel()
				up := listen(t, func(p *peer, _ seen) bool {
					p.say(streamHead + chunk(strings.Join(from.events([]string{"sun", "ny"}), "")))
					p.gone() // no last chunk
					return false
				})
				g := start(t, fmt.Sprintf("  - {provider: p, base_url: 'http://%s%s', api: k, model: [m]}\n", up.addr, from.at))
				path, body := messagesDialect.ask("m", stream, "hi")
				a := g.do("POST", path, body, asClient...)
				text, err := messagesDialect.read([]byte(a.body))
				if stream {
					var h heard
					for _, data := range sseData(a.body) {
						messagesDialect.hear(&h, []byte(data))
					}
					if text = h.text.String(); !h.ended {
						t.Error("it does not end")
					}
				} else if err != nil {
					t.Error(err)
				}
				if text != "sunny" {
					t.Errorf("%q in %s", text, a.body)
				}
				eventually(t, "the connection is given up", func() bool { return g.pool.Stats().Open == 0 })
			})
		}
	}
}

func TestWhatAProviderCannotBeToldIsToldToThoseWhoAsk(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up), keyed(""))
	request := `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"s"}]},{"role":"user","content":"b"}]}`
	a := g.do("POST", "/v1/messages", request, append([]string{"X-Debug-Attempts", "1"}, asClient...)...)
	if shown := a.Header.Get("X-Debug-Attempts"); a.StatusCode != 200 || !strings.HasSuffix(shown, "ms without thinking that led to nothing") {
		t.Errorf("%d, shown %q: %s", a.StatusCode, shown, a.body)
	}
	if line := g.log.Next(t, "attempt"); line["left_out"] != "thinking that led to nothing" {
		t.Errorf("logged %v", line)
	}
	if body := up.requests()[0].body; !strings.Contains(body, `"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]`) {
		t.Errorf("asked %s", body)
	}
	led := `{"model":"m","max_tokens":9,"tools":[{"type":"computer_20250124","name":"computer"}],"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"s"},{"type":"text","text":"t"}]},{"role":"user","content":"b"}]}`
	a = g.do("POST", "/v1/messages", led, append([]string{"X-Debug-Attempts", "1"}, asClient...)...)
	const both = "earlier thinking, the tool computer_20250124"
	if shown := a.Header.Get("X-Debug-Attempts"); a.StatusCode != 200 || !strings.HasSuffix(shown, "ms without "+both) {
		t.Errorf("%d, shown %q: %s", a.StatusCode, shown, a.body)
	}
	if line := g.log.Next(t, "attempt"); line["left_out"] != both {
		t.Errorf("logged %v", line)
	}
	thread := `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"}],"thread":{"type":"continue","previous_message_id":"msg_1"}}`
	if a := g.do("POST", "/v1/messages", thread, asClient...); a.StatusCode != 400 || !strings.Contains(a.body, "message-threads-2026-08-12") || !strings.Contains(a.body, `"error_code":"thread_unsupported_request"`) || len(up.requests()) != 2 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// An alias that ends in -search has the search tool of Google's OpenAI-compatible endpoint added, from whatever format
// the request comes.
func TestAliasForSearchAddsTheToolInOpenAIsFormat(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up, "    model: [{gemini-2.5-pro: best-search}, {gpt-4o: other-search}, gemini-2.5-pro]\n"))
	for _, test := range []struct {
		path, model string
		searches    bool
	}{
		{"/v1/chat/completions", "best-search", true}, {"/v1/messages", "best-search", true}, {"/v1/responses", "best-search", true},
		{"/v1/chat/completions", "other-search", false}, {"/v1/chat/completions", "gemini-2.5-pro", false},
	} {
		body := `{"model":"` + test.model + `","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
		if test.path == "/v1/responses" {
			body = `{"model":"` + test.model + `","input":"hi"}`
		}
		before := len(up.requests())
		if a := g.do("POST", test.path, body, asClient...); a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		if sent := up.requests()[before].body; strings.Contains(sent, `"name":"googleSearch"`) != test.searches {
			t.Errorf("%s %s: sent %s", test.path, test.model, sent)
		}
	}
}

func TestSettingsThatAProviderCannotBeToldAreNamed(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up), keyed(""))
	const request = `{"model":"m","temperature":0.5,"truncation":"disabled","max_tool_calls":3,"input":"hi"}`
	a := g.do("POST", "/v1/responses", request, append([]string{"X-Debug-Attempts", "1"}, asClient...)...)
	const left = "truncation, max_tool_calls"
	if shown := a.Header.Get("X-Debug-Attempts"); a.StatusCode != 200 || !strings.HasSuffix(shown, "ms without "+left) {
		t.Errorf("%d, told %q: %s", a.StatusCode, shown, a.body)
	}
	if line := g.log.Next(t, "attempt"); line["left_out"] != left {
		t.Errorf("logged %v", line)
	}
}
