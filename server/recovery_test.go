package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"uniapi/codec"
	"uniapi/server/relay"
)

// breaks are ends of a stream that is not complete, behind two events.
var breaks = []struct {
	name string
	play func(p *peer)
}{
	{"the connection is closed", func(*peer) {}},
	{"the connection is reset", func(p *peer) { p.reset() }},
	{"it ends without its end", func(p *peer) { p.say(chunk("")) }},
	{"an error", func(p *peer) { p.say(chunk("data: "+errorBody("overloaded")+"\n\n") + chunk("")) }},
	{"it stands still", func(p *peer) { p.gone() }},
}

// breaking is a stream that breaks after two events.
func breaking(play func(p *peer)) script {
	return func(p *peer, r seen) bool {
		p.say(streamHead + chunk(event("half")) + chunk(event(" an answer")))
		play(p)
		return false
	}
}

const bufferAll = "preferences: {stream_recovery: buffer, cooldown_period: 0, model_timeout: 1}\n"

// Whoever waits for whole streams is served by another channel, and sees nothing of
// the one that broke.
func TestStreamThatBreaksIsServedElsewhereBeforeAnythingOfItIsSeen(t *testing.T) {
	t.Parallel()
	for _, b := range breaks {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			up := listen(t, breaking(b.play))
			g := start(t, providerOf("broken", up), providerOf("well", listen(t, both)), bufferAll)
			a := g.chat(streamRequest)
			if a.StatusCode != 200 || strings.Contains(a.body, "half") || a.body != streamed(t) {
				t.Errorf("%d %q", a.StatusCode, a.body)
			}
			if n := len(up.requests()); n != 1 {
				t.Errorf("the broken one was asked %d times", n)
			}
		})
	}
}

// streamed is what a stream of both comes to, without the setting.
func streamed(t *testing.T) string {
	t.Helper()
	return start(t, providerOf("p", listen(t, both))).chat(streamRequest).body
}

// If nobody can serve, the client gets an error with a status, as of any request.
func TestStreamThatBreaksEverywhereIsAnError(t *testing.T) {
	t.Parallel()
	for _, b := range breaks {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			g := start(t, providerOf("a", listen(t, breaking(b.play))), providerOf("b", listen(t, breaking(b.play))), bufferAll, once)
			a := g.chat(streamRequest)
			if a.StatusCode < 500 || strings.Contains(a.body, "half") || a.Header.Get("Content-Type") != jsonKind {
				t.Errorf("%d %s %q", a.StatusCode, a.Header.Get("Content-Type"), a.body)
			}
		})
	}
}

func TestWhoWaitsForWholeStreams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, global, provider, key string
		path, body                  string
		waits                       bool
	}{
		{"nobody", "", "", "", "", "", false},
		{"all", "stream_recovery: buffer", "", "", "", "", true},
		{"the provider's", "", "stream_recovery: buffer", "", "", "", true},
		{"the key's", "", "", "stream_recovery: buffer", "", "", true},
		{"all but the provider's", "stream_recovery: buffer", "stream_recovery: error", "", "", "", false},
		{"the provider's but not the key's", "", "stream_recovery: buffer", "stream_recovery: error", "", "", false},
		{"those of Responses", "", "responses_stream_commit_policy: completed_usage", "", "/v1/responses", `{"model":"m","stream":true,"input":"hi"}`, true},
		{"those of Responses, and not chat", "", "responses_stream_commit_policy: completed_usage", "", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			goOn := make(chan bool)
			up := listen(t, waiting(goOn))
			g := start(t, providerOf("p", up, "    preferences: {"+c.provider+"}\n"), "preferences: {"+c.global+"}\n",
				"api_keys:\n  - {api: "+clientKeyText+", role: tester, preferences: {"+c.key+"}}\n")
			client := g.dial()
			if c.path == "" {
				client.post(streamRequest)
			} else {
				client.send(strings.Replace(fmt.Sprintf("POST PATH HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", clientKeyText, len(c.body), c.body), "PATH", c.path, 1))
			}
			eventually(t, "the provider is asked", func() bool { return len(up.requests()) == 1 })
			if !c.waits {
				io.ReadAtLeast(client.head().Body, make([]byte, 10), 10) // an event comes at once
				close(goOn)
				return
			}
			client.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if _, err := client.br.Peek(1); err == nil {
				t.Error("something comes before the end")
			}
			client.SetReadDeadline(time.Now().Add(patience))
			close(goOn)
			resp, err := http.ReadResponse(client.br, nil)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(text), "one") || !strings.Contains(string(text), " two") {
				t.Errorf("%v %q", err, text)
			}
		})
	}
}

