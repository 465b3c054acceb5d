package server

import (
	"strings"
	"testing"
	"time"
)

// Comments, a head and what only leads to an answer are none: the time until it begins goes on.
func TestWhatIsNoAnswerDoesNotKeepAnotherChannelFromBeingAsked(t *testing.T) {
	t.Parallel()
	dripping := func(head, drip string) script {
		return func(p *peer, _ seen) bool {
			p.say(head)
			for gone := p.leaves(); ; {
				p.say(chunk(drip))
				select {
				case <-gone:
					return false
				case <-time.After(20 * time.Millisecond):
				}
			}
		}
	}
	began := "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n"
	pings := "event: ping\ndata: {\"type\":\"ping\"}\n\n"
	for name, test := range map[string]struct {
		up                    script
		engine, path, request string
	}{
		"comments":                         {up: dripping(streamHead, ": wait\n\n"), request: streamRequest},
		"comments in pieces":               {up: dripping(streamHead, ": wai"), request: streamRequest},
		"empty lines":                      {up: dripping(streamHead, "\n"), request: streamRequest},
		"a head alone":                     {up: func(p *peer, _ seen) bool { p.say(streamHead); p.gone(); return false }, request: streamRequest},
		"comments where none was wanted":   {up: dripping(streamHead, ": wait\n\n"), request: plainRequest},
		"pings":                            {up: dripping(streamHead+chunk(began), pings), engine: "claude", request: streamRequest},
		"pings, passed on":                 {up: dripping(streamHead+chunk(began), pings), engine: "claude", path: "/v1/messages", request: `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`},
		"comments, translated":             {up: dripping(streamHead, ": wait\n\n"), path: "/v1/messages", request: `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`},
		"comments of images":               {up: dripping(streamHead, ": wait\n\n"), path: "/v1/images/generations", request: `{"model":"m","prompt":"a cat","stream":true}`},
		"pieces of comments before images": {up: dripping(streamHead, ": wai"), path: "/v1/images/generations", request: `{"model":"m","prompt":"a cat","stream":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := ""
			if test.engine != "" {
				engine = "    engine: " + test.engine + "\n"
			}
			well := listen(t, both)
			g := start(t, keyed("SCHEDULING_ALGORITHM: fixed_priority"), nobodyRests, providerOf("p", listen(t, test.up), engine, hurried), providerOf("well", well))
			path := test.path
			if path == "" {
				path = "/v1/chat/completions"
			}
			a := g.do("POST", path, test.request, "Authorization", "Bearer "+clientKeyText)
			if a.StatusCode != 200 || len(well.requests()) != 1 || strings.Contains(a.body, "wait") {
				t.Errorf("%d %s; %d requests went further", a.StatusCode, a.body, len(well.requests()))
			}
		})
	}
}

// White space before an answer in JSON keeps it waiting for longer than silence does, but not without end.
func TestWhiteSpaceBeforeAnAnswerIsNotWaitedForWithoutEnd(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	blank := func(times int, then string) script {
		return func(p *peer, _ seen) bool {
			p.say(head)
			gone := p.leaves()
			for range times {
				p.say(chunk("\n"))
				select {
				case <-gone:
					return false
				case <-time.After(20 * time.Millisecond):
				}
			}
			p.say(chunk(then) + chunk(""))
			<-gone
			return false
		}
	}
	for name, test := range map[string]struct {
		search        time.Duration
		times, status int
	}{
		"for longer than silence": {time.Minute, 70, 200},
		"without end":             {1500 * time.Millisecond, 1 << 30, 504},
	} {
		for path, request := range map[string]string{"/v1/chat/completions": plainRequest, "/v1/chat/completions?": streamRequest, "/v1/embeddings": `{"model":"m","input":"hi"}`} {
			t.Run(name+" "+path, func(t *testing.T) {
				t.Parallel()
				g := startWith(t, Options{longestSearch: test.search}, keyed(""), "preferences: {model_timeout: 1}\n", providerOf("p", listen(t, blank(test.times, everything))))
				if a := g.do("POST", path, request, "Authorization", "Bearer "+clientKeyText); a.StatusCode != test.status {
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
			})
		}
	}
}
