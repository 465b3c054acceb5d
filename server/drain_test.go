package server

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// shutDown begins to end the gateway; the channel says when it has ended.
func (g *gateway) shutDown(ctx context.Context) <-chan error {
	over := make(chan error, 1)
	go func() { over <- g.Shutdown(ctx) }()
	return over
}

func TestWatchedServerServesOnForAGrace(t *testing.T) {
	t.Parallel()
	const grace = 2 * time.Second // in which four requests are to be served, on a busy machine too
	g := startWith(t, Options{DrainGrace: grace}, providerOf("p", listen(t, both)))
	if a := g.do("GET", "/readyz", ""); a.StatusCode != 200 {
		t.Fatalf("%d", a.StatusCode)
	}
	kept := g.dial()
	kept.post(plainRequest)
	kept.answer()
	began := time.Now()
	over := g.shutDown(t.Context())
	eventually(t, "it is draining", g.draining.Load)
	if a := g.do("GET", "/readyz", ""); a.StatusCode != 503 || !strings.Contains(a.body, "draining") {
		t.Errorf("/readyz: %d %s", a.StatusCode, a.body)
	}
	if a := g.do("GET", "/healthz", ""); a.StatusCode != 200 {
		t.Errorf("/healthz: %d", a.StatusCode)
	}
	fresh := g.dial()
	fresh.post(plainRequest)
	if a := fresh.answer(); a.StatusCode != 200 {
		t.Errorf("a new connection: %d", a.StatusCode)
	}
	kept.post(streamRequest)
	if a := kept.answer(); a.StatusCode != 200 || !a.Close {
		t.Errorf("a kept connection: %d, to be closed: %v", a.StatusCode, a.Close)
	}
	if rest := kept.rest(); rest != "" {
		t.Errorf("then %q", rest)
	}
	if err := receive(t, over, "the end"); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < grace {
		t.Errorf("ended after %v", took)
	}
	if err := receive(t, g.over, "the end of Serve"); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", g.addr); err == nil {
		c.Close()
		t.Error("connections are still taken")
	}
}

func TestServerThatNobodyWatchesEndsAtOnce(t *testing.T) {
	g := startWith(t, Options{DrainGrace: time.Hour}, providerOf("p", listen(t, both)))
	if err := receive(t, g.shutDown(t.Context()), "the end"); err != nil {
		t.Error(err)
	}
}

func TestIdleConnectionMayAskOnceMoreBeforeItIsClosed(t *testing.T) {
	t.Parallel()
	g := start(t, providerOf("p", listen(t, both)))
	busy, idle := g.dial(), g.dial()
	for _, c := range []*client{busy, idle} {
		c.post(plainRequest)
		c.answer()
	}
	over := g.shutDown(t.Context())
	eventually(t, "idle connections are woken", g.conns.Stopped)
	busy.post(plainRequest)
	if a := busy.answer(); a.StatusCode != 200 || !a.Close {
		t.Errorf("%d, to be closed: %v", a.StatusCode, a.Close)
	}
	if rest := idle.rest(); rest != "" {
		t.Errorf("the idle one got %q", rest)
	}
	if err := receive(t, over, "the end"); err != nil {
		t.Error(err)
	}
}

func TestLastConnectionIsWaitedFor(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	last := g.dial()
	last.post(plainRequest)
	last.answer()
	over := g.shutDown(t.Context())
	eventually(t, "nothing is accepted any more", func() bool { return g.conns.Stopped() && !g.conns.Accepting() })
	select {
	case err := <-over:
		t.Fatalf("ended before the connection, which may ask: %v", err)
	case <-time.After(5 * drainLook):
	}
	last.post(plainRequest)
	if a := last.answer(); a.StatusCode != 200 || !a.Close {
		t.Errorf("%d, to be closed: %v", a.StatusCode, a.Close)
	}
	if err := receive(t, over, "the end"); err != nil {
		t.Error(err)
	}
}

func TestConnectionsThatTheKernelHasTakenAreServed(t *testing.T) {
	t.Parallel()
	const crowd = 100
	g := start(t, providerOf("p", listen(t, both)))
	var clients []*client
	for range crowd {
		c := g.dial()
		c.post(plainRequest)
		clients = append(clients, c)
	}
	g.do("GET", "/healthz", "") // behind all of them: a busy kernel may not have them all in the queue yet
	over := g.shutDown(t.Context())
	for _, c := range clients {
		if a := c.answer(); a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	if err := receive(t, over, "the end"); err != nil {
		t.Error(err)
	}
}

func TestStreamsAreWaitedFor(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		t.Run(version, func(t *testing.T) {
			goOn := make(chan bool)
			up := listen(t, pausing(goOn))
			g := start(t, providerOf("p", up))
			c := g.dial()
			c.send(strings.Replace(chatText(streamRequest), "HTTP/1.1", version, 1))
			body := c.head().Body
			got := make([]byte, len(event("one")))
			if n, err := body.Read(got); err != nil || string(got[:n]) != event("one") {
				t.Fatalf("%q, %v", got[:n], err)
			}
			over := g.shutDown(t.Context())
			eventually(t, "it is draining", g.conns.Stopped)
			select {
			case err := <-over:
				t.Fatalf("ended before the stream: %v", err)
			case <-time.After(5 * drainLook):
			}
			close(goOn)
			if rest := c.rest(); !strings.Contains(rest, doneEvent) {
				t.Errorf("got %q", rest)
			}
			if err := receive(t, over, "the end"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatHasNotEndedInTimeIsCut(t *testing.T) {
	ended := make(chan bool, 1)
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")))
		p.gone()
		ended <- true
		return false
	})
	g := start(t, providerOf("p", up))
	c := g.dial()
	c.post(streamRequest)
	c.head()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := receive(t, g.shutDown(ctx), "the end"); err == nil || !strings.Contains(err.Error(), "1 requests were still in flight") {
		t.Errorf("%v", err)
	}
	receive(t, ended, "the end of the upstream's connection")
}
