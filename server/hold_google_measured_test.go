//go:build !race

package server

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestWhatIsMadeOfEmbeddingsImagesAndWholeAnswersIsHeldBefore has requests and answers that become much larger where
// they are read or written anew.
func TestWhatIsMadeOfEmbeddingsImagesAndWholeAnswersIsHeldBefore(t *testing.T) {
	const (
		size      = 3 << 20
		memory    = 32 << 20
		uncounted = 1 << 20
		garbage   = 2 // what lists leave behind while they grow
	)
	many := func(one string) string { return strings.TrimSuffix(strings.Repeat(one, size/len(one)), ",") }
	floats := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x39\x61\x8d\x80", size/4/4*3)))
	google, chat := "/v1beta\n    engine: gemini", "/v1/chat/completions"
	for _, c := range []struct {
		name, engine, model, path, body, answer string
		grows                                   bool // there are lists of which nobody knows how long they become
	}{
		{"parts of a text to embed", google, "gemini-embedding-001", "/v1beta/models/m:embedContent", `{"content":{"parts":[` + many(`{"text":""},`) + `]}}`, `{"embedding":{"values":[1]}}`, true},
		{"vectors that nobody asked for", google, "gemini-embedding-001", "/v1/embeddings", `{"model":"m","input":"x"}`, `{"embeddings":[` + many(`{"values":[1]},`) + `]}`, true},
		{"vectors in base64", chat, "m", "/v1beta/models/m:embedContent", `{"content":{"parts":[{"text":"x"}]}}`, `{"data":[{"index":0,"embedding":"` + floats + `"}],"usage":{"prompt_tokens":1,"total_tokens":1}}`, false},
		{"vectors in base64 with escapes", chat, "m", "/v1beta/models/m:embedContent", `{"content":{"parts":[{"text":"x"}]}}`, `{"data":[{"index":0,"embedding":"` + strings.Replace(floats, "O", `\u004f`, 1) + `"}],"usage":{"prompt_tokens":1,"total_tokens":1}}`, false},
		{"short numbers as base64", google, "gemini-embedding-001", "/v1/embeddings", `{"model":"m","input":"x","encoding_format":"base64"}`, `{"embedding":{"values":[` + many(`1,`) + `]}}`, false},
		{"parts of an image's answer", google, "gemini-2.5-flash-image", "/v1/images/generations", `{"model":"m","prompt":"x"}`, `{"candidates":[{"content":{"parts":[` + many(`{"inlineData":{"data":"a"}},`) + `]},"finishReason":"STOP"}]}`, false},
		{"predictions", google, "imagen-4.0-generate-001", "/v1/images/generations", `{"model":"m","prompt":"x"}`, `{"predictions":[` + many(`{"bytesBase64Encoded":"a"},`) + `]}`, false},
		{"an answer without an id", chat, "m", chat, plainRequest, `{"choices":[{"message":{"content":"` + strings.Repeat("x", size) + `"}}]}`, false},
		{"a message without an id", "/v1/messages", "m", "/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`,
			`{"type":"message","role":"assistant","content":[{"type":"text","text":"` + strings.Repeat("x", size) + `"}],"stop_reason":"end_turn"}`, false},
		{"thinking under one name", chat, "m", chat, plainRequest, `{"id":"c","choices":[{"message":{"content":"x","reasoning":"` + strings.Repeat("x", size) + `"}}]}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := act(t, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", strconv.Itoa(len(c.answer))) // else the buffer grows while it comes
				io.WriteString(w, c.answer)
			})
			g := startWith(t, Options{RequestMemory: memory}, up.section(c.engine, c.model+": m"))
			wire := []byte(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", c.path, clientKeyText, len(c.body), c.body))
			var held, allocated, most int64
			for range 5 { // the least counts: a collection empties the pools of buffers
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				status := try(g.addr, wire, patience)
				runtime.ReadMemStats(&after)
				held, allocated = g.budget.Highest(), int64(after.TotalAlloc-before.TotalAlloc)
				t.Logf("%d: held %d KB, allocated %d KB", status, held>>10, allocated>>10)
				most = held + held/2 + uncounted
				if c.grows {
					most = garbage * (held + uncounted)
				}
				eventually(t, "nothing is held", func() bool { return g.budget.Taken() == 0 })
				if allocated <= most {
					return
				}
			}
			t.Errorf("%d bytes were allocated, held were %d", allocated, held)
		})
	}
}
