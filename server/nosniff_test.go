package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestBrowsersTakeAnswersForWhatTheySay has providers that answer with pages, in every kind of answer.
func TestBrowsersTakeAnswersForWhatTheySay(t *testing.T) {
	kind, body, status := "", "", 200
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
	g := start(t, up.section("/v1", "m"), "preferences: {cooldown_period: 0}\n")
	const page = "<script>alert(1)</script>"
	for _, c := range []struct {
		path, ask, kind, body string
		status                int
		sandboxed             bool
	}{
		{"/v1/audio/speech", `{"model":"m","input":"x"}`, "text/html; charset=utf-8", page, 200, true},
		{"/v1/audio/speech", `{"model":"m","input":"x"}`, "Application/XHTML+xml", page, 200, true},
		{"/v1/audio/speech", `{"model":"m","input":"x"}`, "image/svg+xml", page, 200, true},
		{"/v1/audio/speech", `{"model":"m","input":"x"}`, "audio/mpeg", page, 200, false},
		{"/v1/audio/speech", `{"model":"m","input":"x"}`, "text/plain", page, 200, false},
		{"/v1/audio/speech", `{"model":"m","input":"x"}`, "text/html", page, 500, false},
		{"/v1/images/generations", `{"model":"m","prompt":"x"}`, "text/html", page, 200, true},
		{"/v1/embeddings", `{"model":"m","input":"x"}`, "application/json", `{"data":[{"embedding":[1]}]}`, 200, false},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, "application/json", plainBodyOf("hello"), 200, false},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, "application/json", `{"error":{"message":"` + page + `"}}`, 400, false},
		{"/v1/chat/completions", strings.Replace(`{"model":"m","messages":[{"role":"user","content":"hi"}]}`, "{", `{"stream":true,`, 1), "text/event-stream", event("a") + stopEvent, 200, false},
	} {
		kind, body, status = c.kind, c.body, c.status
		a := g.do("POST", c.path, c.ask, asClient...)
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || strings.HasPrefix(a.Header.Get("Content-Security-Policy"), "sandbox") != c.sandboxed {
			t.Errorf("%s with %s: %d %v", c.path, c.kind, a.StatusCode, a.Header)
		}
	}
}