// A client that waits is shown that somebody is there.
func TestCommentsComeWhileAWholeStreamIsWaitedFor(t *testing.T) {
	goOn := make(chan bool)
	g := start(t, providerOf("p", listen(t, waiting(goOn))), "preferences: {stream_recovery: buffer, keepalive_interval: 0.05}\n")
	client := g.dial()
	client.post(streamRequest)
	resp := client.head()
	first := make([]byte, len(codec.Comment))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != string(codec.Comment) {
		t.Errorf("%v %q", err, first)
	}
	close(goOn)
	text, err := io.ReadAll(resp.Body)
	if whole := strings.ReplaceAll(string(text), string(codec.Comment), ""); err != nil || whole != event("one")+event(" two")+stopEvent+doneEvent {
		t.Errorf("%v %q", err, text)
	}
}

// A stream too long to be kept goes out as it comes.
func TestLongStreamDoesNotWaitForItsEnd(t *testing.T) {
	goOn := make(chan bool)
	piece := chunk(event(strings.Repeat("long ", 50_000)))
	up := listen(t, func(p *peer, r seen) bool {
		p.say(streamHead)
		for range relay.MostBuffered/len(piece) + 2 {
			p.say(piece)
		}
		<-goOn
		p.say(chunk(stopEvent) + chunk(doneEvent) + chunk(""))
		return true
	})
	g := start(t, providerOf("p", up), "preferences: {stream_recovery: buffer}\n")
	client := g.dial()
	client.post(streamRequest)
	body := client.head().Body
	if _, err := io.ReadFull(body, make([]byte, relay.MostBuffered)); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if rest, err := io.ReadAll(body); err != nil || !strings.HasSuffix(string(rest), doneEvent) {
		t.Errorf("%v %.50q", err, rest)
	}
}

// Translated streams wait, too, and what they cost is counted.
func TestTranslatedStreamThatBreaksIsServedElsewhere(t *testing.T) {
	broken := listen(t, func(p *peer, r seen) bool {
		whole := anthropicStream
		p.say(whole[:strings.Index(whole, "event: message_delta")])
		return false
	})
	well := listen(t, func(p *peer, r seen) bool { p.say(anthropicStream); return false })
	claude := func(name string, u *upstream) string {
		return strings.Replace(providerOf(name, u, "    engine: claude\n"), "/chat/completions", "/messages", 1)
	}
	g := start(t, claude("broken", broken), claude("well", well), bufferAll)
	a := g.chat(streamRequest)
	if a.StatusCode != 200 || !strings.HasSuffix(a.body, doneEvent) {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
	if line := g.log.Next(t, "request"); line["provider"] != "well" || line["attempts"] != 2.0 {
		t.Errorf("the log: %v", line)
	}
}

// TestAnswersThatBreakAreRepeatedSeldom has providers of which none gets to its end: each answer that has begun may be
// on the bill.
func TestAnswersThatBreakAreRepeatedSeldom(t *testing.T) {
	for _, c := range []struct {
		channels, each int
	}{{1, 2}, {2, 2}, {4, 1}, {6, 1}} {
		var ups []*upstream
		config := []string{bufferAll}
		for i := range c.channels {
			ups = append(ups, listen(t, breaking(breaks[0].play)))
			config = append(config, providerOf(fmt.Sprint("p", i), ups[i]))
		}
		g := start(t, config...)
		a := g.chat(streamRequest)
		asked := 0
		for _, up := range ups {
			n := len(up.requests())
			if asked += n; n > c.each {
				t.Errorf("%d channels: one was asked %d times", c.channels, n)
			}
		}
		if a.StatusCode != 502 || asked != min(c.channels*c.each, 4) {
			t.Errorf("%d channels: %d after %d answers", c.channels, a.StatusCode, asked)
		}
	}
}
