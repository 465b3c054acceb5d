package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// actor is a provider that answers by path and keeps what it was asked.
type actor struct {
	*httptest.Server
	mu    sync.Mutex
	asked []seen
}

func act(t *testing.T, play http.HandlerFunc) *actor {
	t.Helper()
	a := &actor{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		a.mu.Lock()
		a.asked = append(a.asked, seen{r, string(body)})
		a.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		play(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *actor) last(t *testing.T) seen {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.asked) == 0 {
		t.Fatal("the provider was not asked")
	}
	return a.asked[len(a.asked)-1]
}

// section is the provider in api.yaml, at a path that says what it speaks.
func (a *actor) section(path, models string) string {
	return fmt.Sprintf("  - provider: p%d\n    base_url: %s%s\n    api: %s\n    model: [%s]\n", time.Now().UnixNano(), a.URL, path, upstreamKeyText, models)
}

const (
	messagesAnswer = `{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"sunny"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4},"x":1}`
	messagesStream = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n" +
		"event: ping\ndata: {\"type\": \"ping\"}\n\n" +
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n" +
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"sunny\"},\"x\":1}\n\n" +
		"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n" +
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":4}}\n\n" +
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
	geminiAnswer    = `{"candidates":[{"content":{"role":"model","parts":[{"text":"sunny"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7},"x":1,"responseId":"r-1"}`
	responsesAnswer = `{"id":"resp_1","object":"response","status":"completed","model":"r","output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"sunny","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7},"x":1}`
	responsesStream = "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\"}}\n\n" +
		"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"output_index\":0,\"delta\":\"sunny\"}\n\n" +
		"event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":" + responsesAnswer + "}\n\n"
)

// playNative plays a provider of each format, by the path.
func playNative(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	stream := bytes.Contains(body, []byte(`"stream":true`)) || strings.Contains(r.URL.Path, "streamGenerate")
	plain, events := messagesAnswer, messagesStream
	switch {
	case strings.HasSuffix(r.URL.Path, "/count_tokens"):
		plain, stream = `{"input_tokens":42}`, false
	case strings.HasSuffix(r.URL.Path, ":countTokens"):
		plain, stream = `{"totalTokens":42}`, false
	case strings.HasSuffix(r.URL.Path, "/input_tokens"):
		plain, stream = `{"object":"response.input_tokens","input_tokens":42}`, false
	case strings.HasSuffix(r.URL.Path, "/compact"):
		plain, stream = `{"id":"c","object":"response.compaction","output":[]}`, false
	case strings.Contains(r.URL.Path, "/v1beta/"):
		plain, events = geminiAnswer, "data: "+geminiAnswer+"\r\n\r\n"
	case strings.HasSuffix(r.URL.Path, "/responses"):
		plain, events = responsesAnswer, responsesStream
	}
	if stream {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, events)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, plain)
}

var asClient = []string{"Authorization", "Bearer " + clientKeyText, "Content-Type", "application/json"}

