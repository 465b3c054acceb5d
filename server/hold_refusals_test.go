package server

import (
	"fmt"
	"strings"
	"testing"
)

// messagesRequest is a request in Anthropic's format.
func messagesRequest(stream bool) string {
	return fmt.Sprintf(`{"model":"m","stream":%v,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, stream)
}

// large is an answer that says much.
func large(size int) string { return reply(200, jsonKind, plainBodyOf(strings.Repeat("x", size))) }

// What the gateway has no room for is no failure of the provider: the next one is asked, and nothing rests.
func TestRefusalOfOurOwnIsNoFailureOfTheProvider(t *testing.T) {
	for _, tt := range []struct {
		name, path, request string
		answer              string
	}{
		{"an answer", chatPath, plainRequest, large(4 << 20)},
		{"an answer in chunks", chatPath, plainRequest, streamedAs(jsonKind, plainBodyOf(strings.Repeat("x", 4<<20)))},
		{"an answer to be translated", "/v1/messages", messagesRequest(false), large(1 << 20)},
		{"an event that does not end, to be translated", "/v1/messages", messagesRequest(true), streamedAs("text/event-stream", "data: {"+strings.Repeat(" ", 4<<20))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			much := true
			up := listen(t, func(p *peer, r seen) bool {
				if !much {
					return both(p, r)
				}
				p.say(tt.answer)
				p.gone()
				return false
			})
			good := listen(t, both)
			const order = "preferences: {SCHEDULING_ALGORITHM: fixed_priority}\n"
			g := startWith(t, Options{RequestMemory: 2 << 20}, providerOf("large", up, "    model: [m, alone]\n"), providerOf("good", good), order)
			ask := func(model string) answer {
				return g.do("POST", tt.path, strings.Replace(tt.request, `"m"`, model, 1), "Authorization", "Bearer "+clientKeyText)
			}
			if a := ask(`"m"`); a.StatusCode != 200 || len(good.requests()) != 1 {
				t.Errorf("with another: %d %.200s, which was asked %d times", a.StatusCode, a.body, len(good.requests()))
			}
			a := ask(`"alone"`)
			if a.StatusCode != 502 || !strings.Contains(a.body, "--request-memory") {
				t.Errorf("alone: %d %.200s", a.StatusCode, a.body)
			}
			if a.Header.Get("Retry-After") != "" {
				t.Error("what never fits is to be tried again")
			}
			for _, c := range g.books.Stats(1).Channel {
				if c.Provider == "large" && c.Rate < 1 {
					t.Errorf("the books count it as a failure: %+v", c)
				}
			}
			much = false
			if a := ask(`"m"`); a.StatusCode != 200 || len(good.requests()) != 1 {
				t.Errorf("afterwards the first is not asked: %d %.200s", a.StatusCode, a.body)
			}
			eventually(t, "nothing is held", func() bool { return g.budget.Taken() == 0 })
		})
	}
}

// A stream that the client has begun to read is cut, and the provider rests as little.
func TestStreamThatThereIsNoRoomForIsCutAndRestsNothing(t *testing.T) {
	endless := true
	up := listen(t, func(p *peer, r seen) bool {
		if !endless {
			return both(p, r)
		}
		p.say(streamHead + chunk(event("one")))
		p.say(chunk("data: {" + strings.Repeat(" ", 4<<20)))
		p.gone()
		return false
	})
	good := listen(t, both)
	g := startWith(t, Options{RequestMemory: 2 << 20}, providerOf("endless", up), providerOf("good", good), "preferences: {SCHEDULING_ALGORITHM: fixed_priority}\n")
	c := g.dial()
	c.send(strings.Replace(chatText(messagesRequest(true)), chatPath, "/v1/messages", 1))
	if text := c.rest(); !strings.Contains(text, `"one"`) || !strings.Contains(text, "--request-memory") || strings.HasSuffix(text, "0\r\n\r\n") {
		t.Errorf("got %.300q … %.300q", text, text[max(0, len(text)-300):])
	}
	eventually(t, "nothing is held", func() bool { return g.budget.Taken() == 0 && g.inFlight.Load() == 0 })
	endless = false
	if a := g.chat(streamRequest); a.StatusCode != 200 || len(good.requests()) != 0 {
		t.Errorf("afterwards: %d %.200s; the other was asked %d times", a.StatusCode, a.body, len(good.requests()))
	}
}

// A provider's error is judged by its status where there is no room to read it.
func TestErrorThatThereIsNoRoomForIsJudgedByItsStatus(t *testing.T) {
	up := listen(t, says(reply(429, jsonKind, errorBody(strings.Repeat("x", 1<<20)))))
	g := startWith(t, Options{RequestMemory: 64 << 10}, providerOf("limited", up))
	if a := g.chat(plainRequest); a.StatusCode != 429 || !strings.Contains(a.body, "429") {
		t.Errorf("%d %.300s", a.StatusCode, a.body)
	}
}

// streamedAs is an answer of a kind, in one chunk of those that follow.
func streamedAs(kind, text string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n%s%s", kind, chunk(text), chunk(""))
}
