package server

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/server/conn"
)

// hasty leaves clients little time, but for what a client of a test has to do in it: on
// a busy machine it may be a while until it sends what it begins with.
var hasty = conn.Times{
	Head: 2 * time.Second, Stall: 150 * time.Millisecond, PerByte: 10 * time.Millisecond, Idle: 150 * time.Millisecond, Farewell: 150 * time.Millisecond,
}

func TestSlowRequestIsGivenUp(t *testing.T) {
	t.Parallel()
	up := listen(t, both)
	g := startWith(t, Options{readTimes: &hasty}, providerOf("p", up))
	whole := chatText(plainRequest)
	for name, send := range map[string]func(c *client){
		"a head that stands still": func(c *client) { c.send(whole[:40]) },
		"a body that stands still": func(c *client) { c.send(whole[:len(whole)-5]) },
		"a body that does not begin": func(c *client) {
			c.send(strings.Replace(whole[:strings.Index(whole, "\r\n\r\n")+4], "Content-Length: ", "Content-Length: 9", 1))
		},
		"a head that drips": func(c *client) {
			for i := range len(whole) { // at a fifth of the pace
				if _, err := io.WriteString(c.TCPConn, whole[i:i+1]); err != nil {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			c := g.dial()
			if name == "a head that drips" {
				go send(c) // it goes on behind the answer
			} else {
				send(c)
			}
			a := c.answer()
			a.failure(t, 408, "request_timeout")
			if !a.Close {
				t.Error("the connection goes on")
			}
			if took := time.Since(began); took < 100*time.Millisecond {
				t.Errorf("given up after %v", took)
			}
		})
	}
}

func TestSlowRequestThatKeepsItsPaceIsServed(t *testing.T) {
	// What a byte buys is far more than a busy machine keeps from the next one, and the request takes longer than one
	// that buys nothing may.
	times := conn.Times{Head: 500 * time.Millisecond, Stall: patience, PerByte: time.Second, Idle: patience, Farewell: patience}
	g := startWith(t, Options{readTimes: &times}, providerOf("p", listen(t, both)))
	text := chatText(plainRequest)
	c := g.dial()
	c.send(text[:20])
	rest, began := text[20:], time.Now()
	for len(rest) > 0 {
		time.Sleep(50 * time.Millisecond)
		n := min(10, len(rest))
		c.send(rest[:n])
		rest = rest[n:]
	}
	if took := time.Since(began); took < times.Head {
		t.Fatalf("the request of %d bytes took %v alone", len(text), took)
	}
	if a := c.answer(); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestConnectionWithoutARequestIsClosedWithoutAWord(t *testing.T) {
	g := startWith(t, Options{readTimes: &hasty}, providerOf("p", listen(t, both)))
	t.Run("a new one", func(t *testing.T) {
		if rest := g.dial().rest(); rest != "" {
			t.Errorf("got %q", rest)
		}
	})
	t.Run("an idle one", func(t *testing.T) {
		c := g.dial()
		c.post(plainRequest)
		c.answer()
		if rest := c.rest(); rest != "" {
			t.Errorf("got %q", rest)
		}
	})
}

func TestLongAnswerIsNotBoundedByTheTimesForRequests(t *testing.T) {
	t.Parallel()
	times := conn.Times{Head: time.Second, Stall: time.Second, PerByte: time.Millisecond, Idle: time.Second, Farewell: time.Second}
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")))
		time.Sleep(times.Idle + 200*time.Millisecond)
		p.say(chunk(event(" two")) + chunk(stopEvent) + chunk(doneEvent) + chunk(""))
		return true
	})
	g := startWith(t, Options{readTimes: &times}, providerOf("p", up))
	c := g.dial()
	for range 2 { // the connection serves on, too
		c.post(streamRequest)
		if a := c.answer(); a.body != event("one")+event(" two")+stopEvent+doneEvent {
			t.Errorf("got %q", a.body)
		}
	}
}

// bigRequest is a chat request of about size bytes.
func bigRequest(size int) string {
	return fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"%s"}]}`, strings.Repeat("x", size))
}

func TestLargeBodiesAreRefusedBeforeMemoryIsGone(t *testing.T) {
	goOn := make(chan bool)
	up := listen(t, func(p *peer, r seen) bool {
		<-goOn
		return both(p, r)
	})
	g := startWith(t, Options{RequestMemory: 4 << 20}, providerOf("p", up))
	first := g.dial()
	first.post(bigRequest(1 << 20))
	eventually(t, "the first is upstream", func() bool { return len(up.requests()) == 1 })
	second := g.dial()
	second.post(bigRequest(1 << 20))
	a := second.answer()
	a.failure(t, 503, "overloaded")
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	small := g.dial()
	small.post(plainRequest)
	close(goOn)
	if a := small.answer(); a.StatusCode != 200 {
		t.Errorf("a small one: %d %s", a.StatusCode, a.body)
	}
	if a := first.answer(); a.StatusCode != 200 {
		t.Errorf("the first: %d %s", a.StatusCode, a.body)
	}
	eventually(t, "the memory is given back", func() bool { return g.budget.Taken() == 0 })
	first.post(bigRequest(1 << 20))
	if a := first.answer(); a.StatusCode != 200 {
		t.Errorf("afterwards: %d %s", a.StatusCode, a.body)
	}
}

func TestSlowReaderHoldsUpItsUpstreamAndNothingElse(t *testing.T) {
	const most, size = 4000, 16 << 10 // 64 MB: more than all buffers on the way hold
	var sent atomic.Int64
	var enough atomic.Bool
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead)
		for sent.Load() < most && !enough.Load() {
			if _, err := io.WriteString(p.TCPConn, chunk(event(strings.Repeat("x", size)))); err != nil {
				return false
			}
			sent.Add(1)
		}
		p.say(chunk(stopEvent) + chunk(doneEvent) + chunk(""))
		return true
	})
	g := start(t, providerOf("p", up))
	c := g.dial()
	c.SetReadBuffer(64 << 10)
	c.post(streamRequest)
	body := c.head().Body
	before, still := int64(0), 0
	eventually(t, "the upstream is held up", func() bool {
		if held := sent.Load(); held == 0 || held != before {
			before, still = held, 0
		}
		time.Sleep(50 * time.Millisecond)
		still++
		return still > 10 // a machine that is busy does not keep it from sending for as long
	})
	if before >= most {
		t.Fatal("the whole stream was taken in")
	}
	enough.Store(true) // what is on its way says whether all of it comes
	c.SetDeadline(time.Now().Add(patience))
	text, err := io.ReadAll(body)
	if want := int(sent.Load()) + 2; err != nil || !bytes.HasSuffix(text, []byte(doneEvent)) || bytes.Count(text, []byte("data: ")) != want {
		t.Errorf("%v; %d bytes, %d events of %d", err, len(text), bytes.Count(text, []byte("data: ")), want)
	}
}