// TestClientOnItsOwnFormatSeesEveryByte sends each client's request to a provider of its own format.
func TestClientOnItsOwnFormatSeesEveryByte(t *testing.T) {
	for _, test := range []struct {
		name, at, models, path, body string
		to, sent, answer             string
	}{
		{"Messages", "/v1/messages", "real: c", "/v1/messages?beta=true", `{"model":"c","max_tokens":9, "new":1.50,"messages":[]}`,
			"/v1/messages", `{"model":"real","max_tokens":9, "new":1.50,"messages":[]}`, messagesAnswer},
		{"Messages streamed", "/v1/messages", "real: c", "/v1/messages", `{"model":"c","stream":true}`, "/v1/messages", `{"model":"real","stream":true}`, messagesStream},
		{"tokens of Messages", "/v1/messages", "real: c", "/v1/messages/count_tokens", `{"model":"c","messages":[]}`,
			"/v1/messages/count_tokens", `{"model":"real","messages":[]}`, `{"input_tokens":42}`},
		{"Gemini", "/v1beta", "real: g", "/v1beta/models/g:generateContent", `{"contents":[], "x":1}`, "/v1beta/models/real:generateContent", `{"contents":[], "x":1}`, geminiAnswer},
		{"Gemini streamed", "/v1beta", "real: g", "/v1beta/models/g:streamGenerateContent?alt=sse", `{}`, "/v1beta/models/real:streamGenerateContent", `{}`, "data: " + geminiAnswer + "\r\n\r\n"},
		{"tokens of Gemini", "/v1beta", "real: g", "/v1beta/models/g:countTokens", `{}`, "/v1beta/models/real:countTokens", `{}`, `{"totalTokens":42}`},
		{"Responses", "/v1/responses", "real: r", "/v1/responses", `{"model":"r","input":"hi","previous_response_id":"resp_0"}`,
			"/v1/responses", `{"model":"real","input":"hi","previous_response_id":"resp_0"}`, responsesAnswer},
		{"Responses streamed", "/v1/responses", "real: r", "/v1/responses", `{"model":"r","stream":true}`, "/v1/responses", `{"model":"real","stream":true}`, responsesStream},
		{"tokens of Responses", "/v1/responses", "real: r", "/v1/responses/input_tokens", `{"model":"r","input":"hi","previous_response_id":"resp_0"}`,
			"/v1/responses/input_tokens", `{"model":"real","input":"hi","previous_response_id":"resp_0"}`, `{"object":"response.input_tokens","input_tokens":42}`},
		{"a compaction", "/v1/responses", "real: r", "/v1/responses/compact", `{"model":"r","input":[]}`,
			"/v1/responses/compact", `{"model":"real","input":[]}`, `{"id":"c","object":"response.compaction","output":[]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			up := act(t, playNative)
			g := start(t, up.section(test.at, "{"+test.models+"}"))
			a := g.do("POST", test.path, test.body, append(asClient, "Anthropic-Version", "2023-01-01", "Anthropic-Beta", "b-1")...)
			if a.StatusCode != 200 || a.body != test.answer {
				t.Errorf("%d\n%q\nwant\n%q", a.StatusCode, a.body, test.answer)
			}
			asked := up.last(t)
			if asked.URL.Path != test.to || asked.body != test.sent {
				t.Errorf("sent %s %s\nwant %s %s", asked.URL.Path, asked.body, test.to, test.sent)
			}
			if beta := asked.Header.Get("Anthropic-Beta"); (beta == "b-1") != strings.HasPrefix(test.at, "/v1/messages") {
				t.Errorf("anthropic-beta is %q", beta)
			}
		})
	}
}

// TestAnyClientIsServedByAnyProvider asks for a plain answer and a stream in each format, of a provider of each.
func TestAnyClientIsServedByAnyProvider(t *testing.T) {
	chat := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"sunny\"}}]}\n\ndata: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"sunny"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`)
	}
	for _, client := range []struct{ path, plain, streamPath, stream, end string }{
		{"/v1/chat/completions", plainRequest, "", streamRequest, "data: [DONE]\n\n"},
		{"/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, "",
			`{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`, "data: {\"type\":\"message_stop\"}\n\n"},
		{"/v1beta/models/m:generateContent", `{"contents":[{"parts":[{"text":"hi"}]}]}`, "/v1beta/models/m:streamGenerateContent?alt=sse",
			`{"contents":[{"parts":[{"text":"hi"}]}]}`, "\n\n"},
		{"/v1beta/models/m:generateContent", `{"contents":[{"parts":[{"text":"hi"}]}]}`, "/v1beta/models/m:streamGenerateContent",
			`{"contents":[{"parts":[{"text":"hi"}]}]}`, "]"},
		{"/v1/models/m:generateContent", `{"contents":[{"parts":[{"text":"hi"}]}]}`, "/v1/models/m:streamGenerateContent?alt=sse",
			`{"contents":[{"parts":[{"text":"hi"}]}]}`, "\n\n"},
		{"/v1/responses", `{"model":"m","input":"hi"}`, "", `{"model":"m","input":"hi","stream":true}`, "\n\n"},
		{"/v1/chat/completions", `{"model":"m","input":"hi"}`, "", `{"model":"m","input":"hi","stream":true}`, "data: [DONE]\n\n"}, // Cursor's agent
	} {
		for _, at := range []string{"/v1/chat/completions", "/v1/messages", "/v1beta", "/v1/responses"} {
			t.Run(client.path+" on "+at, func(t *testing.T) {
				play := playNative
				if strings.HasSuffix(at, "completions") {
					play = chat
				}
				g := start(t, act(t, play).section(at, "m"))
				if a := g.do("POST", client.path, client.plain, asClient...); a.StatusCode != 200 || !strings.Contains(a.body, "sunny") {
					t.Errorf("plain: %d %s", a.StatusCode, a.body)
				}
				path := client.streamPath
				if path == "" {
					path = client.path
				}
				a := g.do("POST", path, client.stream, asClient...)
				if a.StatusCode != 200 || !strings.Contains(a.body, "sunny") || !strings.HasSuffix(strings.ReplaceAll(a.body, "\r", ""), client.end) {
					t.Errorf("streamed: %d %q", a.StatusCode, a.body)
				}
			})
		}
	}
}

