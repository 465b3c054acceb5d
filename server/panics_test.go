package server

import (
	"crypto/sha256"
	"net"
	"strings"
	"testing"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/formats"
	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/pool/provider"
)

// faulty is an inbound API that panics where a test says.
type faulty struct {
	front.Inbound
	where string
}

func (f faulty) Splice(dst [][]byte, body []byte, h *front.Head, to front.To, scratch *[]byte) ([][]byte, error) {
	if f.where == "attempt" {
		panic("in an attempt")
	}
	return f.Inbound.Splice(dst, body, h, to, scratch)
}

func (f faulty) Check(body []byte, from front.From, room front.Room) (codec.Usage, []byte, error) {
	if f.where == "answer" {
		panic("in an answer")
	}
	return f.Inbound.Check(body, from, room)
}

func (f faulty) NewPass(upstream codec.Format) front.Pass {
	if f.where == "stream" {
		return faultyPass{f.Inbound.NewPass(upstream)}
	}
	return f.Inbound.NewPass(upstream)
}

func (faulty) Format(front.Asked) codec.Format { return faultyFormat{formats.Chat} }

// faultyFormat has a name of its own, by which ways of streams are kept.
type faultyFormat struct{ codec.Format }

func (faultyFormat) Name() string { return "faulty" }

type faultyPass struct{ front.Pass }

func (f faultyPass) Open(s *passthrough.Stream, o front.Opening) passthrough.Flow {
	return faultyFlow{f.Pass.Open(s, o)}
}

// faultyFlow passes the first event.
type faultyFlow struct{ passthrough.Flow }

func (f faultyFlow) Push(p []byte) ([]byte, error) {
	if f.Started() {
		panic("in a stream")
	}
	return f.Flow.Push(p)
}

// It says nothing of the provider.
func TestPanicRestsNobody(t *testing.T) {
	t.Parallel()
	for _, hedging := range []string{"", "hedging: {enabled: true}"} {
		g := start(t, providerOf("p", listen(t, both)), providerOf("q", listen(t, both)), keyed("SCHEDULING_ALGORITHM: fixed_priority, "+hedging))
		usual := g.addr
		g.addr = g.serveFaulty()
		for _, path := range []string{"/attempt", "/answer"} {
			if a := g.do("POST", path, plainRequest, asClient...); a.StatusCode != 500 || !strings.Contains(a.body, "internal_error") {
				t.Errorf("%q: %d %s", hedging, a.StatusCode, a.body)
			}
		}
		g.addr = usual
		if rests := g.do("GET", "/v1/overview", "", asClient...).body; strings.Count(rests, `"resting":false`) < 2 || strings.Contains(rests, `"resting":true`) || strings.Contains(rests, `"resting_alone":[{`) {
			t.Errorf("%q: %s", hedging, rests)
		}
	}
}

// serveFaulty serves chat by what panics, on an address of its own.
func (g *gateway) serveFaulty() (addr string) {
	g.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	r := router.New()
	r.PanicHandler = g.onPanic
	for _, where := range []string{"attempt", "answer", "stream"} {
		route := *routeOf(provider.Chat)
		route.Inbound = faulty{route.Inbound, where}
		r.POST("/"+where, g.serve(&route))
	}
	server := &fasthttp.Server{Handler: r.Handler, StreamRequestBody: true, NoDefaultContentType: true, Logger: quiet{g.Server.log}}
	over := make(chan error, 1)
	go func() { over <- server.Serve(g.conns.Listen(ln.(*net.TCPListener))) }()
	g.t.Cleanup(func() {
		ln.Close()
		<-over
	})
	return ln.Addr().String()
}

func TestRequestThatPanicsIsTheOnlyOneThatEnds(t *testing.T) {
	t.Parallel()
	goOn := make(chan bool)
	defer close(goOn) // nobody is left waiting if the test fails
	up := listen(t, func(p *peer, r seen) bool {
		if !wantsStream(r) {
			return both(p, r)
		}
		p.say(streamHead + chunk(event("one")))
		<-goOn
		p.say(chunk(event("two")))
		p.gone()
		return false
	})
	for _, c := range []struct{ name, where, version, body, want string }{
		{"in an attempt", "/attempt", "HTTP/1.1", plainRequest, `"code":"internal_error"`},
		{"in a stream", "/stream", "HTTP/1.1", streamRequest, event("one")},
		{"in a stream over HTTP/1.0", "/stream", "HTTP/1.0", streamRequest, event("one")},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, providerOf("p", up), paidKeys("1"), bookPrices)
			g.addr = g.serveFaulty()
			client := g.dial()
			text := strings.Replace(chatText(c.body), "/v1/chat/completions", c.where, 1)
			client.send(strings.Replace(text, "HTTP/1.1", c.version, 1))
			if c.body == streamRequest {
				client.br.Peek(1)
				goOn <- true
			}
			if got := client.rest(); !strings.Contains(got, c.want) || strings.Contains(got, "[DONE]") || strings.HasSuffix(got, "0\r\n\r\n") {
				t.Errorf("the client got %q", got)
			}
			if line := g.log.Next(t, "a request panicked; please report this"); line["stack"] == "" {
				t.Errorf("logged as %v", line)
			}
			if line := g.log.Next(t, "request"); line["status"] != 500.0 || line["error"] == "" {
				t.Errorf("logged as %v", line)
			}
			eventually(t, "nothing is in flight", func() bool { return g.inFlight.Load() == 0 && len(g.liveRequests()) == 0 })
			const dollar = 1_000_000_000
			key := g.snapshot.Load().keys[sha256.Sum256([]byte(clientKeyText))]
			if ok, err := key.book.Reserve(t.Context(), dollar); c.body == plainRequest && (!ok || err != nil) {
				t.Error("a part of the key's credits stays reserved")
			}
		})
	}
}

func TestRequestThatPanicsLetsOthersProbeWhatRests(t *testing.T) {
	t.Parallel()
	gone := providerOf("gone", &upstream{addr: "127.0.0.1:1"})
	g := start(t, gone, providerOf("there", listen(t, both)), paidKeys("9"), "preferences: {SCHEDULING_ALGORITHM: fixed_priority, cooldown_period: 1}\n")
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	rests := func() bool {
		var o overviewAnswer
		g.admin("GET", "/v1/overview", "").into(t, &o)
		return o.Providers[0].Channels[0].Resting
	}
	if !rests() {
		t.Fatal("a provider that is not there does not rest")
	}
	eventually(t, "its pause is over", func() bool { return !rests() })
	front := g.addr
	g.addr = g.serveFaulty()
	client := g.dial()
	client.send(strings.Replace(chatText(plainRequest), "/v1/chat/completions", "/attempt", 1))
	client.rest()
	g.log.Next(t, "a request panicked; please report this")
	if g.addr = front; rests() {
		t.Error("what the request was to find out is left to it")
	}
}
