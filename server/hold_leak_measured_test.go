//go:build !race

package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Whatever becomes of requests that hold much, in the end nothing of the budget is held: not a byte, by nobody.
func TestNothingIsHeldAfterAThousandOutcomes(t *testing.T) {
	good := listen(t, func(p *peer, r seen) bool {
		if wantsStream(r) {
			p.say(streamHead)
			for range 30 {
				p.say(chunk(event(strings.Repeat("x", 10_000))))
			}
			p.say(chunk(stopEvent) + chunk(doneEvent) + chunk(""))
		} else {
			p.say(large(300_000))
		}
		return true
	})
	silent := listen(t, func(p *peer, _ seen) bool { p.gone(); return false })
	idle := listen(t, func(p *peer, _ seen) bool { p.say(streamHead + chunk(event("one"))); p.gone(); return false })
	strange := listen(t, says(reply(200, jsonKind, `{"choices":"`+strings.Repeat("x", 100_000)+`"}`)))
	failing := listen(t, says(reply(500, jsonKind, errorBody(strings.Repeat("x", 300_000)))))
	packs := listen(t, func(p *peer, _ seen) bool {
		text := pack(event("one") + stopEvent + doneEvent)
		p.say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(text), text))
		return true
	})
	google := listen(t, says(reply(200, jsonKind, `{"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}]}`)))
	one := func(name string, up *upstream) string { return providerOf(name, up, "    model: ["+name+"]\n") }
	sections := []string{
		one("good", good), one("silent", silent), one("idle", idle), one("strange", strange), one("failing", failing), one("packs", packs),
		"  - provider: refused\n    base_url: http://127.0.0.1:1/v1\n    api: k\n    model: [refused]\n",
		"  - provider: google\n    base_url: http://" + google.addr + "/v1beta\n    engine: gemini\n    api: k\n    model: [google]\n",
		// The second provider of a model is asked when the first has held something in vain.
		providerOf("first", failing, "    model: [twice]\n"), providerOf("second", good, "    model: [twice]\n"),
		"preferences:\n  cooldown_period: 0\n  image_fetch: {allow: 127.0.0.1}\n  timeout_policy: {default: {first_byte: 0.1, idle: 0.1, total: 0.3}}\n",
	}
	const messages = "/v1/messages"
	ask := func(path, body string, header ...string) func(c *client) {
		text := strings.Replace(chatText(body, append(header, "Connection", "close")...), chatPath, path, 1)
		return func(c *client) { io.WriteString(c.TCPConn, text); io.Copy(io.Discard, c.br) }
	}
	// leaving sends a request, reads so much of the answer, and is gone.
	leaving := func(path, body string, sent, read int) func(c *client) {
		text := strings.Replace(chatText(body), chatPath, path, 1)
		return func(c *client) {
			io.WriteString(c.TCPConn, text[:min(sent, len(text))])
			io.CopyN(io.Discard, c.br, int64(read))
			c.SetLinger(0)
		}
	}
	const whole = 1 << 30
	outcomes := map[string]func(c *client){
		"a bad key":             ask(chatPath, heavy("good", false), "X", "y\r\nAuthorization: Bearer none"),
		"no such model":         ask(chatPath, heavy("none", false)),
		"no JSON":               ask(chatPath, strings.Repeat("x", 100_000)),
		"no messages":           ask(messages, `{"model":"good","x":"`+strings.Repeat("x", 100_000)+`"}`),
		"bad compression":       ask(chatPath, pack(heavy("good", false))[:300]+strings.Repeat("x", 100_000), "Content-Encoding", "gzip"),
		"compressed":            ask(chatPath, pack(heavy("good", false)), "Content-Encoding", "gzip"),
		"too large":             ask(chatPath, saying(30<<20)("good", "")),
		"translation fails":     ask(messages, `{"model":"google","max_tokens":9,"messages":[{"role":"user","content":[`+filled(`{"type":"odd"}`, 100_000)+`]}]}`),
		"an image is not there": ask(chatPath, `{"model":"google","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://127.0.0.1:1/"}},{"type":"text","text":"`+strings.Repeat("x", 100_000)+`"}]}]}`),
		"two at once": func(c *client) {
			io.WriteString(c.TCPConn, chatText(heavy("good", false))+chatText(heavy("good", true), "Connection", "close"))
			io.Copy(io.Discard, c.br)
		},
	}
	for _, path := range []string{chatPath, messages} {
		for _, stream := range []bool{false, true} {
			at := fmt.Sprintf("%s %v ", path, stream)
			for _, model := range []string{"good", "silent", "idle", "strange", "failing", "packs", "refused", "google", "twice"} {
				outcomes[at+model] = ask(path, heavy(model, stream))
			}
			outcomes[at+"gone while sending"] = leaving(path, heavy("good", stream), 100_000, 0)
			outcomes[at+"gone before the answer"] = leaving(path, heavy("silent", stream), whole, 0)
			outcomes[at+"gone in the answer"] = leaving(path, heavy("good", stream), whole, 20_000)
			outcomes[at+"gone in a stream"] = leaving(path, heavy("idle", stream), whole, 100)
			outcomes[at+"gone at the fetching"] = leaving(path, heavy("google", stream), whole, 0)
		}
	}
	for name, text := range deaths {
		up := listen(t, func(p *peer, _ seen) bool { p.say(text); return false })
		model := "dead-" + strings.ReplaceAll(name, " ", "-")
		sections = append(sections, one(model, up))
		outcomes["dead "+name] = ask(chatPath, heavy(model, true))
		outcomes["dead, to be translated, "+name] = ask(messages, heavy(model, false))
	}
	g := startWith(t, Options{RequestMemory: 24 << 20}, sections...)
	faulty := g.serveFaulty()
	for _, where := range []string{"/attempt", "/stream"} {
		send := ask(where, heavy("good", where == "/stream"))
		outcomes["panic at "+where] = func(c *client) {
			p, err := net.Dial("tcp", faulty)
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Close()
			p.SetDeadline(time.Now().Add(patience))
			send(newClient(t, p))
		}
	}
	work := make(chan func(*client))
	var crowd sync.WaitGroup
	for range 8 {
		crowd.Go(func() {
			for outcome := range work {
				c, err := net.Dial("tcp", g.addr)
				if err != nil {
					t.Error(err)
					continue
				}
				c.SetDeadline(time.Now().Add(patience))
				outcome(newClient(t, c))
				c.Close()
			}
		})
	}
	for n := 0; n < 1000; {
		for _, outcome := range outcomes {
			work <- outcome
			n++
		}
	}
	close(work)
	crowd.Wait()
	eventually(t, "no request in flight", func() bool { return g.inFlight.Load() == 0 && len(g.liveRequests()) == 0 })
	eventually(t, "nothing is held", func() bool { return g.budget.Taken() == 0 })
	for _, key := range g.snapshot.Load().keys {
		if n := key.share.Taken(); n != 0 {
			t.Errorf("a key holds %d bytes", n)
		}
	}
	if highest := g.budget.Highest(); highest < 1<<20 {
		t.Errorf("only %d bytes were ever held", highest)
	}
}
