package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"uniapi/codec/estimate"
	"uniapi/usage"
)

const (
	adminKeyText = "sk-admin-0123456789abcdefghijklmnop"
	otherKeyText = "sk-other-0123456789abcdefghijklmnop"
)

// bookPrices make a token in cost a thousandth of a dollar, and one out two.
const bookPrices = "preferences:\n  model_price: {default: \"1000,2000\"}\n"

// paidKeys are an admin, and a client with credits in dollars.
func paidKeys(credits string, more ...string) string {
	return "api_keys:\n  - api: " + adminKeyText + "\n    role: admin\n    model: [all]\n  - api: " + clientKeyText +
		"\n    role: payer\n    model: [all]\n    preferences:\n      credits: " + credits + "\n" + strings.Join(more, "")
}

// used is what the books hold of the test's key.
func (g *gateway) used() (u usage.TokenUsage) {
	for _, line := range g.books.TokenUsage(clientKeyText, "", time.Unix(0, 0), time.Now().Add(time.Hour)) {
		u.Prompt += line.Prompt
		u.Completion += line.Completion
		u.Cached += line.Cached
		u.Requests += line.Requests
		u.Cost = line.Cost
	}
	return u
}

// settled waits until n requests were written into the log, which is after the books.
func (g *gateway) settled(n int) {
	g.t.Helper()
	eventually(g.t, fmt.Sprintf("%d requests have ended", n), func() bool { return g.inFlight.Load() == 0 && g.log.Count("request") == n })
}

// counts is a provider of chat, or of another format by the path, that says 3 tokens in and 4 out.
func counts(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case !strings.HasSuffix(r.URL.Path, "/chat/completions"):
		playNative(w, r)
	case bytes.Contains(body, []byte(`"stream":true`)):
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, event("sunny")+stopEvent)
		if bytes.Contains(body, []byte(`"include_usage":true`)) {
			io.WriteString(w, strings.NewReplacer("11", "3", ":7", ":4", "18", "7").Replace(usageEvent))
		}
		io.WriteString(w, doneEvent)
	default:
		w.Header().Set("Content-Type", jsonKind)
		io.WriteString(w, strings.NewReplacer("11", "3", ":7", ":4", "18", "7", `_tokens":3}`, `_tokens":2}`).Replace(plainBodyOf("sunny")))
	}
}

