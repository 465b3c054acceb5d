package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestModerationReadsWhatTheProviderReads says what a moderator flags in every place of every kind of request that a
// provider takes words from. The order of turns and the kinds of parts are the matter of package said.
func TestModerationReadsWhatTheProviderReads(t *testing.T) {
	served := ""
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, _ := io.ReadAll(r.Body)
		if strings.HasSuffix(r.URL.Path, "/moderations") {
			fmt.Fprintf(w, `{"results":[{"flagged":%v}]}`, strings.Contains(string(body), "BAD"))
			return
		}
		served = string(body)
		io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"data":[{"url":"u"}]}`)
	})
	g := start(t, up.section("/v1", "m, omni-moderation-latest"), keyed("ENABLE_MODERATION: true"))
	form := func(head string) string {
		return "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--B\r\nContent-Disposition: form-data; " + head + "\r\n\r\nBAD\r\n--B--\r\n"
	}
	for _, c := range []struct{ path, body string }{
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"BAD"},{"role":"assistant","content":""}]}`},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"text":"BAD"}]}]}`},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"BAD"},{"role":"assistant","tool_calls":[]},{"role":"tool","content":"x"}]}`},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"system","content":"BAD"}]}`},
		{"/v1/chat/completions", `{"model":"m","input":[{"role":"user","content":"BAD"},{"role":"assistant","content":"Sure"}]}`},
		{"/v1/messages", `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"BAD"}}]},{"role":"assistant","content":"Sure"}]}`},
		{"/v1/responses", `{"model":"m","input":[{"role":"user","content":"BAD"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":""}]}]}`},
		{"/v1/responses", `{"model":"m","instructions":"BAD","input":[]}`},
		{"/v1/responses", `{"model":"m","input":"hi","prompt":{"id":"p","variables":{"a":"BAD"}}}`},
		{"/v1/responses/compact", `{"model":"m","input":[{"role":"user","content":"BAD"},{"type":"reasoning","summary":[]}]}`},
		{"/v1beta/models/m:generateContent", `{"contents":[{"role":"user","parts":[{"text":"BAD"}]},{"role":"model","parts":[{"text":"Sure"}]}]}`},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"type":"BAD","text":"x"}]}]}`},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":\"BAD\"}"}}]},{"role":"tool","tool_call_id":"c","content":"x"}]}`},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,QgBBAEQA"}}]}]}`},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,9kJBRA=="}}]}]}`},
		{"/v1beta/models/m:generateContent", `{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"a":{"BAD":{"type":"x"}}}}}]}]}`},
		{"/v1/completions", `{"model":"m","prompt":[["BAD"]]}`},
		{"/v1/completions", `{"model":"m","prompt":"x","suffix":"BAD"}`},
		{"/v1/embeddings", `{"model":"m","input":[{"text":"BAD"}]}`},
		{"/v1/images/generations", `{"model":"m","prompt":[["BAD"]]}`},
		{"/v1/images/generations", `{"model":"m","prompt":"x","negative_prompt":"BAD"}`},
		{"/v1/audio/speech", `{"model":"m","input":"x","instructions":"BAD"}`},
		{"/v1/rerank", `{"model":"m","query":"x","documents":[{"text":"BAD"}]}`},
		{"/v1/images/edits", form(`name="prompt"`)},
		{"/v1/images/edits", form(`name="prompt"; filename="p.txt"`)},
		{"/v1/images/edits", form(`name="prompt[]"`)},
		{"/v1/images/edits", form(`name="other"; filename="p.txt"`)},
		{"/v1/audio/transcriptions", form(`name="prompt"`)},
	} {
		headers := asClient
		if strings.HasPrefix(c.body, "--") {
			headers = []string{"Authorization", "Bearer " + clientKeyText, "Content-Type", "multipart/form-data; boundary=B"}
		}
		served = ""
		if a := g.do("POST", c.path, c.body, headers...); a.StatusCode != 400 || served != "" || !strings.Contains(a.body, "moral check") && !strings.Contains(a.body, "its field") {
			t.Errorf("%s %s: %d %s", c.path, c.body, a.StatusCode, a.body)
		}
		if a := g.do("POST", c.path, strings.NewReplacer("BAD", "nice", "QgBBAEQA", "aGk=", "9kJBRA==", "aGk=").Replace(c.body), headers...); strings.Contains(a.body, "moral check") {
			t.Errorf("%s %s, harmless: %d %s", c.path, c.body, a.StatusCode, a.body)
		}
	}
}

// TestModerationRefusesWhatItCannotRead has prompts that are numbers of tokens.
func TestModerationRefusesWhatItCannotRead(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"results":[{"flagged":false}],"choices":[{"index":0,"text":"ok","finish_reason":"stop"}],"data":[{"index":0,"embedding":[1]}]}`)
	})
	for preferences, status := range map[string]int{"ENABLE_MODERATION: true": 400, "ENABLE_MODERATION: true, fail_open: true": 200, "ENABLE_MODERATION: false": 200} {
		g := start(t, up.section("/v1", "m, omni-moderation-latest"), keyed(preferences))
		if a := g.do("POST", "/v1/completions", `{"model":"m","prompt":[1,2,3]}`, asClient...); a.StatusCode != status {
			t.Errorf("%s: %d %s", preferences, a.StatusCode, a.body)
		}
		if a := g.do("POST", "/v1/embeddings", `{"model":"m","input":[[1,2,3]]}`, asClient...); a.StatusCode != 200 {
			t.Errorf("%s: embeddings: %d %s", preferences, a.StatusCode, a.body)
		}
	}
}

