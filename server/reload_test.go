package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestRequestsInFlightFinishUnderTheConfigurationTheyBeganWith(t *testing.T) {
	arrived, release := make(chan bool, 2), make(chan bool)
	slow := listen(t, func(p *peer, r seen) bool {
		if wantsStream(r) {
			p.say(streamHead + chunk(event("one")))
			arrived <- true
			<-release
			p.say(chunk(stopEvent+doneEvent) + chunk(""))
		} else {
			arrived <- true
			<-release
			p.say(reply(500, jsonKind, errorBody("broken"))) // the next channel is the old configuration's, too
		}
		return true
	})
	old, next := listen(t, both), listen(t, both)
	g := start(t, providerOf("slow", slow), providerOf("old", old))
	stream, plain := g.dial(), g.dial()
	stream.post(streamRequest)
	plain.post(plainRequest)
	receive(t, arrived, "a request at the upstream")
	receive(t, arrived, "a request at the upstream")
	const newKey = "sk-new-0123456789abcdefghij"
	g.Apply(parseConfig(t, providerOf("next", next), "api_keys:\n  - api: "+newKey+"\n"))

	g.chat(plainRequest).failure(t, 401, "invalid_api_key") // the old key is gone for new requests
	if a := g.do("POST", "/v1/chat/completions", plainRequest, "X-Api-Key", newKey); a.StatusCode != 200 || len(next.requests()) != 1 {
		t.Errorf("the new key: %d %s", a.StatusCode, a.body)
	}
	close(release)
	if a := stream.answer(); a.body != event("one")+stopEvent+doneEvent {
		t.Errorf("the stream: %q", a.body)
	}
	if a := plain.answer(); a.StatusCode != 200 || len(old.requests()) != 1 {
		t.Errorf("the plain request: %d %s", a.StatusCode, a.body)
	}
	if n := len(next.requests()); n != 1 {
		t.Errorf("%d requests at the new provider", n)
	}
}

func TestNoRequestFailsOverAReload(t *testing.T) {
	up := [2]*upstream{listen(t, both), listen(t, both)}
	g := start(t, providerOf("p0", up[0]))
	var over atomic.Bool
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for !over.Load() {
				if a := g.chat(streamRequest); a.StatusCode != 200 || a.body != streamSeen {
					t.Errorf("%d %q", a.StatusCode, a.body)
				}
			}
		})
	}
	for i := range 100 {
		g.Apply(parseConfig(t, providerOf(fmt.Sprint("p", i%2), up[i%2])))
	}
	over.Store(true)
	clients.Wait()
}

// A provider that cannot be used is left out; the others serve.
func TestProviderThatCannotBeUsedIsLeftOut(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)),
		"  - provider: odd\n    base_url: http://127.0.0.1/v1\n    engine: telepathy\n    api: "+upstreamKeyText+"\n    model: [odd]\n")
	if got := g.listed(clientKeyText); !slices.Equal(got, []string{"m"}) {
		t.Errorf("listed %q", got)
	}
	if line := g.log.Next(t, "this provider is left out"); line["provider"] != "odd" || line["error"] == "" {
		t.Errorf("%v", line)
	}
	noSecrets(t, g.log.String())
}

func TestEndLetsStreamsFinishAndClosesIdleConnections(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan bool, 1), make(chan bool)
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")))
		arrived <- true
		<-release
		p.say(chunk(stopEvent+doneEvent) + chunk(""))
		return true
	})
	g := start(t, providerOf("p", up))
	idle := g.dial()
	idle.send("GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
	idle.answer()
	stream := g.dial()
	stream.post(streamRequest)
	receive(t, arrived, "the request at the upstream")
	over := make(chan error, 1)
	go func() { over <- g.Shutdown(context.Background()) }()
	if _, err := idle.br.ReadByte(); err != io.EOF {
		t.Errorf("an idle connection ended with %v", err)
	}
	eventually(t, "no new connection is taken", func() bool {
		c, err := net.DialTimeout("tcp", g.addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	select {
	case err := <-over:
		t.Fatalf("the end did not wait for the stream: %v", err)
	default:
	}
	close(release)
	resp := stream.head()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != event("one")+stopEvent+doneEvent {
		t.Errorf("the stream got %q, %v", body, err)
	}
	if err := receive(t, over, "the end"); err != nil {
		t.Error(err)
	}
	if err := receive(t, g.over, "the end of Serve"); err != nil {
		t.Error(err)
	}
	eventually(t, "no upstream connection is kept", func() bool { return g.pool.Stats().Open == 0 && up.open() == 0 })
}

func TestEndDoesNotWaitLongerThanItMay(t *testing.T) {
	arrived := make(chan bool, 1)
	up := listen(t, func(p *peer, _ seen) bool {
		arrived <- true
		p.gone()
		return false
	})
	g := start(t, providerOf("p", up))
	c := g.dial()
	c.post(plainRequest)
	receive(t, arrived, "the request at the upstream")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := g.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "1 requests were still in flight") {
		t.Errorf("%v", err)
	}
	c.Close()
	up.Stop()
	eventually(t, "no request in flight", func() bool { return g.inFlight.Load() == 0 })
}

func TestEndThatIsHurriedCutsNothingWhereNobodyAsks(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Shutdown(ctx); err != nil {
		t.Errorf("nothing was cut: %v", err)
	}
}

// Names are looked up for new connections only.
func TestConnectionsAreGivenUpWhenTheyAreRenewedOrOld(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up))
	connections := func() int {
		for range 2 {
			if a := g.chat(plainRequest); a.StatusCode != 200 {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		}
		return int(up.Accepted.Load())
	}
	if n := connections(); n != 1 {
		t.Errorf("%d connections for two requests", n)
	}
	g.Renew()
	if n := connections(); n != 2 {
		t.Errorf("then %d", n)
	}
	g.Apply(parseConfig(t, providerOf("p", up), "preferences: {connection_max_age: 0.000001}\n"))
	if n := connections(); n != 3 { // the last answer over the second one ends that
		t.Errorf("with the least age there is %d", n)
	}
}

// Requests that began under the configuration before may still tell of its keys.
func TestSecretsOfTheConfigurationBeforeAreStillKnown(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up))
	g.Apply(parseConfig(t, providerOf("p", up, "    api: sk-another-0123456789abcdefghijklmnop\n")))
	g.Server.log.Info("told", "old", upstreamKeyText, "new", "sk-another-0123456789abcdefghijklmnop")
	if line := g.log.Next(t, "told"); line["old"] != "sk-…wxyz" || line["new"] != "sk-…mnop" {
		t.Errorf("%v", line)
	}
}