func TestWhatAProviderCountsIsInTheBooksWhoeverAsks(t *testing.T) {
	for _, client := range []struct{ name, path, body string }{
		{"a plain chat", "/v1/chat/completions", plainRequest},
		{"a streamed chat", "/v1/chat/completions", streamRequest},
		{"a streamed chat that wants its usage", "/v1/chat/completions", `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`},
		{"a streamed chat that wants no usage", "/v1/chat/completions", `{"model":"m","stream":true,"stream_options":{"include_usage":false},"messages":[{"role":"user","content":"hi"}]}`},
		{"plain Messages", "/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`},
		{"streamed Messages", "/v1/messages", `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`},
		{"plain Gemini", "/v1beta/models/m:generateContent", `{"contents":[{"parts":[{"text":"hi"}]}]}`},
		{"streamed Gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"hi"}]}]}`},
		{"plain Responses", "/v1/responses", `{"model":"m","input":"hi"}`},
		{"streamed Responses", "/v1/responses", `{"model":"m","input":"hi","stream":true}`},
	} {
		for _, at := range []string{"/v1/chat/completions", "/v1/messages", "/v1beta", "/v1/responses"} {
			t.Run(client.name+" on "+at, func(t *testing.T) {
				g := start(t, act(t, counts).section(at, "m"), bookPrices)
				if a := g.do("POST", client.path, client.body, asClient...); a.StatusCode != 200 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
				g.settled(1)
				if u := g.used(); u.Prompt != 3 || u.Completion != 4 || u.Requests != 1 {
					t.Errorf("the books have %+v", u)
				} else if u.Cached == 0 && u.Cost != "$0.011" {
					t.Errorf("it cost %s", u.Cost)
				}
			})
		}
	}
}

func TestRequestThatFailsCostsNothing(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"an error":                          reply(500, jsonKind, `{"error":{"message":"no","type":"server_error"}}`),
		"a client's mistake":                reply(400, jsonKind, `{"error":{"message":"no","type":"invalid_request_error"}}`),
		"an error that tells of its tokens": reply(500, jsonKind, `{"error":{"message":"no"},"usage":{"prompt_tokens":11,"completion_tokens":7}}`),
		"no answer at all":                  "",
		"half of an answer":                 plainOK[:len(plainOK)-20],
		"a stream without an event":         streamHead + chunk(""),
	} {
		t.Run(name, func(t *testing.T) {
			up := listen(t, func(p *peer, _ seen) bool { p.say(answer); return false })
			g := start(t, providerOf("p", up), bookPrices)
			g.chat(plainRequest)
			g.chat(streamRequest)
			g.settled(2)
			if u := g.used(); u.Requests != 0 || u.Prompt+u.Completion != 0 {
				t.Errorf("the books have %+v", u)
			}
			if state, _ := g.books.State(clientKeyText); state.Spent != 0 {
				t.Errorf("it cost %d", state.Spent)
			}
		})
	}
}

func TestAttemptThatFailedCountsThoughAnotherServed(t *testing.T) {
	broken := listen(t, says(reply(500, jsonKind, `{"error":{"message":"no"}}`)))
	g := start(t, providerOf("broken", broken), providerOf("good", listen(t, both)), "preferences:\n  SCHEDULING_ALGORITHM: fixed_priority\n  cooldown_period: 0\n")
	for _, body := range []string{plainRequest, streamRequest} {
		if a := g.chat(body); a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	g.settled(2)
	stats := g.books.Stats(1)
	rates := fmt.Sprint(stats.Channel)
	if rates != "[{good  1 2} {broken  0 2}]" || fmt.Sprint(stats.Models) != "[{m 2}]" {
		t.Errorf("%s, %v", rates, stats.Models)
	}
	ranks := g.books.KeyRankings("broken", time.Now().Add(-time.Hour), time.Now())
	if len(ranks) != 1 || ranks[0].Total != 2 || ranks[0].Success != 0 || strings.Contains(ranks[0].Key, upstreamKeyText) {
		t.Errorf("%+v", ranks)
	}
}

func TestClientThatLeavesAStreamPaysForWhatItGot(t *testing.T) {
	long := strings.Repeat("x", 42*estimate.CharactersPerToken)
	for at, first := range map[string]string{
		"/v1/chat/completions": event(long),
		"/v1/messages": "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n" +
			"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" + long + "\"}}\n\n",
	} {
		t.Run(at, func(t *testing.T) {
			up := listen(t, func(p *peer, _ seen) bool {
				p.say(streamHead + chunk(first))
				p.gone()
				return false
			})
			g := start(t, fmt.Sprintf("  - provider: p\n    base_url: http://%s%s\n    api: %s\n    model: [m]\n", up.addr, at, upstreamKeyText), bookPrices)
			c := g.dial()
			c.send(strings.Replace(chatText(streamRequest), "/v1/chat/completions", at, 1))
			if _, err := io.ReadFull(c.head().Body, make([]byte, len(first))); err != nil {
				t.Fatal(err)
			}
			c.Close()
			g.settled(1)
			if u := g.used(); u.Requests != 1 || u.Prompt == 0 || u.Completion < 40 || u.Completion > 45 {
				t.Errorf("the books have %+v", u)
			}
			if state, _ := g.books.State(clientKeyText); state.Spent == 0 {
				t.Error("it cost nothing")
			}
		})
	}
}

func TestWhatGoesThroughAnotherKeyIsCountedOnceForTheOneThatAsked(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), bookPrices, "api_keys:\n  - api: "+clientKeyText+"\n    role: outer\n    model: ["+otherKeyText+"/*]\n  - api: "+
		otherKeyText+"\n    role: inner\n    model: [p/*]\n    preferences:\n      credits: 5\n")
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	g.settled(1)
	if u := g.used(); u.Requests != 1 || u.Prompt != 11 || u.Cost != "$0.025" {
		t.Errorf("the books of the key that asked have %+v", u)
	}
	if all := g.books.TokenUsage("", "", time.Unix(0, 0), time.Now()); len(all) != 1 {
		t.Errorf("it was counted %d times: %+v", len(all), all)
	}
	if rates := fmt.Sprint(g.books.Stats(1).Channel); rates != "[{p  1 1}]" {
		t.Errorf("the provider's rate is %s", rates)
	}
}

func TestCreditsThatAreUsedUpRefuseTheNextRequest(t *testing.T) {
	up := listen(t, both)
	for _, test := range []struct {
		credits string
		served  int // requests; each costs more than 0.02 dollars, and a little is enough to begin
	}{{"0", 0}, {"0.001", 1}, {"0.03", 2}, {"10", 5}} {
		t.Run(test.credits, func(t *testing.T) {
			g := start(t, providerOf("p", up), paidKeys(test.credits), bookPrices)
			before := len(up.requests())
			for n := range 5 {
				a := g.chat(plainRequest)
				if n < test.served {
					if a.StatusCode != 200 {
						t.Errorf("request %d: %d %s", n, a.StatusCode, a.body)
					}
					continue
				}
				a.failure(t, http.StatusTooManyRequests, "insufficient_quota")
			}
			if n := len(up.requests()) - before; n != test.served {
				t.Errorf("the provider was asked %d times", n)
			}
			if test.served < 5 {
				g.do("POST", "/v1/add_credits?amount=1&paid_key="+clientKeyText, "", "Authorization", "Bearer "+adminKeyText)
				if a := g.chat(plainRequest); (a.StatusCode == 200) != (test.credits != "0") {
					t.Errorf("after credits were added: %d %s", a.StatusCode, a.body)
				}
			}
		})
	}
}

