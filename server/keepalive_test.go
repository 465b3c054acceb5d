package server

import (
	"strings"
	"testing"

	"uniapi/codec"
)

const everySecond = "    preferences: {keepalive_interval: {m: 0.1}}\n"

func TestCommentsBeginWhileAttemptsGoOnBehindThem(t *testing.T) {
	goOn := make(chan bool)
	slow := listen(t, func(p *peer, _ seen) bool {
		<-goOn
		p.say(reply(503, jsonKind, `{"error":{"message":"busy"}}`))
		return true
	})
	g := start(t, providerOf("slow", slow, everySecond), providerOf("well", listen(t, both)))
	c := g.dial()
	c.post(streamRequest, "Connection", "close")
	head := c.head()
	if head.StatusCode != 200 || !strings.HasPrefix(head.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%d %v", head.StatusCode, head.Header)
	}
	got := make([]byte, 2*len(codec.Comment))
	for n := 0; n < len(got); {
		m, err := head.Body.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if string(got) != strings.Repeat(string(codec.Comment), 2) {
		t.Errorf("began with %q", got)
	}
	close(goOn)
	if rest := strings.ReplaceAll(c.rest(), string(codec.Comment), ""); !strings.Contains(rest, event("one")) || !strings.Contains(rest, doneEvent) {
		t.Errorf("ended with %q", rest)
	}
	if line := g.log.Next(t, "request"); line["status"] != 200.0 || line["provider"] != "well" || line["attempts"] != 2.0 {
		t.Errorf("logged as %v", line)
	}
}

func TestIfAllFailBehindCommentsTheErrorIsTheStreamsLastEvent(t *testing.T) {
	goOn := make(chan bool)
	slow := listen(t, func(p *peer, _ seen) bool {
		<-goOn
		p.say(reply(503, jsonKind, `{"error":{"message":"busy"}}`))
		return true
	})
	g := start(t, providerOf("slow", slow, everySecond), once)
	c := g.dial()
	c.post(streamRequest, "Connection", "close")
	c.head()
	close(goOn)
	if rest := c.rest(); !strings.Contains(rest, `data: {"error":{"message":"busy"`) || strings.Contains(rest, "[DONE]") {
		t.Errorf("got %q", rest)
	}
	if line := g.log.Next(t, "request"); line["status"] != 503.0 {
		t.Errorf("logged as %v", line)
	}
}

func TestFailureBeforeTheFirstCommentKeepsItsStatus(t *testing.T) {
	g := start(t, providerOf("p", listen(t, says(reply(503, jsonKind, `{"error":{"message":"busy"}}`))),
		"    preferences: {keepalive_interval: {m: 30}}\n"), once)
	g.chat(streamRequest).failure(t, 503, "")
}

func TestClientThatLeavesEndsTheAttemptsBehindComments(t *testing.T) {
	left := make(chan bool, 1)
	slow := listen(t, func(p *peer, _ seen) bool {
		p.gone()
		left <- true
		return false
	})
	g := start(t, providerOf("slow", slow, everySecond))
	c := g.dial()
	c.post(streamRequest, "Connection", "close")
	c.head()
	c.Close()
	receive(t, left, "the upstream's connection closed")
	if line := g.log.Next(t, "request"); line["status"] != 499.0 {
		t.Errorf("logged as %v", line)
	}
}

func TestPauseInAStreamIsFilledWithComments(t *testing.T) {
	goOn := make(chan bool)
	pausing := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")))
		<-goOn
		p.say(chunk(event(" two")) + chunk(stopEvent+doneEvent) + chunk(""))
		return true
	})
	g := start(t, providerOf("p", pausing, everySecond))
	c := g.dial()
	c.post(streamRequest, "Connection", "close")
	body := c.head().Body
	seen := ""
	for buffer := make([]byte, 512); !strings.Contains(seen, event("one")+string(codec.Comment)+string(codec.Comment)); {
		n, err := body.Read(buffer)
		if err != nil {
			t.Fatalf("%v after %q", err, seen)
		}
		seen += string(buffer[:n])
	}
	close(goOn)
	if rest := c.rest(); !strings.Contains(rest, event(" two")+stopEvent+doneEvent) {
		t.Errorf("ended with %q", rest)
	}
}