func TestErrorsComeInTheEnvelopeOfTheClient(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":{"message":"bad thing","type":"invalid_request_error"}}`)
	})
	g := start(t, up.section("/v1/chat/completions", "m"))
	for path, want := range map[string]string{
		"/v1/messages":                     `{"type":"error","error":{"type":"`,
		"/v1beta/models/m:generateContent": `{"error":{"code":`,
		"/v1/responses":                    `{"error":{"message":"`,
	} {
		for _, key := range []string{clientKeyText, "sk-unknown"} {
			a := g.do("POST", path, `{"model":"m","max_tokens":1,"input":"x","messages":[{"role":"user","content":"x"}],"contents":[{"parts":[{"text":"x"}]}]}`, "X-Api-Key", key)
			if a.StatusCode < 400 || !strings.HasPrefix(a.body, want) {
				t.Errorf("%s with %s: %d %s", path, key, a.StatusCode, a.body)
			}
		}
	}
}

func TestStreamThatBreaksSaysSoInTheClientsFormat(t *testing.T) {
	for path, c := range map[string]struct{ body, want string }{
		"/v1/messages":  {`{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`, "event: error\ndata: {\"type\":\"error\""},
		"/v1/responses": {`{"model":"m","input":"hi","stream":true}`, "event: response.failed\n"},
	} {
		for _, at := range []string{"/v1/chat/completions", "/v1/messages", "/v1/responses"} {
			up := act(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				switch r.URL.Path {
				case "/v1/messages":
					io.WriteString(w, messagesStream[:len(messagesStream)-60])
				case "/v1/responses":
					io.WriteString(w, responsesStream[:len(responsesStream)-60])
				default:
					io.WriteString(w, "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"sun\"}}]}\n\n")
				}
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			})
			g := start(t, up.section(at, "m"))
			resp, err := g.http.Do(g.request("POST", path, c.body, asClient...))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err == nil || !strings.Contains(string(text), c.want) || strings.Contains(string(text), "message_stop") {
				t.Errorf("%s on %s: %v %q", path, at, err, text)
			}
		}
	}
}