func TestWhatARequestReservesComesBackWhateverItsEnd(t *testing.T) {
	t.Parallel()
	up := listen(t, func(p *peer, r seen) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/moderations"):
			p.say(reply(200, jsonKind, fmt.Sprintf(`{"results":[{"flagged":%v}]}`, strings.Contains(r.body, "wicked"))))
		case strings.Contains(r.body, "fail"):
			p.say(reply(500, jsonKind, `{"error":{"message":"no"}}`))
		case strings.Contains(r.body, "break"):
			p.say(streamHead + chunk(event("one")))
			return false
		case strings.Contains(r.body, "hang"):
			if strings.Contains(r.body, "stream\":true") {
				p.say(streamHead + chunk(event("one")))
			}
			p.gone()
			return false
		default:
			return both(p, r)
		}
		return true
	})
	g := start(t, providerOf("p", up, "    model: [m, omni-moderation-latest]\n    preferences: {cooldown_period: 0}\n"),
		paidKeys("1000", "      ENABLE_MODERATION: true\n"), bookPrices)
	ask := func(text, more string) string {
		return `{"model":"m",` + more + `"messages":[{"role":"user","content":"` + text + strings.Repeat(" long", 50) + `"}]}`
	}
	const stream = `"stream":true,`
	bodies := []string{
		ask("fine", ""), ask("fine", stream), ask("fail", ""), ask("fail", stream), ask("break", stream), ask("wicked", ""),
		strings.Replace(ask("fine", ""), `"m"`, `"none"`, 1), "no JSON", ask("fine", `"max_tokens":"x",`),
	}
	ended := 0
	for ended < 100 {
		for _, body := range bodies {
			resp, err := g.http.Do(g.request("POST", "/v1/chat/completions", body, asClient...))
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body) // it may break
			resp.Body.Close()
			ended++
		}
		for _, body := range []string{ask("hang", ""), ask("hang", stream)} {
			asked := len(up.requests())
			c := g.dial()
			c.post(body)
			eventually(t, "the provider is asked after the moderator", func() bool { return len(up.requests()) == asked+2 })
			if state, _ := g.books.State(clientKeyText); state.Reserved == 0 {
				t.Error("a request in flight reserves nothing")
			}
			c.Close()
			ended++
			g.settled(ended)
		}
	}
	g.settled(ended)
	state, known := g.books.State(clientKeyText)
	if !known || state.Reserved != 0 || state.Spent == 0 {
		t.Errorf("after %d requests: %+v", ended, state)
	}
}

// into unmarshals an answer that is good.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil || a.StatusCode != 200 {
		t.Fatalf("%d %v: %s", a.StatusCode, err, a.body)
	}
}

func TestWhatIsDoneInTheBackgroundIsNotForKeysWhoseUseCounts(t *testing.T) {
	up := listen(t, both)
	for _, c := range []struct {
		name, background string
		keys             []string
		status           int
	}{
		{"true", "true", []string{paidKeys("10")}, 400},
		{"what some take for true", "1", []string{paidKeys("10")}, 400},
		{"false", "false", []string{paidKeys("10")}, 200},
		{"null", "null", []string{paidKeys("10")}, 200},
		{"without credits", "true", nil, 200},
		{"a limit of requests", "true", []string{keyed("rate_limit: 5/min,2 concurrent")}, 200},
		{"a limit in dollars", "true", []string{keyed("rate_limit: 1 usd/day")}, 400},
		{"a limit in tokens", "true", []string{keyed("rate_limit: {m: 1000 tokens/day}")}, 400},
		{"a limit of another model", "true", []string{keyed("rate_limit: {other: 1000 tokens/day}")}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, append([]string{strings.Replace(providerOf("p", up), "/v1/chat/completions", "/v1/responses", 1), bookPrices}, c.keys...)...)
			a := g.do("POST", "/v1/responses", `{"model":"m","input":"x","background":`+c.background+`}`, "Authorization", "Bearer "+clientKeyText)
			if refused := strings.Contains(a.body, "'background' cannot be used"); refused != (c.status == 400) || refused && a.StatusCode != 400 {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
}
