package server

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestKeyWithCreditsOverspendsByOneRequestAtMost asks twice at once for what costs more than the key has: whatever it
// is that costs, and whatever the request says of it in the words of other formats.
func TestKeyWithCreditsOverspendsByOneRequestAtMost(t *testing.T) {
	const speech = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\nsound\r\n--b--\r\n"
	chat := func(more string) string { return strings.Replace(plainRequest, "{", "{"+more, 1) }
	for _, c := range []struct{ name, path, kind, body, price, credits string }{
		{"a chat", "/v1/chat/completions", "", plainRequest, "{input: 1, output: 1000}", "0.1"},
		{"bounded by another format's word", "/v1/chat/completions", "", chat(`"max_output_tokens":1,`), "{input: 1, output: 1000}", "0.1"},
		{"bounded within another format's member", "/v1/chat/completions", "", chat(`"generationConfig":{"maxOutputTokens":1},`), "{input: 1, output: 1000}", "0.1"},
		{"bounded by nothing", "/v1/chat/completions", "", chat(`"max_tokens":0,`), "{input: 1, output: 1000}", "0.1"},
		{"with room for thinking", "/v1/chat/completions", "", chat(`"max_tokens":1,"thinking":{"type":"enabled","budget_tokens":9000},`), "{input: 1, output: 1000}", "0.1"},
		{"a response", "/v1/responses", "", `{"model":"m","input":"x","max_tokens":1}`, "{input: 1, output: 1000}", "0.1"},
		{"said aloud", "/v1/chat/completions", "", chat(`"max_tokens":100,`), "{input: 1, output: 1, audio_output: 1000}", "0.05"},
		{"in a tier that is dear", "/v1/chat/completions", "", chat(`"max_tokens":100,"service_tier":"priority",`), "{input: 1, output: 1, service: {priority: {input: 1, output: 1000}}}", "0.05"},
		{"with a tier that is cheap", "/v1/chat/completions", "", chat(`"max_tokens":100,"service_tier":"flex",`), "{input: 1, output: 1000, service: {flex: {input: 0, output: 0}}}", "0.05"},
		{"kept for an hour", "/v1/messages", "", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"` + strings.Repeat("word ", 400) + `","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}`,
			"{input: 1, output: 1, cache_write: 1, cache_write_1h: 1000}", "0.05"},
		{"a request", "/v1/chat/completions", "", chat(`"max_tokens":1,`), "{input: 1, output: 1, per_request: 1}", "0.9"},
		{"images", "/v1/images/generations", "", `{"model":"m","prompt":"a cat","n":3}`, "{per_image: 1}", "2.9"},
		{"images of a quality", "/v1/images/generations", "", `{"model":"m","prompt":"a cat","n":3,"quality":"hd"}`, "{per_image: {hd: 1, 1024x1024: 0.1, default: 0.01}}", "2.9"},
		{"images of any quality", "/v1/images/generations", "", `{"model":"m","prompt":"a cat","quality":"auto"}`, "{per_image: {high: 1, low: 0.1, default: 0.01}}", "0.9"},
		{"speech", "/v1/audio/speech", "", `{"model":"m","input":"grüße","voice":"alloy"}`, "{per_character: 1}", "4.9"},
		{"a transcript", "/v1/audio/transcriptions", "multipart/form-data; boundary=b", speech, "{per_second: 1}", "0.9"},
		{"a text with a token for each byte", "/v1/chat/completions", "", strings.Replace(plainRequest, "{", `{"max_tokens":1,"user":"`+strings.Repeat("\u13a0", 300)+`",`, 1), "{input: 1000, output: 0}", "0.5"},
		{"marks with a token each", "/v1/messages", "", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"` + strings.Repeat("~|", 300) + `"}]}`, "{input: 1000, output: 0}", "0.4"},
		{"many turns that say nothing", "/v1/chat/completions", "", `{"model":"m","max_tokens":1,"messages":[` + strings.Repeat(`{"role":"user","content":""},`, 99) + `{"role":"user","content":"x"}]}`, "{input: 1000, output: 0}", "0.4"},
		{"in the US alone", "/v1/messages", "", `{"model":"m","max_tokens":100,"inference_geo":"us","messages":[{"role":"user","content":"x"}]}`, "{input: 0, output: 1, service: {us: {output: 1000}}}", "0.05"},
		{"quick, and in the US alone", "/v1/messages", "", `{"model":"m","max_tokens":100,"speed":"fast","inference_geo":"us","messages":[{"role":"user","content":"x"}]}`, "{input: 0, output: 1, service: {fast+us: {output: 1000}}}", "0.05"},
		{"with maps", "/v1beta/models/m:generateContent", "", `{"contents":[{"role":"user","parts":[{"text":"x"}]}],"tools":[{"googleMaps":{}}],"generationConfig":{"maxOutputTokens":1}}`, "{input: 0, output: 0, per_map: 1}", "0.9"},
		{"with files to search", "/v1/responses", "", `{"model":"m","max_output_tokens":1,"input":[{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}]}`, "{input: 0, output: 0, per_document_search: 0.1}", "0.9"},
		{"an order", "/v1/rerank", "", `{"model":"m","query":"a","documents":["b"]}`, "{per_search: 1}", "0.9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var came atomic.Int32
			leave := make(chan struct{})
			up := act(t, func(w http.ResponseWriter, _ *http.Request) {
				came.Add(1)
				<-leave
				w.WriteHeader(http.StatusBadRequest)
			})
			defer close(leave)
			g := start(t, up.section("/v1/chat/completions", "m"), fmt.Sprintf("preferences:\n  model_price: {m: %s}\n", c.price), paidKeys(c.credits))
			answers := make(chan answer, 2)
			ask := func() {
				answers <- g.do("POST", c.path, c.body, "Content-Type", c.kind, "Authorization", "Bearer "+clientKeyText)
			}
			go ask()
			eventually(t, "the first is let in", func() bool { return came.Load() > 0 || len(answers) > 0 })
			go ask()
			eventually(t, "the second is refused, or let in", func() bool { return came.Load() > 1 || len(answers) > 0 })
			if came.Load() != 1 {
				t.Fatalf("%d were let in", came.Load())
			}
			if a := <-answers; a.StatusCode != http.StatusTooManyRequests || !strings.Contains(a.body, "Balance is insufficient") {
				t.Errorf("the second: %d %s", a.StatusCode, a.body)
			}
		})
	}
}
