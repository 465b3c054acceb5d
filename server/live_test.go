package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"uniapi/server/admin"
)

// only is the one request under way once it stands as cond says.
func (g *gateway) only(what string, cond func(admin.Live) bool) (r admin.Live) {
	g.t.Helper()
	eventually(g.t, what, func() bool {
		all := g.liveRequests()
		if len(all) != 1 {
			return false
		}
		r = all[0]
		return cond(r)
	})
	return r
}

func TestRequestUnderWayIsSeenFromItsAttemptsToItsEnd(t *testing.T) {
	goOn := make(chan bool)
	defer close(goOn) // nobody is left waiting if the test fails
	broken := listen(t, func(p *peer, _ seen) bool {
		<-goOn
		p.say(reply(500, jsonKind, errorBody("broken")))
		return true
	})
	well := listen(t, func(p *peer, _ seen) bool {
		<-goOn
		p.say(streamHead + chunk(event("one")))
		<-goOn
		p.say(chunk(stopEvent) + chunk(doneEvent) + chunk(""))
		return true
	})
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} { // a stream over HTTP/1.0 takes the connection over
		t.Run(version, func(t *testing.T) {
			g := start(t, providerOf("p", broken, "    preferences: {cooldown_period: 0}\n"), providerOf("q", well, "    model: [{upstream-m: m}]\n"))
			before := time.Now()
			c := g.dial()
			c.send(strings.Replace(chatText(streamRequest, "X-Request-Id", "the-id"), "HTTP/1.1", version, 1))

			first := g.only("the first attempt", func(r admin.Live) bool { return r.Attempt == 1 })
			if first.Since.Before(before) || first.Since.After(time.Now()) {
				t.Errorf("it began at %v", first.Since)
			}
			want := admin.Live{ID: "the-id", Key: "tester-admin", Model: "m", Endpoint: "POST /v1/chat/completions", Stream: true, Provider: "p", Upstream: "m", Attempt: 1, Since: first.Since}
			if first != want {
				t.Errorf("in its first attempt it is\n%+v, want\n%+v", first, want)
			}
			goOn <- true
			want.Provider, want.Upstream, want.Attempt = "q", "upstream-m", 2
			if second := g.only("the second attempt", func(r admin.Live) bool { return r.Attempt == 2 }); second != want {
				t.Errorf("in its second attempt it is\n%+v, want\n%+v", second, want)
			}
			goOn <- true
			streaming := g.only("the first event", func(r admin.Live) bool { return r.Bytes > 0 })
			want.FirstByte, want.Bytes = streaming.FirstByte, int64(len(event("one")))
			if streaming != want || streaming.FirstByte <= 0 {
				t.Errorf("as a stream it is\n%+v, want\n%+v", streaming, want)
			}
			goOn <- true
			g.log.Next(t, "request")
			eventually(t, "nothing is under way", func() bool { return len(g.liveRequests()) == 0 })
		})
	}
}

func TestRequestThatWaitsForItsModerationIsSeenWithoutAProvider(t *testing.T) {
	goOn := make(chan bool)
	defer close(goOn) // nobody is left waiting if the test fails
	moderator := listen(t, func(p *peer, _ seen) bool {
		<-goOn
		p.say(reply(200, jsonKind, `{"results":[{"flagged":false}]}`))
		return true
	})
	g := start(t, providerOf("p", listen(t, both)), providerOf("m", moderator, "    model: [omni-moderation-latest]\n"), keyed("ENABLE_MODERATION: true"))
	c := g.dial()
	c.post(plainRequest)
	r := g.only("a request", func(r admin.Live) bool { return r.Model != "" })
	if r.Model != "m" || r.Provider != "" || r.Attempt != 0 || r.Key == "" || r.Stream {
		t.Errorf("it is seen as %+v", r)
	}
	goOn <- true
	if a := c.answer(); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestWhoLooksSeesOnlyRequestsThatAreUnderWay(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), providerOf("q", listen(t, says(reply(500, jsonKind, errorBody("broken")))), "    model: [f]\n    preferences: {cooldown_period: 0}\n"))
	stop := make(chan bool)
	var looking sync.WaitGroup
	looking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, r := range g.liveRequests() {
				if r.ID == "" || r.Since.IsZero() || r.Model != "" && r.Model != r.ID[:1] || r.Provider == "p" && r.Model != "m" || r.Provider == "q" && r.Model != "f" {
					t.Errorf("a request is seen as %+v", r)
				}
			}
		}
	})
	var asking sync.WaitGroup
	for i := range 4 {
		asking.Go(func() {
			c := g.dial()
			for n := range 20 {
				body, model := plainRequest, "m"
				if n%2 == 0 {
					body = streamRequest
				}
				if n%3 == 0 {
					model = "f"
				}
				c.post(strings.Replace(body, `"m"`, `"`+model+`"`, 1), "X-Request-Id", fmt.Sprint(model, "-", i, "-", n))
				c.answer()
			}
		})
	}
	asking.Wait()
	close(stop)
	looking.Wait()
	eventually(t, "nothing is under way", func() bool { return len(g.liveRequests()) == 0 })
}

// What a request pays for being seen: two uncontended locks and a few stores,
// beside the clock that an attempt reads in any case.
func BenchmarkBeingSeen(b *testing.B) {
	u, x := new(underWay), new(exchange)
	x.live, x.at = u, &x.lone
	b.ReportAllocs()
	for b.Loop() {
		u.enter(x)
		u.read.Store(true)
		x.choose(x.at.chosen)
		u.firstByte.Store(1)
		u.written.Add(1)
		u.leave()
	}
}
