package server

import (
	"fmt"
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
		{"/v1/images/generations", "application/json", `{"model":"paint","prompt":"a cat","n":2,"size":"1024x1536","quality":"high"}`, `{"created":1,"data":[{"b64_json":"aa"},{"b64_json":"bb"}]}`, "application/json", 500_000_000},
		{"/v1/images/generations", "application/json", `{"model":"paint","prompt":"a cat","size":"auto"}`, `{"created":1,"data":[{"b64_json":"aa"}],"size":"1024x1024","quality":"low"}`, "application/json", 11_000_000},
		{"/v1/images/generations", "application/json", `{"model":"paint","prompt":"a cat"}`, `{"created":1,"data":[{"b64_json":"aa"}]}`, "application/json", 250_000_000},
		{"/v1/images/edits", "multipart/form-data; boundary=b", strings.ReplaceAll(form, "hear", "paint\r\n--b\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\n1024x1024"), `{"created":1,"data":[{"b64_json":"aa"}]}`, "application/json", 11_000_000},
		{"/v1/audio/speech", "application/json", `{"model":"say","input":"grüße","voice":"alloy"}`, "sound", "audio/mpeg", 5 * 15_000},
		{"/v1/audio/transcriptions", "multipart/form-data; boundary=b", form, `{"text":"hi","usage":{"type":"duration","seconds":7}}`, "application/json", 700_000},
		{"/v1/audio/transcriptions", "multipart/form-data; boundary=b", form, `{"text":"hi"}`, "application/json", 100_000}, // five bytes are a second at least
		{"/v1/rerank", "application/json", `{"model":"rank","query":"a","documents":["b"]}`, `{"results":[{"index":0,"relevance_score":1}],"meta":{"billed_units":{"search_units":1}}}`, "application/json", 2_000_000},
		{"/v1/rerank", "application/json", `{"model":"rank","query":"a","documents":["b"]}`, `{"results":[{"index":0,"relevance_score":1}],"meta":{"billed_units":{"search_units":3}}}`, "application/json", 6_000_000},
	} {
		t.Run(c.path+" "+c.answer, func(t *testing.T) {
			up := act(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.answerKind)
				io.WriteString(w, c.answer)
			})
			g := start(t, up.section("/v1", "draw, paint, say, hear, rank"),
				"preferences:\n  model_price: {draw: {per_image: 0.04}, paint: {per_image: {low 1024x1024: 0.011, 1024x1024: 0.011, high 1024x1536: 0.25}}, say: {per_character: 0.000015}, hear: {per_second: 0.0001}, rank: {per_search: 0.002}}\n")
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

// TestServiceTierIsPaidHoweverItIsSpelled names the tier of a request in plain text, with an escape, and not at all.
func TestServiceTierIsPaidHoweverItIsSpelled(t *testing.T) {
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

// TestMediaWithoutAPriceAreRefusedWhereCreditsPay asks for each kind of media at a price that nobody has said.
func TestMediaWithoutAPriceAreRefusedWhereCreditsPay(t *testing.T) {
	media := []struct{ path, body string }{
		{"/v1/images/generations", `{"model":"MODEL","prompt":"a cat"}`},
		{"/v1/audio/speech", `{"model":"MODEL","input":"hi","voice":"alloy"}`},
		{"/v1/moderations", `{"model":"MODEL","input":"hi"}`},
		{"/v1/rerank", `{"model":"MODEL","query":"hi","documents":["a"]}`},
	}
	for _, test := range []struct {
		name, preferences, model, key string
		status                        int
		cost                          int64 // -1 is some
	}{
		{"of a key with credits", "", "of-tomorrow", clientKeyText, 403, 0},
		{"of a key without", "", "of-tomorrow", adminKeyText, 200, -1},
		{"of a key with credits, refused by word", "  unpriced_media: refuse\n", "of-tomorrow", clientKeyText, 403, 0},
		{"of a key without, refused by word", "  unpriced_media: refuse\n", "of-tomorrow", adminKeyText, 403, 0},
		{"free", "  unpriced_media: free\n", "of-tomorrow", clientKeyText, 200, 0},
		{"at a fee", "  unpriced_media: 0.25\n", "of-tomorrow", clientKeyText, 200, 250_000_000},
		{"with a price of its own", "  model_price: {of-: {per_request: 0.5}}\n", "of-tomorrow", clientKeyText, 200, 500_000_000},
		{"with a default of the file", "  model_price: {default: {per_request: 0.5}}\n", "of-tomorrow", clientKeyText, 200, 500_000_000},
	} {
		for _, m := range media {
			t.Run(test.name+m.path, func(t *testing.T) {
				test := test
				if test.preferences == "" && m.path == "/v1/moderations" { // a text: the default price is a guess like any
					test.status, test.cost = 200, -1
				}
				asked := 0
				up := act(t, func(w http.ResponseWriter, _ *http.Request) {
					asked++
					w.Header().Set("Content-Type", "application/json")
					io.WriteString(w, `{"data":[{"b64_json":"aa"}],"results":[],"text":"x"}`)
				})
				g := start(t, up.section("/v1", "of-tomorrow"), "preferences:\n  rate_limit: 1000/min\n"+test.preferences, paidKeys("10"))
				a := g.do("POST", m.path, strings.ReplaceAll(m.body, "MODEL", test.model), "Content-Type", "application/json", "Authorization", "Bearer "+test.key)
				if a.StatusCode != test.status || a.StatusCode == 403 && (!strings.Contains(a.body, `"unpriced_media"`) || !strings.Contains(a.body, `what \"of-tomorrow\" costs`)) {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
				if test.status == 403 && asked > 0 {
					t.Errorf("the provider was asked %d times", asked)
				}
				if test.status == 200 {
					g.settled(1)
				}
				state, _ := g.books.State(test.key)
				if state.Spent != test.cost && (test.cost >= 0 || state.Spent <= 0) || state.Reserved != 0 {
					t.Errorf("it cost %d, want %d; %d are held", state.Spent, test.cost, state.Reserved)
				}
			})
		}
	}
}

func TestDefaultPriceIsShownWhereItIsCharged(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both), "    model: [m, gpt-4o]\n"), "api_keys:\n  - api: "+clientKeyText+"\n    role: admin\n")
	for _, model := range []string{"m", "gpt-4o"} {
		if a := g.chat(strings.ReplaceAll(plainRequest, `"m"`, `"`+model+`"`)); a.StatusCode != 200 {
			t.Fatalf("%s: %d %s", model, a.StatusCode, a.body)
		}
	}
	for path, wants := range map[string][]string{
		"/v1/token_usage": {`"model":"m"`, `"default_price":true`},
		"/v1/overview":    {`"model":"m","upstream_model":"m","price":"1,2,1,1","default_price":true`, `"model":"gpt-4o","upstream_model":"gpt-4o","price":"2.5,10,1.25,2.5`},
	} {
		a := g.do("GET", path, "", "Authorization", "Bearer "+clientKeyText)
		if n := strings.Count(a.body, `"default_price":true`); n != 1 {
			t.Errorf("%s: %d models are at the default price: %s", path, n, a.body)
		}
		for _, want := range wants {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s has no %s: %s", path, want, a.body)
			}
		}
	}
}