func TestTokensAreEstimatedWhereNobodyCounts(t *testing.T) {
	up := act(t, playNative)
	g := start(t, up.section("/v1/chat/completions", "m"))
	for _, c := range []struct{ path, body, member, object string }{
		{"/v1/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"twelve chars"}]}`, "input_tokens", ""},
		{"/v1/responses/input_tokens", `{"model":"m","input":"twelve chars"}`, "input_tokens", "response.input_tokens"},
		{"/v1/responses/input_tokens", `{"model":"m","instructions":"twelve chars"}`, "input_tokens", "response.input_tokens"},
		{"/v1beta/models/m:countTokens", `{"contents":[{"parts":[{"text":"twelve chars"}]}]}`, "totalTokens", ""},
	} {
		a := g.do("POST", c.path, c.body, asClient...)
		var got map[string]any
		json.Unmarshal([]byte(a.body), &got)
		object, _ := got["object"].(string)
		if n, _ := got[c.member].(float64); a.StatusCode != 200 || a.Header.Get("X-Token-Count") != "estimate" || n < 1 || object != c.object {
			t.Errorf("%s: %d %s", c.path, a.StatusCode, a.body)
		}
	}
	a := g.do("POST", "/v1/responses/input_tokens", `{"model":"m","input":"hi","previous_response_id":"resp_1"}`, asClient...)
	if a.StatusCode != 400 || !strings.Contains(a.body, "previous_response_id") {
		t.Errorf("what is kept elsewhere was estimated: %d %s", a.StatusCode, a.body)
	}
	if len(up.asked) != 0 {
		t.Error("a provider that cannot count was asked")
	}
}

// TestWhatIsNoCountIsNotPassedOn has providers that answer to each address below their endpoint as to a conversation:
// nothing is charged for a count.
func TestWhatIsNoCountIsNotPassedOn(t *testing.T) {
	for _, c := range []struct{ at, path, body, answer string }{
		{"/v1/messages", "/v1/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, messagesAnswer},
		{"/v1/responses", "/v1/responses/input_tokens", `{"model":"m","input":"hi"}`, responsesAnswer},
		{"/v1beta", "/v1beta/models/m:countTokens", `{"contents":[{"parts":[{"text":"hi"}]}]}`, geminiAnswer},
		{"/v1/messages", "/v1/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, `{"error":{"message":"what?"}}`},
		{"/v1/messages", "/v1/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, `{"input_tokens":"sunny"}`},
		{"/v1/messages", "/v1/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, "sunny"},
	} {
		up := act(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, c.answer)
		})
		g := start(t, up.section(c.at, "m"))
		a := g.do("POST", c.path, c.body, asClient...)
		if a.StatusCode != 200 || a.Header.Get("X-Token-Count") != "estimate" || strings.Contains(a.body, "sunny") || len(up.asked) != 1 {
			t.Errorf("%s: %d %s", c.path, a.StatusCode, a.body)
		}
	}
}

func TestCodexIsToldAtOnceThatThereIsNoWebSocket(t *testing.T) {
	g := start(t, act(t, playNative).section("/v1/responses", "m"))
	a := g.do("GET", "/v1/responses", "", "Connection", "Upgrade", "Upgrade", "websocket")
	a.failure(t, http.StatusUpgradeRequired, "no_websocket")
}

func TestWhatNeedsAMemoryIsRefusedWhereThereIsNone(t *testing.T) {
	up := act(t, playNative)
	g := start(t, up.section("/v1/messages", "m"))
	a := g.do("POST", "/v1/responses", `{"model":"m","input":"hi","previous_response_id":"resp_1"}`, asClient...)
	if a.StatusCode != 400 || !strings.Contains(a.body, "previous_response_id") || len(up.asked) != 0 {
		t.Errorf("%d %s, asked %d times", a.StatusCode, a.body, len(up.asked))
	}
}

func TestFormPassesWithItsModelReplaced(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, "1\n00:00 --> 00:01\nhi\n")
	})
	g := start(t, up.section("/v1", "{whisper-1: w}"))
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("model", "w")
	w.WriteField("response_format", "srt")
	file, _ := w.CreateFormFile("file", "a.mp3")
	file.Write(bytes.Repeat([]byte{0, 255, '\r', '\n'}, 10_000))
	w.Close()
	for _, path := range []string{"/v1/audio/transcriptions", "/audio/transcriptions", "/v1/v1/audio/transcriptions"} {
		a := g.do("POST", path, form.String(), "Authorization", "Bearer "+clientKeyText, "Content-Type", w.FormDataContentType())
		if a.StatusCode != 200 || !strings.HasSuffix(a.body, "hi\n") || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
			t.Fatalf("%s: %d %s", path, a.StatusCode, a.body)
		}
		asked := up.last(t)
		if want := strings.Replace(form.String(), "\r\n\r\nw\r\n", "\r\n\r\nwhisper-1\r\n", 1); asked.body != want || asked.URL.Path != "/v1/audio/transcriptions" {
			t.Errorf("%s: the form was changed: %d bytes of %d", asked.URL.Path, len(asked.body), len(want))
		}
	}
	a := g.do("POST", "/v1/audio/transcriptions", form.String()[:100], "Authorization", "Bearer "+clientKeyText, "Content-Type", w.FormDataContentType())
	a.failure(t, 400, "")

	// One that names another model for some readers goes nowhere, and the client is told why.
	before := up.last(t)
	hidden := "--b\r\nContent-Disposition: form-data; name=\"model\"; filename=\"\"\r\n\r\nother\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nw\r\n--b--"
	a = g.do("POST", "/v1/audio/transcriptions", hidden, "Authorization", "Bearer "+clientKeyText, "Content-Type", "multipart/form-data; boundary=b")
	if message := a.failure(t, 400, ""); !strings.Contains(message, "filename") || up.last(t).body != before.body {
		t.Errorf("%s; the provider was asked %q", message, up.last(t).body)
	}
	a = g.do("POST", "/v1/audio/transcriptions", strings.Replace(form.String(), `"response_format"`, `"fallbacks[]"`, 1), "Authorization", "Bearer "+clientKeyText, "Content-Type", w.FormDataContentType())
	if message := a.failure(t, 400, ""); !strings.Contains(message, "fallbacks") || up.last(t).body != before.body {
		t.Errorf("%s; the provider was asked %q", message, up.last(t).body)
	}
	a = g.do("POST", "/v1/audio/transcriptions", strings.Replace(form.String(), `"response_format"`, `"moderation"`, 1), "Authorization", "Bearer "+clientKeyText, "Content-Type", w.FormDataContentType())
	if a.StatusCode != 200 { // it is how strict one is with images
		t.Errorf("a word in 'moderation': %d %s", a.StatusCode, a.body)
	}
}