// TestModerationIsInTheBooks has a moderator that fails and one that judges: each is counted at its provider, and what
// it costs is the key's.
func TestModerationIsInTheBooks(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.HasPrefix(r.URL.Path, "/bad"):
			w.WriteHeader(500)
		case strings.HasSuffix(r.URL.Path, "/moderations"):
			fmt.Fprintf(w, `{"results":[{"flagged":%v}]}`, strings.Contains(string(body), "BAD"))
		default:
			io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
		}
	})
	section := func(name, path, models string) string {
		return fmt.Sprintf("  - provider: %s\n    base_url: %s%s/v1\n    api: %s\n    model: [%s]\n", name, up.URL, path, upstreamKeyText, models)
	}
	g := start(t, section("failing", "/bad", "omni-moderation-latest")+section("judge", "", "omni-moderation-latest")+section("p", "", "m"), bookPrices,
		paidKeys("1", "      ENABLE_MODERATION: true\n"))
	ask := func(text string) answer {
		return g.do("POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"`+text+`"}]}`, asClient...)
	}
	if a := ask("12345678"); a.StatusCode != 200 { // two tokens for the moderator
		t.Fatal(a.StatusCode, a.body)
	}
	if a := ask("BAD 5678"); a.StatusCode != 400 {
		t.Fatal(a.StatusCode, a.body)
	}
	g.settled(2)
	if u := g.used(); u.Requests != 3 || u.Prompt != 2+2+1 {
		t.Errorf("%+v", u)
	}
	page := string(g.metricsPage())
	for _, line := range []string{
		`uniapi_requests_total{endpoint="moderation",model="omni-moderation-latest",provider="judge",status="200"} 2`,
		`uniapi_prompt_tokens_total{endpoint="moderation",model="omni-moderation-latest",provider="judge"} 4`,
		`uniapi_attempts_total{model="omni-moderation-latest",provider="judge"} 2`,
		`uniapi_attempt_failures_total{model="omni-moderation-latest",provider="failing",reason="server"} 1`,
		`uniapi_cost_dollars_total{endpoint="moderation",model="omni-moderation-latest",provider="judge"} 0.004`,
	} {
		if !strings.Contains(page, line) {
			t.Errorf("no %s in\n%s", line, page)
		}
	}
}

// TestModeratorsWithoutAVerdictAreCharged has one that answers, and says nothing of what it was asked; what is an error
// or no answer costs nothing.
func TestModeratorsWithoutAVerdictAreCharged(t *testing.T) {
	t.Parallel()
	for says, prompt := range map[string]int64{
		`{"results":[{"flagged":false}]}`:                    2 + 1, // with what the model counts
		`{"id":"modr-1","results":[]}`:                       2 * 2, // as often as it was asked: what costs is not asked again without end
		`{"results":[],"usage":{"prompt_tokens":7}}`:         7 * 2,
		`{"results":"` + strings.Repeat("x", 256<<10) + `"}`: 2 * 2, // longer than any verdict
		`{"error":{"message":"no"}}`:                         0,
		`<html>`:                                             0,
	} {
		up := act(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if strings.HasSuffix(r.URL.Path, "/moderations") {
				io.WriteString(w, says)
				return
			}
			io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
		})
		g := start(t, up.section("/v1", "m, omni-moderation-latest"), bookPrices, paidKeys("1", "      ENABLE_MODERATION: true\n"))
		a := g.do("POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"12345678"}]}`, asClient...)
		g.settled(1)
		if u := g.used(); u.Prompt != prompt {
			t.Errorf("%.60s: %d %.200s; charged %+v", says, a.StatusCode, a.body, u)
		}
	}
}

// A request for moderation that names no model goes to what is configured.
func TestModerationWithoutAModelGoesToWhatIsConfigured(t *testing.T) {
	for _, test := range []struct{ models, want string }{
		{"[m, text-moderation-latest]", "text-moderation-latest"}, {"[text-moderation-latest, omni-moderation-latest]", "omni-moderation-latest"},
		{"[m, mistral-moderation-2411]", "mistral-moderation-2411"},
	} {
		up := listen(t, both)
		g := start(t, providerOf("p", up, "    model: "+test.models+"\n"))
		g.do("POST", "/v1/moderations", `{"input":"hi"}`, asClient...)
		if sent := up.requests(); len(sent) == 0 || !strings.Contains(sent[0].body, `"model":"`+test.want+`"`) {
			t.Errorf("%s: sent %v", test.models, sent)
		}
	}
	g := start(t, providerOf("p", listen(t, both)))
	if a := g.do("POST", "/v1/moderations", `{"input":"hi"}`, asClient...); a.StatusCode != 404 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// What the gateway asks on its own comes over no connection; where it comes from is where the request does that it is
// asked for.
func TestModeratedRequestIsServedWhereAKeyMayBeUsedFromSomeAddressesOnly(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"results":[{"flagged":false}],"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}`)
	})
	inner := "  - api: " + otherKeyText + "\n    role: inner\n    model: [all]\n    preferences: {allow_ips: 198.51.100.7}\n"
	g := startWith(t, Options{TrustedProxies: loopback(t)}, up.section("/v1", "m, omni-moderation-latest"),
		"api_keys:\n  - api: "+clientKeyText+"\n    role: outer\n    model: ["+otherKeyText+"/*]\n    preferences: {ENABLE_MODERATION: true}\n"+inner)
	if a := g.chat(plainRequest, "X-Forwarded-For", "198.51.100.7"); a.StatusCode != 200 {
		t.Errorf("from where the inner key may be used: %d %s", a.StatusCode, a.body)
	}
	if a := g.chat(plainRequest, "X-Forwarded-For", "198.51.100.8"); a.StatusCode == 200 || a.StatusCode == 500 {
		t.Errorf("from elsewhere: %d %s", a.StatusCode, a.body)
	}
}