// TestServiceTierIsPaidOnlyIfTheProviderIsAskedForIt names a cheap tier where the provider hears nothing of it.
func TestServiceTierIsPaidOnlyIfTheProviderIsAskedForIt(t *testing.T) {
	const price = "    preferences: {model_price: {m: {input: 3, output: 0, service: {flex: {input: 1, output: 0}, default: {input: 3, output: 0}}}}%s}\n"
	const chat = `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":0,"total_tokens":1}}`
	for _, c := range []struct {
		name, path, more, answer string
		nano                     int64
	}{
		{"it is asked for", "/v1/chat/completions", "", chat, 1000},
		{"the format has none", "/v1/messages", "", `{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":0}}`, 3000},
		{"the operator sets another", "/v1/chat/completions", ", post_body_parameter_overrides: {service_tier: default}", chat, 3000},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := act(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, c.answer)
			})
			g := start(t, up.section(c.path, "m")+fmt.Sprintf(price, c.more))
			if a := g.chat(strings.Replace(plainRequest, "{", `{"service_tier":"flex",`, 1)); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			g.settled(1)
			if state, _ := g.books.State(clientKeyText); state.Spent != c.nano {
				t.Errorf("it cost %d nano-dollars, want %d", state.Spent, c.nano)
			}
		})
	}
}