func TestGoogleServesEmbeddingsAndImages(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch _, verb, _ := strings.Cut(r.URL.Path, ":"); verb {
		case "embedContent":
			io.WriteString(w, `{"embedding":{"values":[0.5,-1]}}`)
		case "batchEmbedContents":
			io.WriteString(w, `{"embeddings":[{"values":[0.5]},{"values":[1]}]}`)
		default:
			io.WriteString(w, `{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]},"finishReason":"STOP"}]}`)
		}
	})
	g := start(t, up.section("/v1beta", "gemini-embedding-001, gemini-2.5-flash-image"))
	for _, test := range []struct{ path, body, want string }{
		{"/v1/embeddings", `{"model":"gemini-embedding-001","input":"x"}`, `"embedding":[0.5,-1]`},
		{"/v1/embeddings", `{"model":"gemini-embedding-001","input":["x","y"]}`, `"index":1,"embedding":[1]`},
		{"/v1/images/generations", `{"model":"gemini-2.5-flash-image","prompt":"a cat","n":2}`, `{"b64_json":"iVBORw0KGgo="},{"b64_json":"iVBORw0KGgo="}`},
	} {
		a := g.do("POST", test.path, test.body, asClient...)
		if a.StatusCode != 200 || !strings.Contains(a.body, test.want) {
			t.Errorf("%s: %d %s", test.path, a.StatusCode, a.body)
		}
	}
	asked := len(up.asked)
	many := g.do("POST", "/v1/embeddings", `{"model":"gemini-embedding-001","input":["x"`+strings.Repeat(`,"x"`, 2048)+`]}`, asClient...)
	if message := many.failure(t, 400, ""); !strings.Contains(message, "2048") || len(up.asked) > asked {
		t.Errorf("%s; the provider was asked %d times", message, len(up.asked)-asked)
	}
	g.do("POST", "/v1/audio/speech", `{"model":"gemini-embedding-001","input":"x","voice":"v"}`, asClient...).failure(t, 404, "no_such_endpoint")
}

