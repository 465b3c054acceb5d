package server

import (
	"strings"
	"testing"
	"time"
)

// Comments, a head and what only leads to an answer are none: the time until it begins goes on.
func TestWhatIsNoAnswerDoesNotKeepAnotherChannelFromBeingAsked(t *testing.T) {
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
			g := start(t, keyed("SCHEDULING_ALGORITHM: fixed_priority"), impatient, providerOf("p", listen(t, test.up), engine), providerOf("well", well))
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
