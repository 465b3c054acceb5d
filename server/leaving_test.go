package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"uniapi/codec"
)

// How a client may leave.
var departures = map[string]func(*client){
	"closing":      func(c *client) { c.Close() },
	"resetting":    func(c *client) { c.SetLinger(0); c.Close() },
	"half-closing": func(c *client) { c.CloseWrite() },
}

func TestClientThatLeavesEndsItsUpstreamRequest(t *testing.T) {
	const partOfBody = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{\"id\":"
	phases := []struct {
		name, request string
		say           string // what the upstream has said when the client leaves
		event         string // what the client has got of it
	}{
		{"before the first byte of a plain answer", plainRequest, "", ""},
		{"before the first byte of a stream", streamRequest, "", ""},
		{"before the first event of a stream", streamRequest, streamHead + chunk(": wait\n\n"), ""},
		{"between events", streamRequest, streamHead + chunk(event("one")), event("one")},
		{"within an event", streamRequest, streamHead + chunk(event("one")+"data: {"), event("one")},
		{"in the middle of a plain body", plainRequest, partOfBody, ""},
		{"in the middle of an error's body", plainRequest, strings.Replace(partOfBody, "200 OK", "500 Oh", 1), ""},
	}
	for _, phase := range phases {
		for how, leave := range departures {
			t.Run(phase.name+" by "+how, func(t *testing.T) {
				t.Parallel()
				arrived, ended := make(chan bool, 1), make(chan time.Time, 1)
				up := listen(t, func(p *peer, _ seen) bool {
					p.say(phase.say)
					arrived <- true
					p.gone()
					ended <- time.Now()
					return false
				})
				other := listen(t, both)
				g := start(t, providerOf("p", up), providerOf("q", other))
				c := g.dial()
				c.post(phase.request)
				receive(t, arrived, "the request at the upstream")
				if phase.event != "" {
					got := make([]byte, len(phase.event))
					if _, err := io.ReadFull(c.head().Body, got); err != nil || string(got) != phase.event {
						t.Fatalf("%q, %v", got, err)
					}
				}
				watch := startWatch()
				leave(c)
				watch.check(t, "the end of the upstream's connection", receive(t, ended, "the end of the upstream's connection"))
				checkGone(t, g, 1)
				if n := len(other.requests()); n != 0 {
					t.Errorf("%d further attempts", n)
				}
			})
		}
	}
}

// checkGone checks the books of one request whose client has left.
func checkGone(t *testing.T, g *gateway, attempts int) {
	t.Helper()
	line := g.log.Next(t, "request")
	if line["status"] != 499.0 || line["attempts"] != float64(attempts) {
		t.Errorf("logged as %v", line)
	}
	eventually(t, "no request in flight", func() bool { return g.inFlight.Load() == 0 })
	eventually(t, "no open upstream connection is held", func() bool { s := g.pool.Stats(); return s.Open == s.Idle })
	if n := g.log.Count("request"); n != 1 {
		t.Errorf("%d lines:\n%s", n, g.log)
	}
	if g.log.Count("attempt failed") != attempts-1 {
		t.Errorf("the client's leaving is told as the channel's failure:\n%s", g.log)
	}
}

func TestClientThatLeavesDuringARetryEndsIt(t *testing.T) {
	arrived, ended := make(chan bool, 1), make(chan time.Time, 1)
	first := listen(t, says(reply(500, jsonKind, `{"error":{"message":"broken"}}`)))
	second := listen(t, func(p *peer, _ seen) bool {
		arrived <- true
		p.gone()
		ended <- time.Now()
		return false
	})
	third := listen(t, both)
	for _, request := range []string{plainRequest, streamRequest} {
		g := start(t, providerOf("p", first), providerOf("q", second), providerOf("r", third))
		c := g.dial()
		c.post(request)
		receive(t, arrived, "the second attempt")
		watch := startWatch()
		c.Close()
		watch.check(t, "the end of the second attempt", receive(t, ended, "the end of the second attempt"))
		checkGone(t, g, 2)
	}
	if n := len(third.requests()); n != 0 {
		t.Errorf("%d attempts after the client had left", n)
	}
}

// TestClientThatLeavesEndsTheHandshake: the upstream, or the proxy before it,
// has accepted the connection and says nothing.
func TestClientThatLeavesEndsTheHandshake(t *testing.T) {
	for name, section := range map[string]string{
		"of TLS":     "  - provider: p\n    base_url: https://%s/v1/chat/completions\n    api: k\n    model: [m]\n",
		"of a proxy": "  - provider: p\n    base_url: https://127.0.0.1:1/v1/chat/completions\n    api: k\n    model: [m]\n    preferences:\n      proxy: http://%s\n",
		"of SOCKS":   "  - provider: p\n    base_url: http://127.0.0.1:1/v1/chat/completions\n    api: k\n    model: [m]\n    preferences:\n      proxy: socks5://%s\n",
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			arrived, ended := make(chan bool, 1), make(chan time.Time, 1)
			go func() {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				c.Read(make([]byte, 1)) // the first byte of the handshake
				arrived <- true
				io.Copy(io.Discard, c)
				ended <- time.Now()
			}()
			g := start(t, fmt.Sprintf(section, ln.Addr()))
			c := g.dial()
			c.post(plainRequest)
			receive(t, arrived, "the handshake")
			watch := startWatch()
			c.Close()
			watch.check(t, "the end of the handshake", receive(t, ended, "the end of the handshake"))
			checkGone(t, g, 1)
		})
	}
}

