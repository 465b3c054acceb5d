package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestMediaCostWhatIsMadeOfThem asks for images, speech and a transcript of models that are priced by these.
func TestMediaCostWhatIsMadeOfThem(t *testing.T) {
	const form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nhear\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\nsound\r\n--b--\r\n"
	for _, c := range []struct {
		path, kind, body   string
		answer, answerKind string
		nano               int64
	}{
		{"/v1/images/generations", "application/json", `{"model":"draw","prompt":"a cat","n":2}`, `{"created":1,"data":[{"b64_json":"aa"},{"b64_json":"bb"}]}`, "application/json", 80_000_000},
		{"/v1/audio/speech", "application/json", `{"model":"say","input":"grüße","voice":"alloy"}`, "sound", "audio/mpeg", 5 * 15_000},
		{"/v1/audio/transcriptions", "multipart/form-data; boundary=b", form, `{"text":"hi","usage":{"type":"duration","seconds":7}}`, "application/json", 700_000},
		{"/v1/audio/transcriptions", "multipart/form-data; boundary=b", form, `{"text":"hi"}`, "application/json", 100_000}, // five bytes are a second at least
		{"/v1/rerank", "application/json", `{"model":"rank","query":"a","documents":["b"]}`, `{"results":[{"index":0,"relevance_score":1}],"meta":{"billed_units":{"search_units":1}}}`, "application/json", 2_000_000},
	} {
		t.Run(c.path+" "+c.answer, func(t *testing.T) {
			up := act(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.answerKind)
				io.WriteString(w, c.answer)
			})
			g := start(t, up.section("/v1", "draw, say, hear, rank"),
				"preferences:\n  model_price: {draw: {per_image: 0.04}, say: {per_character: 0.000015}, hear: {per_second: 0.0001}, rank: {per_search: 0.002}}\n")
			if a := g.do("POST", c.path, c.body, "Content-Type", c.kind, "Authorization", "Bearer "+clientKeyText); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, strings.TrimSpace(a.body))
			}
			g.settled(1)
			if state, _ := g.books.State(clientKeyText); state.Spent != c.nano {
				t.Errorf("it cost %d nano-dollars, want %d", state.Spent, c.nano)
			}
		})
	}
}

// TestAServiceTierIsPaidHoweverItIsSpelled names the tier of a request in plain text, with an escape, and not at all.
func TestAServiceTierIsPaidHoweverItIsSpelled(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":0,"total_tokens":1}}`)
	})
	g := start(t, up.section("/v1/chat/completions", "m"), "preferences:\n  model_price: {m: {input: 1, output: 1, service: {priority: {input: 3, output: 3}}}}\n")
	spent := int64(0)
	for i, c := range []struct {
		member string
		nano   int64
	}{
		{`"service_tier":"priority",`, 3000},
		{`"service_ti\u0065r":"priority",`, 3000},
		{`"service_tier":"priorit\u0079",`, 3000},
		{`"service_tier":"default",`, 1000},
		{`"user":"\u0065",`, 1000},
		{``, 1000},
	} {
		if a := g.chat(strings.Replace(plainRequest, "{", "{"+c.member, 1)); a.StatusCode != 200 {
			t.Fatalf("%s: %d %s", c.member, a.StatusCode, a.body)
		}
		g.settled(i + 1)
		state, _ := g.books.State(clientKeyText)
		if cost := state.Spent - spent; cost != c.nano {
			t.Errorf("with %s it cost %d nano-dollars, want %d", c.member, cost, c.nano)
		}
		spent = state.Spent
	}
}
