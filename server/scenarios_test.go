package server

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
)

// inTurn plays one script after the other, the last one from there on.
func inTurn(scripts ...script) script {
	var n atomic.Int64
	return func(p *peer, r seen) bool {
		return scripts[min(int(n.Add(1)), len(scripts))-1](p, r)
	}
}

// fails is an answer with a status and a header line.
func fails(status int, header, body string) script {
	return says(strings.Replace(reply(status, jsonKind, body), "\r\n", "\r\n"+header+"\r\n", 1))
}

const refusedHeader = "X-Ratelimit: 0"

// fortyEvents begins a stream with forty events.
func fortyEvents(p *peer) {
	p.say(streamHead)
	for i := range 40 {
		p.say(chunk(event(fmt.Sprint(" word-", i))))
	}
}

// scenario is a way in which a provider misbehaves, and what the client is to get all the same, with another provider
// of the model beside it.
type scenario struct {
	name   string
	p      []script // in turn; nil: nobody listens there
	alone  bool     // there is no other provider
	within string   // in which an answer has to begin, in seconds; half a one if empty
	more   string   // of the preferences of all, besides the time for an answer to begin
	only   string   // plainRequest or streamRequest; both if empty
	status int
	from   string // the providers asked in turn
	says   string // a part of the answer
	ends   bool   // a stream comes to its end
}

// The sixteen are those of a public suite of misbehaving providers, in our own words. An outage of a minute is the
// simulation's, in package balancer.
var scenarios = []scenario{
	{name: "a limit for a moment, alone", p: []script{fails(429, "Retry-After-Ms: 30", errorBody("slow down")), both}, alone: true, status: 200, from: "p p", ends: true},
	{name: "a limit for a second, alone", p: []script{fails(429, "Retry-After: 1", errorBody("slow down")), both}, alone: true, only: plainRequest, status: 200, from: "p p", ends: true},
	{name: "a limit for a moment, beside another", p: []script{fails(429, "Retry-After: 1", errorBody("slow down"))}, status: 200, from: "p q", ends: true},
	{name: "500", p: []script{fails(500, refusedHeader, errorBody("no"))}, status: 200, from: "p q", ends: true},
	{name: "502", p: []script{fails(502, refusedHeader, "<html>")}, status: 200, from: "p q", ends: true},
	{name: "503", p: []script{fails(503, "Retry-After: 1", errorBody("no"))}, status: 200, from: "p q", ends: true},
	{name: "529", p: []script{fails(529, refusedHeader, errorBody("overloaded"))}, status: 200, from: "p q", ends: true},
	{name: "500 once, alone", p: []script{fails(500, refusedHeader, errorBody("no")), both}, alone: true, status: 200, from: "p p", ends: true},
	{name: "a reset before the head", p: []script{func(p *peer, _ seen) bool { p.reset(); return false }}, status: 200, from: "p q", ends: true},
	{name: "nobody listens", status: 200, from: "q", ends: true},
	{name: "silence", p: []script{mute}, status: 200, from: "p q", ends: true},
	{name: "a slow first event, with much time", p: []script{func(p *peer, _ seen) bool { p.say(streamHead); p.gone(); return false }}, within: "60", more: "timeout_policy: {default: {first_token: 0.3}}",
		only: streamRequest, status: 200, from: "p q", ends: true},
	{name: "a head and a slow first event", p: []script{func(p *peer, _ seen) bool { p.say(streamHead); p.gone(); return false }}, only: streamRequest, status: 200, from: "p q", ends: true},

	{name: "a cut after forty events", p: []script{func(p *peer, _ seen) bool { fortyEvents(p); return false }}, only: streamRequest, status: 200, from: "p", says: " word-39"},
	{name: "a cut after forty events, kept back", p: []script{func(p *peer, _ seen) bool { fortyEvents(p); return false }}, more: "stream_recovery: buffer", only: streamRequest, status: 200, from: "p q", ends: true},
	{name: "a cut after forty events, gone on with", p: []script{func(p *peer, _ seen) bool { fortyEvents(p); return false }}, more: "stream_recovery: continue", only: streamRequest, status: 200, from: "p q", says: " two", ends: true},
	{name: "a stall after forty events", p: []script{func(p *peer, _ seen) bool { fortyEvents(p); p.gone(); return false }}, only: streamRequest, status: 200, from: "p", says: " word-39"},
	{name: "a stall after forty events, kept back", p: []script{func(p *peer, _ seen) bool { fortyEvents(p); p.gone(); return false }}, more: "stream_recovery: buffer", only: streamRequest, status: 200, from: "p q", ends: true},
	{name: "a stall after forty events, gone on with", p: []script{func(p *peer, _ seen) bool { fortyEvents(p); p.gone(); return false }}, more: "stream_recovery: continue", only: streamRequest, status: 200, from: "p q", says: " two", ends: true},
	{name: "an end without a reason", p: []script{func(p *peer, _ seen) bool { fortyEvents(p); p.say(chunk("")); return true }}, only: streamRequest, status: 200, from: "p", says: " word-39"},
	{name: "an end without a reason, kept back", p: []script{func(p *peer, _ seen) bool { fortyEvents(p); p.say(chunk("")); return true }}, more: "stream_recovery: buffer", only: streamRequest, status: 200, from: "p q", ends: true},
	{name: "an end without a reason, gone on with", p: []script{func(p *peer, _ seen) bool { fortyEvents(p); p.say(chunk("")); return true }}, more: "stream_recovery: continue", only: streamRequest, status: 200, from: "p q", says: " two", ends: true},

	{name: "an event that is cut off", p: []script{says(streamHead + chunk(event("one")) + chunk("data: {\"choices\":[{\"delta\":{\"cont\n\n") + chunk(event(" three")) + chunk(stopEvent) + chunk(doneEvent) + chunk(""))},
		only: streamRequest, status: 200, from: "p", says: " three", ends: true},
	{name: "neither usage nor [DONE]", p: []script{says(streamHead + chunk(event("one")) + chunk(stopEvent) + chunk(""))}, only: streamRequest, status: 200, from: "p", says: "one", ends: true},
	{name: "a context that is too long", p: []script{fails(400, refusedHeader, `{"error":{"message":"This model's maximum context length is 5 tokens","code":"context_length_exceeded"}}`)}, status: 400, from: "p", says: "context_length_exceeded"},
	{name: "what must not be said", p: []script{fails(400, refusedHeader, `{"error":{"message":"refused","code":"content_policy_violation"}}`)}, status: 400, from: "p", says: "content_policy_violation"},
}

