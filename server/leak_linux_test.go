package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// descriptors is how many files and sockets this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Whatever becomes of requests, nothing of them stays: no goroutine, no socket,
// no upstream connection, no place in the books.
func TestNothingIsLeftOfAThousandRequests(t *testing.T) {
	good := listen(t, both)
	bad := listen(t, func(p *peer, r seen) bool {
		switch {
		case strings.Contains(r.body, "hang"):
			p.gone()
			return false
		case strings.Contains(r.body, "cut"):
			p.say(streamHead + chunk(event("one")))
			return false
		case strings.Contains(r.body, "reset"):
			p.reset()
			return false
		}
		p.say(reply(500, jsonKind, errorBody("broken")))
		return true
	})
	dead := "  - provider: dead\n    base_url: http://127.0.0.1:1/v1\n    api: k\n    model: [dead]\n"
	sections := []string{providerOf("good", good), providerOf("bad", bad, "    model: [bad]\n    preferences:\n      model_timeout: 0.1\n"), dead,
		"preferences:\n  cooldown_period: 0\n", once}
	ask := func(model, text string, stream bool) string {
		return fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":%q}]}`, model, stream, text)
	}
	mix := []func(*client){
		func(c *client) { c.post(plainRequest); c.answer() },
		func(c *client) { c.post(streamRequest); c.answer() },
		func(c *client) { c.post(plainRequest); c.Close() },
		func(c *client) { c.post(streamRequest); c.SetLinger(0); c.Close() },
		func(c *client) { c.post(ask("bad", "hang", true)); c.Close() },
		func(c *client) { c.post(ask("bad", "hang", false)); c.answer() },
		func(c *client) { c.post(ask("bad", "cut", true)); io.Copy(io.Discard, c.head().Body) },
		func(c *client) { c.post(ask("bad", "reset", false)); c.answer() },
		func(c *client) { c.post(ask("bad", "break", true)); c.answer() },
		func(c *client) { c.post(ask("dead", "", false)); c.answer() },
		func(c *client) { c.post(ask("nothing", "", false)); c.answer() },
		func(c *client) { c.send("garbage\r\n\r\n"); c.rest() },
		func(c *client) { c.send(chatText(plainRequest)[:50]); c.Close() },
		func(c *client) { c.send(chatText("{")); c.answer() },
	}
	run := func(requests int) {
		g := start(t, sections...)
		var crowd sync.WaitGroup
		for w := range 8 {
			crowd.Go(func() {
				for i := w; i < requests; i += 8 {
					c, err := net.Dial("tcp", g.addr)
					if err != nil {
						t.Error(err)
						return
					}
					c.SetDeadline(time.Now().Add(patience))
					mix[i%len(mix)](newClient(t, c))
					c.Close()
				}
			})
		}
		crowd.Wait()
		eventually(t, "no request in flight", func() bool { return g.inFlight.Load() == 0 })
		eventually(t, "no client connection", func() bool { return g.Server.http.GetOpenConnectionsCount() == 0 })
		eventually(t, "all upstream connections are idle", func() bool { s := g.pool.Stats(); return s.Open == s.Idle })
		eventually(t, "no connection is watched", func() bool { return g.conns.Size() == 0 })
		if err := g.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		eventually(t, "no upstream connection", func() bool { return good.open() == 0 && bad.open() == 0 })
	}
	run(len(mix) * 4) // what is made once for all
	runtime.GC()
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	run(1000)
	goroutines++ // fasthttp's cleaner of idle workers sleeps for 10 s before it sees that its server has ended
	eventually(t, fmt.Sprintf("the goroutines end; there were %d", goroutines), func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, fmt.Sprintf("the descriptors are closed; there were %d", files), func() bool { return descriptors(t) <= files })
}
