package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestKeyOverspendsByOneRequestWhateverItIsMadeOf sends one request after the other while none has been answered, of
// each kind that may cost far more than it says: the provider is to read what is not in it, or to answer many prompts.
// The price is such that a request which says all of itself costs next to nothing.
func TestKeyOverspendsByOneRequestWhateverItIsMadeOf(t *testing.T) {
	t.Parallel()
	const (
		chat     = `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}]`
		messages = `{"model":"a","max_tokens":1,"messages":[{"role":"user","content":"x"}]`
		respond  = `{"model":"r","max_output_tokens":16,"input":"x"`
		generate = `{"generationConfig":{"maxOutputTokens":1},"contents":[{"role":"user","parts":[{"text":"x"}]}]`
		google   = "/v1beta/models/g:generateContent"
	)
	for _, test := range []struct {
		path, body string
		alone      bool
	}{
		{"/v1/chat/completions", chat + `}`, false},
		{"/v1/chat/completions", chat + `,"tools":[{"type":"function","function":{"name":"f","parameters":{}}}]}`, false},
		{"/v1/chat/completions", chat + `,"web_search_options":null}`, false},
		{"/v1/chat/completions", chat + `,"web_search_options":{}}`, true},
		{"/v1/chat/completions", chat + `,"plugins":[{"id":"web"}]}`, true},
		{"/v1/chat/completions", chat + `,"tools":[{"type":"openrouter:web_search"}]}`, true},
		{"/v1/chat/completions", strings.Replace(chat, `"x"`, `[{"type":"file","file":{"file_id":"f"}}]`, 1) + `}`, true},
		{"/v1/chat/completions", strings.Replace(chat, `"x"`, `[{"type":"file","file":{"\u0066ile_id":"f"}}]`, 1) + `}`, true},
		{"/v1/chat/completions", strings.Replace(chat, `"x"`, `"what is \"file_id\", na\u00efve?"`, 1) + `}`, false},
		{"/v1/chat/completions", strings.Replace(chat, `"x"`, `[{"type":"image_url","image_url":{"url":"data:image/png;base64,aaaa"}}]`, 1) + `}`, false},
		{"/v1/chat/completions", strings.Replace(chat, `"x"`, `[{"type":"input_audio","input_audio":{"data":"aaaa","format":"mp3"}}]`, 1) + `}`, true},
		{"/v1/chat/completions", strings.Replace(chat, `"max_tokens":1`, `"max_tokens":"200000"`, 1) + `}`, true},
		{"/v1/chat/completions", strings.Replace(chat, `"max_tokens":1`, `"max_tokens":2000,"n":"100"`, 1) + `}`, true},
		{"/v1/chat/completions", chat + `,"data_sources":[{"type":"azure_search","parameters":{"endpoint":"https://h.example","index_name":"i","top_n_documents":20}}]}`, true},
		{"/v1/chat/completions", chat + `,"enable_search":true}`, true},
		{"/v1/chat/completions", chat + `,"enable_search":false}`, false},
		{"/v1/chat/completions", strings.Replace(chat, `"x"`, `[{"type":"document_url","document_url":"https://h.example/a.pdf"}]`, 1) + `}`, true},
		{"/v1/chat/completions", strings.Replace(chat, `"x"`, `"fileid://file-fe-1,fileid://file-fe-2"`, 1) + `}`, true},
		{"/v1/chat/completions", strings.Replace(chat, `"x"`, `"fileid\u003a//file-fe-1"`, 1) + `}`, true},
		{"/v1/chat/completions", strings.Replace(chat, `"x"`, `"what is fileid:// or a document_url?"`, 1) + `}`, false},
		{"/v1/chat/completions", chat + `,"n_predict":1,"options":{"num_predict":1}}`, false},
		{"/v1/chat/completions", chat + `,"n_predict":200000}`, true},
		{"/v1/chat/completions", chat + `,"options":{"num_predict":2e5}}`, true},
		{"/v1/chat/completions", chat + `,"max_new_tokens":200000}`, true},
		{"/v1/chat/completions", chat + `,"n_cmpl":128,"n_predict":2000}`, true},
		{"/v1/completions", `{"model":"m","max_tokens":1,"n_predict":200000,"prompt":"x"}`, true},
		{"/v1/completions", `{"model":"m","max_tokens":1,"prompt":"x"}`, false},
		{"/v1/completions", `{"model":"m","max_tokens":1,"prompt":[1,2,3]}`, false},
		{"/v1/completions", `{"model":"m","max_tokens":1000,"prompt":["x"` + strings.Repeat(`,"x"`, 999) + `]}`, true},
		{"/v1/completions", `{"model":"m","max_tokens":1000,"prompt":[[1]` + strings.Repeat(`,[1]`, 999) + `]}`, true},
		{"/v1/messages", messages + `}`, false},
		{"/v1/messages", messages + `,"tools":[{"name":"f","input_schema":{"type":"object"}},{"type":"bash_20250124","name":"bash"}]}`, false},
		{"/v1/messages", messages + `,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":10}]}`, true},
		{"/v1/messages", messages + `,"mcp_servers":[{"type":"url","url":"https://m.example","name":"n"}]}`, true},
		{"/v1/messages", strings.Replace(messages, `"x"`, `[{"type":"document","source":{"type":"url","url":"https://h.example/a.pdf"}}]`, 1) + `}`, true},
		{"/v1/messages", strings.Replace(messages, `"x"`, `[{"type":"document","source":{"type":"file","file_id":"f"}}]`, 1) + `}`, true},
		{"/v1/responses", respond + `}`, false},
		{"/v1/responses", respond + `,"tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"}]}`, false},
		{"/v1/responses", respond + `,"previous_response_id":"resp_1"}`, true},
		{"/v1/responses", respond + `,"previous_respons\u0065_id":"resp_1"}`, true},
		{"/v1/responses", respond + `,"conversation":"conv_1"}`, true},
		{"/v1/responses", respond + `,"prompt":{"id":"pmpt_1"}}`, true},
		{"/v1/responses", respond + `,"tools":[{"type":"web_search"}]}`, true},
		{"/v1/responses", strings.Replace(respond, `"x"`, `[{"type":"item_reference","id":"msg_1"}]`, 1) + `}`, true},
		{google, generate + `}`, false},
		{google, generate + `,"tools":[{"functionDeclarations":[{"name":"f"}]}]}`, false},
		{google, generate + `,"tools":[{"google_search":{}}]}`, true},
		{google, generate + `,"cachedContent":"cachedContents/c"}`, true},
		{google, strings.Replace(generate, `{"text":"x"}`, `{"text":"x"},{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/f","mimeType":"video/mp4"}}`, 1) + `}`, true},
		{google, strings.Replace(generate, `{"text":"x"}`, `{"inlineData":{"mimeType":"image/png","data":"aaaa"}}`, 1) + `}`, false},
		{google, strings.Replace(generate, `{"text":"x"}`, `{"inlineData":{"mimeType":"audio/flac","data":"aaaa"}}`, 1) + `}`, true},
		{google, strings.Replace(generate, `{"text":"x"}`, `{"inline_data":{"mime_type":"application\/pdf","data":"aaaa"}}`, 1) + `}`, true},
		{"/v1/search", `{"model":"s","q":"x"}`, true},
	} {
		t.Run(test.path+" "+test.body[:min(len(test.body), 160)], func(t *testing.T) {
			goOn := make(chan bool)
			letGo := sync.OnceFunc(func() { close(goOn) })
			defer letGo()
			up := listen(t, func(p *peer, r seen) bool {
				<-goOn
				return says(reply(400, jsonKind, `{"error":{"message":"no"}}`))(p, r)
			})
			section := func(name, path, engine, model string) string {
				return fmt.Sprintf("  - {provider: %s, base_url: 'http://%s%s', engine: %s, api: %s, model: [%s]}\n", name, up.addr, path, engine, upstreamKeyText, model)
			}
			g := start(t, section("o", "/v1/chat/completions", "gpt", "m"), section("a", "/v1/messages", "claude", "a"), section("r", "/v1/responses", "responses", "r"),
				section("g", "/v1beta", "gemini", "g"), section("s", "/jina", "search", "s"), keyed("credits: 0.1"), "preferences: {model_price: {default: [1, 1]}}\n")
			left := make(chan bool, 2)
			ask := func() {
				defer func() { left <- true }()
				resp, err := g.http.Do(g.request("POST", test.path, test.body, "Authorization", "Bearer "+clientKeyText))
				if err == nil {
					resp.Body.Close()
				}
			}
			go ask()
			eventually(t, "the first is asked", func() bool { return len(up.requests()) == 1 })
			if test.alone {
				g.do("POST", test.path, test.body, "Authorization", "Bearer "+clientKeyText).failureOf(t, 429)
			} else {
				go ask()
				eventually(t, "the second is asked", func() bool { return len(up.requests()) >= 2 })
				defer func() { <-left }()
			}
			letGo()
			<-left
		})
	}
}

// failureOf is failure in any format's envelope.
func (a answer) failureOf(t *testing.T, status int) {
	t.Helper()
	if a.StatusCode != status || !strings.Contains(a.body, "credits of this API key") {
		t.Errorf("%d %s, want %d for want of credits", a.StatusCode, a.body, status)
	}
}