func TestMisbehavingProviderIsNotTheClientsMatter(t *testing.T) {
	t.Parallel()
	for _, test := range scenarios {
		for _, request := range []string{plainRequest, streamRequest} {
			if test.only != "" && test.only != request {
				continue
			}
			t.Run(test.name+", "+kindOfRequest(request), func(t *testing.T) {
				t.Parallel()
				var order journal
				section := "  - provider: p\n    base_url: http://127.0.0.1:1/v1\n    api: k\n    model: [m]\n"
				if test.p != nil {
					section = providerOf("p", listen(t, order.named("p", inTurn(test.p...))))
				}
				sections := []string{section, keyed("SCHEDULING_ALGORITHM: fixed_priority"), "preferences: {model_timeout: " + cmp.Or(test.within, "0.5") + ", " + test.more + "}\n"}
				if !test.alone {
					sections = append(sections, providerOf("q", listen(t, order.named("q", both))))
				}
				g := start(t, sections...)
				client := g.dial()
				client.post(request)
				resp := client.head()
				body, err := io.ReadAll(resp.Body)
				text := string(body)
				if resp.StatusCode != test.status || order.String() != test.from || !strings.Contains(text, test.says) {
					t.Errorf("%d by %q, not %d by %q: %s", resp.StatusCode, &order, test.status, test.from, text)
				}
				if request != streamRequest || test.status != 200 {
					return
				}
				if done := strings.Contains(text, "[DONE]"); done != test.ends || (err == nil) != test.ends || strings.Contains(text, `"error"`) == test.ends {
					t.Errorf("the end is %v, [DONE] %v: %s", err, done, text)
				}
			})
		}
	}
}

// A connection that died while it was idle costs nothing but another connection.
func TestStalePooledConnectionIsNoFailure(t *testing.T) {
	up := listen(t, inTurn(both, func(*peer, seen) bool { return false }, both))
	g := start(t, providerOf("p", up), keyed(""))
	for range 2 {
		if a := g.chat(plainRequest); a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		if line := g.log.Next(t, "request"); line["attempts"] != 1.0 {
			t.Errorf("logged as %v", line)
		}
	}
	if n := len(up.requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

// What is said and counted after another channel took over is the other channel's, and is counted once.
func TestModelAndUsageAreThoseOfTheChannelThatServed(t *testing.T) {
	for _, request := range []string{plainRequest, streamRequest} {
		t.Run(kindOfRequest(request), func(t *testing.T) {
			p := listen(t, fails(500, refusedHeader, errorBody("no")))
			g := start(t, providerOf("p", p, "    model: [small: m]\n"), providerOf("q", listen(t, both), "    model: [large: m]\n"), keyed("SCHEDULING_ALGORITHM: fixed_priority"))
			if a := g.chat(request); a.StatusCode != 200 || !strings.Contains(a.body, `"model":"m"`) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			line := g.log.Next(t, "request")
			if line["provider"] != "q" || line["upstream_model"] != "large" || line["model"] != "m" || line["prompt_tokens"] != 11.0 || line["completion_tokens"] != 7.0 {
				t.Errorf("logged as %v", line)
			}
			page := string(g.metricsPage())
			if !strings.Contains(page, `uniapi_prompt_tokens_total{endpoint="POST /v1/chat/completions",model="m",provider="q"} 11`) || strings.Contains(page, `uniapi_prompt_tokens_total{endpoint="POST /v1/chat/completions",model="m",provider="p"} 1`) {
				for l := range strings.Lines(page) {
					if strings.HasPrefix(l, "uniapi_prompt_tokens") {
						t.Error(l)
					}
				}
			}
		})
	}
}

// A client that leaves while a limit is waited out is not waited for.
func TestWaitForAProviderEndsWhenTheClientLeaves(t *testing.T) {
	asked := make(chan bool, 1)
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(strings.Replace(reply(429, jsonKind, errorBody("slow down")), "\r\n", "\r\nRetry-After: 3600\r\n", 1))
		asked <- true
		return true
	})
	g := start(t, providerOf("p", up), keyed(""), "preferences: {short_retry_after: 7200}\n")
	client := g.dial()
	client.post(plainRequest)
	<-asked
	client.Close()
	if line := g.log.Next(t, "request"); line["status"] != float64(statusClientGone) || line["attempts"] != 1.0 {
		t.Errorf("logged as %v", line)
	}
	if n := len(up.requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}