// TestClientThatStaysIsNotTakenForOneThatLeft: descriptors are numbers, and
// the number of a client that has left is the next client's.
func TestClientThatStaysIsNotTakenForOneThatLeft(t *testing.T) {
	const stayers, rounds = 8, 40
	release := make(chan struct{})
	slow := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")))
		<-release
		p.say(chunk(stopEvent+doneEvent) + chunk(""))
		return true
	})
	quick := listen(t, both)
	g := start(t, providerOf("slow", slow, "    model: [slow]\n"), providerOf("quick", quick))

	staying := make([]*client, stayers)
	bodies := make([]io.Reader, stayers)
	for i := range staying {
		staying[i] = g.dial()
		staying[i].post(strings.Replace(streamRequest, `"m"`, `"slow"`, 1))
		bodies[i] = staying[i].head().Body
	}
	var crowd sync.WaitGroup
	for range 4 {
		crowd.Go(func() {
			for i := range rounds {
				for _, leave := range departures { // descriptors are freed here
					c := g.dial()
					if i%2 == 0 {
						c.post(streamRequest)
					}
					leave(c)
					c.Close()
				}
				c := g.dial() // and used again here
				c.post(plainRequest)
				if a := c.answer(); a.StatusCode != 200 || a.body != plainBodyOf("hello") {
					t.Errorf("a client that stayed got %d %q", a.StatusCode, a.body)
				}
				c.Close()
			}
		})
	}
	crowd.Wait()
	close(release)
	for _, body := range bodies {
		if got, err := io.ReadAll(body); err != nil || string(got) != event("one")+stopEvent+doneEvent {
			t.Errorf("a client that stayed got %q, %v", got, err)
		}
	}
}

// With a keepalive_interval the client's answer begins before an upstream's
// does; the attempts go on behind it, and end with it all the same.
func TestClientThatLeavesBehindCommentsEndsTheAttempts(t *testing.T) {
	for how, leave := range departures {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			ended := make(chan time.Time, 1)
			up := listen(t, func(p *peer, _ seen) bool {
				p.gone()
				ended <- time.Now()
				return false
			})
			other := listen(t, both)
			g := start(t, providerOf("p", up, "    preferences:\n      keepalive_interval: 0.05\n"), providerOf("q", other))
			c := g.dial()
			c.post(streamRequest)
			comments := make([]byte, 2*len(codec.Comment))
			if _, err := io.ReadFull(c.head().Body, comments); err != nil || string(comments) != string(codec.Comment)+string(codec.Comment) {
				t.Fatalf("%q, %v", comments, err)
			}
			watch := startWatch()
			leave(c)
			watch.check(t, "the end of the upstream's connection", receive(t, ended, "the end of the upstream's connection"))
			checkGone(t, g, 1)
			if n := len(other.requests()); n != 0 {
				t.Errorf("%d further attempts", n)
			}
		})
	}
}