func TestModerationStopsWhatItMustAndNothingElse(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.HasSuffix(r.URL.Path, "/moderations") && bytes.Contains(body, []byte("broken")):
			w.WriteHeader(http.StatusInternalServerError)
		case strings.HasSuffix(r.URL.Path, "/moderations"):
			fmt.Fprintf(w, `{"results":[{"flagged":%v}]}`, bytes.Contains(body, []byte("bad")))
		default:
			io.WriteString(w, `{"choices":[{"index":0,"message":{"content":"ok"},"finish_reason":"stop"}]}`)
		}
	})
	key := func(more string) string {
		return "api_keys:\n  - api: " + clientKeyText + "\n    model: [all]\n    preferences:\n      ENABLE_MODERATION: true\n" + more
	}
	talk := func(text string) string {
		return `{"model":"m","messages":[{"role":"user","content":"bad, long ago"},{"role":"assistant","content":"ok"},{"role":"user","content":"and"},{"role":"user","content":"` + text + `"}]}`
	}
	for _, test := range []struct {
		name, more, body string
		status           int
	}{
		{"harmless", "", talk("nice"), 200},
		{"flagged", "", talk("bad"), 400},
		{"no judgement", "", talk("broken"), 503},
		{"no judgement, and it may pass", "      fail_open: true\n", talk("broken"), 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := start(t, strings.Replace(up.section("/v1", "m, omni-moderation-latest"), "    model:", "    preferences: {cooldown_period: 0}\n    model:", 1), key(test.more))
			if a := g.do("POST", "/v1/chat/completions", test.body, asClient...); a.StatusCode != test.status {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
}

// Google's clients have their vectors from every kind of provider that makes some.
func TestGooglesEmbeddingsAreServedByAll(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, verb, _ := strings.Cut(r.URL.Path, ":")
		switch {
		case strings.HasSuffix(r.URL.Path, "/embeddings"):
			io.WriteString(w, `{"object":"list","data":[{"index":1,"embedding":[1]},{"index":0,"embedding":[0.5,-1]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`)
		case verb == "embedContent":
			io.WriteString(w, `{"embedding":{"values":[0.5,-1]},"usageMetadata":{"promptTokenCount":7}}`)
		default:
			io.WriteString(w, `{"embeddings":[{"values":[0.5,-1]},{"values":[1]}],"usageMetadata":{"promptTokenCount":7}}`)
		}
	})
	const one, two = `{"model":"models/e","content":{"parts":[{"text":"a"},{"text":"b"}]},"taskType":"CLUSTERING"}`,
		`{"requests":[{"model":"models/e","content":{"role":"user","parts":[{"text":"x"}]},"outputDimensionality":2},{"model":"models/e","content":{"parts":[{"text":"y"}]},"outputDimensionality":2}]}`
	const image = `{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]}}`
	const vectors = `{"embeddings":[{"values":[0.5,-1]},{"values":[1]}],"usageMetadata":{"promptTokenCount":7}}`
	for _, test := range []struct{ name, at, verb, body, asked, want string }{
		{"Google, one", "/v1beta", "embedContent", one, `{"model":"models/up","content":{"parts":[{"text":"a"},{"text":"b"}]},"taskType":"CLUSTERING"}`, `{"embedding":{"values":[0.5,-1]},"usageMetadata":{"promptTokenCount":7}}`},
		{"Google, an image", "/v1beta", "embedContent", image, `{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]},"model":"models/up"}`, `{"embedding":{"values":[0.5,-1]},"usageMetadata":{"promptTokenCount":7}}`},
		{"Google, several", "/v1beta", "batchEmbedContents", two, strings.ReplaceAll(two, "models/e", "models/up"), vectors},
		{"OpenAI, several", "/v1/chat/completions", "batchEmbedContents", two, `{"model":"up","input":["x","y"],"encoding_format":"float","dimensions":2}`, vectors},
	} {
		g := start(t, up.section(test.at, "up: e"))
		a := g.do("POST", "/v1beta/models/e:"+test.verb, test.body, asClient...)
		if a.StatusCode != 200 || a.body != test.want || up.last(t).body != test.asked {
			t.Errorf("%s: %d %s; the provider was asked %s", test.name, a.StatusCode, a.body, up.last(t).body)
		}
		if u := g.used(); u.Prompt != 7 || u.Completion != 0 {
			t.Errorf("%s: the client pays for %+v", test.name, u)
		}
	}
	g := start(t, up.section("/v1/chat/completions", "up: e"))
	for _, test := range []struct{ verb, body, says string }{
		{"embedContent", image, "content.parts[0].inlineData"},
		{"embedContent", `{"content":"x"}`, "content"},
		{"batchEmbedContents", one, "requests"},
		{"batchEmbedContents", `{"requests":[]}`, "empty"},
		{"batchEmbedContents", strings.Replace(two, `"outputDimensionality":2`, `"outputDimensionality":3`, 1), "same outputDimensionality"},
		{"embedContent", `[1]`, "object"},
	} {
		if a := g.do("POST", "/v1beta/models/e:"+test.verb, test.body, asClient...); a.StatusCode != 400 || !strings.Contains(a.body, test.says) || !strings.Contains(a.body, `"INVALID_ARGUMENT"`) {
			t.Errorf("%s: %d %s", test.body, a.StatusCode, a.body)
		}
	}
	if a := g.do("POST", "/v1beta/models/other:embedContent", one, asClient...); a.StatusCode != 404 {
		t.Errorf("another model: %d %s", a.StatusCode, a.body)
	}
}

