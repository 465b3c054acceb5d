package server

import (
	"strings"
	"sync"
	"testing"
)

// strict refuses stream_options.
func strict(status int, answer string) script {
	return func(p *peer, r seen) bool {
		if strings.Contains(r.body, "stream_options") {
			p.say(reply(status, jsonKind, answer))
			return true
		}
		return both(p, r)
	}
}

// What the gateway adds to a stream of its own accord never is what a client is refused for.
func TestProviderThatRefusesOurStreamOptionsIsAskedWithout(t *testing.T) {
	const extra = `{"error":{"message":"Extra inputs are not permitted: stream_options","type":"invalid_request_error"}}`
	asked := strings.Replace(streamRequest, `"stream":true`, `"stream":true,"stream_options":{"include_usage":true}`, 1)
	for _, c := range []struct {
		name   string
		status int
		answer string
		path   string
		body   string
		served bool
		times  int // the provider is asked for the first request
	}{
		{"422", 422, extra, chatPath, streamRequest, true, 2},
		{"400, named by the parameter alone", 400, `{"error":{"message":"Unrecognized argument","param":"stream_options","type":"invalid_request_error"}}`, chatPath, streamRequest, true, 2},
		{"by what is in it", 400, `{"error":{"message":"include_usage: unknown field"}}`, chatPath, streamRequest, true, 2},
		{"as pydantic says it", 422, `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}`, chatPath, streamRequest, true, 2},
		{"translated", 422, extra, "/v1/messages", `{"model":"m","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"hi"}]}`, true, 2},
		{"for another reason", 422, `{"error":{"message":"temperature is too high"}}`, chatPath, streamRequest, false, 1},
		{"no mistake of ours", 500, extra, chatPath, streamRequest, false, 1},
		{"the client's own", 422, extra, chatPath, asked, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := listen(t, strict(c.status, c.answer))
			g := start(t, providerOf("p", up), "preferences: {cooldown_period: 0}\n", once)
			a := g.do("POST", c.path, c.body, asClient...)
			if (a.StatusCode == 200) != c.served {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			if n := len(up.requests()); n != c.times {
				t.Errorf("asked %d times", n)
			}
			if !c.served {
				return
			}
			if line := g.log.Next(t, "request"); line["attempts"] != 1.0 || line["prompt_tokens"] == 0.0 {
				t.Errorf("the log: %v", line)
			}
			g.Apply(g.snapshot.Load().config) // what is known stays
			g.do("POST", c.path, c.body, asClient...)
			if n := len(up.requests()); n != c.times+1 {
				t.Errorf("the second request asked %d times", n-c.times)
			}
		})
	}
}

// An error may repeat what the client has made up. Nobody has streams go without their
// usage, which may be thoughts that cost much, by having a provider name its options.
func TestWhatAClientHasAProviderSayEndsNoUsage(t *testing.T) {
	refused := reply(400, jsonKind, `{"error":{"message":"Error while downloading https://a.example/stream_options.png"}}`)
	first := true
	for _, c := range []struct {
		name   string
		before bool // somebody was served before
		refuse func(body string) bool
		status int
	}{
		{"with and without them, first of all", false, func(body string) bool { return strings.Contains(body, "trick") }, 400},
		{"with and without them", true, func(body string) bool { return strings.Contains(body, "trick") }, 400},
		{"once, where others are served", true, func(body string) bool { was := first; first = false; return was && strings.Contains(body, "trick") }, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := listen(t, func(p *peer, r seen) bool {
				if c.refuse(r.body) {
					p.say(refused)
					return true
				}
				return both(p, r)
			})
			g := start(t, providerOf("p", up), "preferences: {cooldown_period: 0}\n", once)
			if c.before {
				if a := g.chat(streamRequest); a.StatusCode != 200 {
					t.Fatal(a.StatusCode, a.body)
				}
			}
			first = true
			if a := g.chat(strings.Replace(streamRequest, `"content":"`, `"content":"trick`, 1)); a.StatusCode != c.status {
				t.Errorf("the trick is answered with %d", a.StatusCode)
			}
			g.chat(streamRequest)
			all := up.requests()
			if last := all[len(all)-1]; !strings.Contains(last.body, `"include_usage":true`) {
				t.Errorf("the next stream is not asked for its usage: %s", last.body)
			}
		})
	}
}

func TestRequestsThatAreRefusedTogetherAreAllServed(t *testing.T) {
	const crowd = 8
	var there sync.WaitGroup
	there.Add(crowd)
	plain := strict(422, `{"error":{"message":"stream_options is not known"}}`)
	up := listen(t, func(p *peer, r seen) bool {
		if strings.Contains(r.body, "stream_options") {
			there.Done()
			there.Wait()
		}
		return plain(p, r)
	})
	g := start(t, providerOf("p", up), once)
	var all sync.WaitGroup
	for range crowd {
		all.Go(func() {
			if a := g.chat(streamRequest); a.StatusCode != 200 {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	all.Wait()
}
