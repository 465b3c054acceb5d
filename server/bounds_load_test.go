package server

import (
	"io"
	"net"
	"strings"
	"testing"
)

func TestRequestsBeyondMaxInFlightAreRefused(t *testing.T) {
	goOn := make(chan bool)
	up := listen(t, pausing(goOn))
	g := startWith(t, Options{MaxInFlight: 1}, providerOf("p", up))
	stream := g.dial()
	stream.post(streamRequest)
	body := stream.head()
	a := g.chat(plainRequest, "Origin", "http://chat")
	a.failure(t, 503, "overloaded")
	for _, header := range []string{"Retry-After", "X-Request-Id", "Access-Control-Allow-Origin"} {
		if a.Header.Get(header) == "" {
			t.Errorf("no %s", header)
		}
	}
	if a := g.do("GET", "/healthz", ""); a.StatusCode != 200 {
		t.Errorf("/healthz: %d", a.StatusCode)
	}
	g.chat(plainRequest).failure(t, 503, "overloaded")
	if n := g.log.Count("as many requests are in flight as may be"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	close(goOn)
	body.Body.Close()
	eventually(t, "the stream ends", func() bool { return g.inFlight.Load() == 0 })
	if a := g.chat(streamRequest); a.StatusCode != 200 {
		t.Errorf("afterwards: %d %s", a.StatusCode, a.body)
	}
}

func TestConnectionsBeyondMaxConnectionsAreRefused(t *testing.T) {
	goOn := make(chan bool)
	g := startWith(t, Options{MaxConnections: 2}, providerOf("p", listen(t, waiting(goOn))))
	var held []*client
	for range 2 { // idle ones would make room
		c := g.dial()
		c.post(streamRequest)
		if a := c.head(); a.StatusCode != 200 {
			t.Fatalf("%d", a.StatusCode)
		}
		held = append(held, c)
	}
	c := g.dial()
	c.post(bigRequest(1 << 20)) // what it sends on must not reset the answer
	a := c.answer()
	a.failure(t, 503, "too_many_connections")
	for _, name := range []string{"Retry-After", "X-Request-Id", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"} {
		if a.Header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	again := g.dial()
	again.post(plainRequest)
	if id := again.answer().Header.Get("X-Request-Id"); id == "" || id == a.Header.Get("X-Request-Id") {
		t.Errorf("two have the id %q", id)
	}
	held[0].Close()
	eventually(t, "the connection is gone", func() bool { return g.conns.Size() == 1 })
	c = g.dial()
	c.post(plainRequest)
	if a := c.answer(); a.StatusCode != 200 {
		t.Errorf("afterwards: %d %s", a.StatusCode, a.body)
	}
	close(goOn)
}

func TestFloodOfConnectionsIsRefusedWithoutHoldingThem(t *testing.T) {
	goOn := make(chan bool)
	g := startWith(t, Options{MaxConnections: 1}, providerOf("p", listen(t, waiting(goOn))))
	c := g.dial()
	c.post(streamRequest)
	stream := c.head()
	for range 4 * refusalsOpen {
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	eventually(t, "all are refused", func() bool { return g.unconnected.total.Load() == 4*refusalsOpen })
	if n := g.refusing.Load(); n > refusalsOpen {
		t.Errorf("%d at a time", n)
	}
	if text := g.log.String(); strings.Count(text, "as many connections are open as may be") != 1 {
		t.Errorf("logged:\n%s", text)
	}
	close(goOn)
	if rest, err := io.ReadAll(stream.Body); err != nil || !strings.HasSuffix(string(rest), doneEvent) {
		t.Errorf("the one that was there: %q, %v", rest, err)
	}
	eventually(t, "nothing is left of the flood", func() bool { return g.refusing.Load() == 0 })
}

func TestDefaultsFollowFromWhatThereIs(t *testing.T) {
	if n := maxInFlight(1 << 30); n != 2048 {
		t.Errorf("%d requests in 1 GB", n)
	}
	if n := maxInFlight(0); n < 1<<40 {
		t.Errorf("%d requests without a limit", n)
	}
	if n := maxConnections(0); n < 1 || n > 1<<20 {
		t.Errorf("%d connections", n)
	}
	if n := maxConnections(128 << 20); n != 546 {
		t.Errorf("%d connections in 128 MB", n)
	}
	for _, c := range []struct {
		connections int
		memory      int64
		want        int
	}{{546, 128 << 20, 128}, {4369, 1 << 30, 1024}, {100, 1 << 30, 25}, {2, 1 << 30, 1}, {1, 1 << 20, 1}} {
		if n := mostStrangers(c.connections, c.memory); n != c.want {
			t.Errorf("%d strangers among %d connections in %d MB, want %d", n, c.connections, c.memory>>20, c.want)
		}
	}
}