// Google does not say what a vector costs, and passes on what a request has beside its text.
func TestGooglesEmbeddingsCostWhatTheySayAndNameNoOtherModel(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, ":embedContent") {
			io.WriteString(w, `{"embedding":{"values":[1]}}`)
		} else {
			io.WriteString(w, `{"embeddings":[{"values":[1]},{"values":[1]}]}`)
		}
	})
	image := `{"inlineData":{"mimeType":"image/png","data":"` + strings.Repeat("iVBORw0KGgoA", 400) + `"}}`
	words := strings.Repeat("word ", 800) // a thousand tokens
	for _, test := range []struct {
		verb, body string
		least      int64
	}{
		{"embedContent", `{"content":{"parts":[{"text":"` + words + `"}]}}`, 1000},
		{"embedContent", `{"content":{"parts":[{"text":"x"},` + image + `]}}`, 1500},
		{"embedContent", `{"content":{"parts":[` + image + `,` + image + `]}}`, 3000},
		{"embedContent", `{"content":{"parts":[{"text":"x"}]},"title":"` + words + `"}`, 1000},
		{"embedContent", `{"content":{"parts":[{"text":"` + words + `"}]},"content":{"parts":[{"text":"x"}]}}`, 1000},
		{"embedContent", `{"content":{"parts":[{"text":"` + words + `","text":"x"}]}}`, 1000},
		{"batchEmbedContents", `{"requests":[{"content":{"parts":[{"text":"x"}]}},{"content":{"parts":[{"text":"x"},` + image + `]}}]}`, 1500},
	} {
		g := start(t, up.section("/v1beta", "up: e"))
		if a := g.do("POST", "/v1beta/models/e:"+test.verb, test.body, asClient...); a.StatusCode != 200 {
			t.Errorf("%.100s: %d %s", test.body, a.StatusCode, a.body)
		}
		if u := g.used(); u.Prompt < test.least || u.Prompt > 2*test.least {
			t.Errorf("%.100s: the client pays for %+v", test.body, u)
		}
	}
	g := start(t, up.section("/v1beta", "up: e"))
	for _, named := range []string{`"models":["other"]`, `"fallbacks":[{"model":"other"}]`, `"fallback_models":"other"`, `"fallbackModels":"other"`, `"preset":"p"`, `"route":"fallback"`,
		`"\u006dodels":["other"]`, `"extra_body":{"models":["other"]}`, `"tools":[{"type":"x","model":"other"}]`} {
		one := `{"content":{"parts":[{"text":"x"}]},` + named + `}`
		for verb, body := range map[string]string{"embedContent": one, "batchEmbedContents": `{"requests":[{"content":{"parts":[{"text":"x"}]}},` + one + `]}`} {
			if a := g.do("POST", "/v1beta/models/e:"+verb, body, asClient...); a.StatusCode != 400 {
				t.Errorf("%s: %d %s", body, a.StatusCode, a.body)
			}
		}
	}
}

// TestNothingIsStreamedWhereAnswersHaveNoTokens has an upstream that serves all at one address, as Databricks does, and
// takes each request that has messages for a chat: a stream of it would cost nothing where embeddings are asked for.
func TestNothingIsStreamedWhereAnswersHaveNoTokens(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"sunny\"}}]}\n\ndata: [DONE]\n\n")
	})
	for _, path := range []string{"/v1/embeddings", "/v1/rerank", "/v1/moderations"} {
		g := start(t, up.section("/v1", "m"))
		a := g.do("POST", path, `{"model":"m","input":"","stream":true,"messages":[{"role":"user","content":"hi"}]}`, asClient...)
		if a.StatusCode != 404 || strings.Contains(a.body, "data:") {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}
