package server

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"uniapi/pool"
	"uniapi/pool/pooltest"
)

// full is a way in which a server, or a proxy before it, bounds the connections
// that it takes.
type full struct {
	name string
	tls  bool
	via  string // the scheme of a proxy, which is what is full; "" is none
	// refuse plays what a connection too many gets; nil is that nobody listens.
	refuse func(*pooltest.Peer)
}

func turnsAway(*pooltest.Peer) {}

func snaps(p *pooltest.Peer) { p.Reset() }

// onceAsked plays something once the proxy has been asked for the way.
func onceAsked(play func(*pooltest.Peer)) func(*pooltest.Peer) {
	return func(p *pooltest.Peer) {
		http.ReadRequest(p.Reader)
		play(p)
	}
}

func refusing(status int) func(*pooltest.Peer) {
	return onceAsked(func(p *pooltest.Peer) { p.Say(fmt.Sprintf("HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n", status)) })
}

var fullWays = []full{
	{name: "plain, hangs up", refuse: turnsAway},
	{name: "plain, resets", refuse: snaps},
	{name: "plain, hangs up on the request", refuse: onceAsked(turnsAway)},
	{name: "plain, does not listen"},
	{name: "TLS, hangs up", tls: true, refuse: turnsAway},
	{name: "TLS, resets", tls: true, refuse: snaps},
	{name: "TLS, answers in plain", tls: true, refuse: func(p *pooltest.Peer) { p.Say("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"); p.HangUp() }},
	{name: "TLS, an alert", tls: true, refuse: func(p *pooltest.Peer) { p.Say("\x15\x03\x03\x00\x02\x02\x50"); p.HangUp() }},
	{name: "TLS, does not listen", tls: true},
	{name: "a proxy, 429", tls: true, via: "http", refuse: refusing(429)},
	{name: "a proxy, 502", tls: true, via: "http", refuse: refusing(502)},
	{name: "a proxy, 503", tls: true, via: "http", refuse: refusing(503)},
	{name: "a proxy, 407", tls: true, via: "http", refuse: refusing(407)},
	{name: "a proxy, hangs up", tls: true, via: "http", refuse: turnsAway},
	{name: "a proxy, does not listen", tls: true, via: "http"},
	{name: "a proxy for plain requests, 407", via: "http", refuse: refusing(407)},
	{name: "a proxy for plain requests, resets", via: "http", refuse: snaps},
	{name: "a SOCKS proxy, hangs up", via: "socks5", refuse: turnsAway},
	{name: "a SOCKS proxy, not allowed", via: "socks5", refuse: func(p *pooltest.Peer) { greet(p); p.Say("\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00") }},
}

// greet is a SOCKS proxy's part up to its answer.
func greet(p *pooltest.Peer) {
	io.ReadFull(p.Reader, make([]byte, 3))
	p.Say("\x05\x00")
	io.ReadFull(p.Reader, make([]byte, 10))
}

// boundedUpstream serves connections as long as there are fewer than it takes. Requests
// that say "slow" wait.
type boundedUpstream struct {
	*pooltest.Upstream
	full
	takes   func(nth int64) bool
	slow    chan struct{} // closed: nobody waits any more
	waiting atomic.Int64
	held    atomic.Int64 // connections
	others  string       // providers before it
	once    bool         // a connection serves one request
}

// play is what the upstream does with a connection.
func (u *boundedUpstream) play(server *tls.Config) func(*pooltest.Peer) {
	serve := func(p *pooltest.Peer) {
		for {
			_, body, ok := p.Request()
			if !ok {
				return
			}
			if string(body) != plainRequest {
				u.waiting.Add(1)
				<-u.slow
			}
			p.Say(reply(200, jsonKind, plainBodyOf("by p")))
			if u.once {
				return
			}
		}
	}
	if u.tls {
		serve = pooltest.OverTLS(server, serve)
	}
	return func(p *pooltest.Peer) {
		u.held.Add(1)
		defer u.held.Add(-1)
		if !u.takes(p.Nth) {
			if u.refuse != nil {
				u.refuse(p)
			}
			return
		}
		switch {
		case u.via == "http" && u.tls:
			http.ReadRequest(p.Reader)
			p.Say("HTTP/1.1 200 Well\r\n\r\n")
		case u.via == "socks5":
			greet(p)
			p.Say("\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
		}
		serve(&pooltest.Peer{Conn: p.Conn, Reader: bufio.NewReader(p.Conn), Nth: p.Nth})
	}
}

// before is a gateway before it, and q behind it, for client keys.
func (u *boundedUpstream) before(t *testing.T, clients ...string) *gateway {
	roots, server := pooltest.Authority(t)
	u.slow = make(chan struct{})
	u.Upstream = pooltest.Listen(t, u.play(server))
	scheme, addr, prefs := "http", u.Addr, ""
	if u.tls {
		scheme = "https"
	}
	if u.via != "" {
		addr, prefs = "127.0.0.1:1", fmt.Sprintf("    preferences: {proxy: %q}\n", u.via+"://"+u.Addr)
	}
	keys := "api_keys:\n"
	for _, c := range clients {
		keys += fmt.Sprintf("  - api: sk-%s-0123456789abcdef\n    role: %[1]s\n    model: [all]\n    preferences: {SCHEDULING_ALGORITHM: fixed_priority}\n", c)
	}
	q := listen(t, says(reply(200, jsonKind, plainBodyOf("by q"))))
	return startWith(t, Options{pool: pool.Options{TLS: pooltest.ClientTLS(roots)}}, u.others,
		fmt.Sprintf("  - provider: p\n    base_url: %s://%s/v1/chat/completions\n    api: k\n    model: [m]\n%s", scheme, addr, prefs), providerOf("q", q, "    model: [m, n]\n"), keys)
}

func (g *gateway) as(client, body string) answer {
	return g.do("POST", "/v1/chat/completions", body, "Authorization", "Bearer sk-"+client+"-0123456789abcdef")
}

// servedBy checks who serves a client key's next request.
func (g *gateway) servedBy(client, want, when string) {
	g.t.Helper()
	if a := g.as(client, plainRequest); a.StatusCode != 200 || !strings.Contains(a.body, "by "+want) {
		g.t.Errorf("%s %s: %d %s, want it by %s", when, client, a.StatusCode, a.body, want)
	}
}

func (g *gateway) restsForAll() bool {
	return g.state.Overview(g.snapshot.Load().table)[0].Channels[0].Resting
}

// A client key that keeps as many connections as a server takes makes each
// further one fail, its own and that of another client key.
func TestWhoKeepsManyConnectionsRestsNothingForOthers(t *testing.T) {
	t.Parallel()
	for _, way := range fullWays {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			const most = 3
			u := &boundedUpstream{full: way}
			var over atomic.Bool
			u.takes = func(int64) bool { return over.Load() || u.held.Load() <= most }
			g := u.before(t, "alice", "bob", "carol")
			slow := `{"model":"m","messages":[{"role":"user","content":"slow"}]}`
			var flood sync.WaitGroup
			for n := range int64(most) {
				flood.Go(func() { g.as("alice", slow) })
				eventually(t, "the server is busy", func() bool { return u.waiting.Load() == n+1 })
			}
			if way.refuse == nil {
				u.Deafen()
			}
			g.servedBy("alice", "q", "while the server is full")
			g.servedBy("bob", "q", "while the server is full")
			if g.restsForAll() {
				t.Error("it rests for all")
			}
			over.Store(true)
			close(u.slow)
			flood.Wait()
			if way.refuse == nil {
				u.Hear(t)
			}
			g.servedBy("carol", "p", "afterwards")
		})
	}
}

// The same with connections one after the other, where a server takes so many in
// a time.
func TestWhoMakesConnectionsQuicklyRestsNothingForOthers(t *testing.T) {
	t.Parallel()
	for _, way := range fullWays {
		if way.refuse == nil {
			continue // there is no moment at which nobody listens between two connections
		}
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			u := &boundedUpstream{full: way, once: true}
			var stern atomic.Bool
			u.takes = func(int64) bool { return !stern.Load() }
			g := u.before(t, "alice", "carol")
			for range 5 {
				g.servedBy("alice", "p", "at first")
			}
			stern.Store(true)
			g.servedBy("alice", "q", "when it was too quick")
			stern.Store(false)
			g.servedBy("carol", "p", "afterwards")
		})
	}
}

// One server may have several addresses, so that its connections at one make it
// refuse them at another, where nobody else has any.
func TestWhoKeepsConnectionsAtOneAddressRestsNoOtherForOthers(t *testing.T) {
	other := pooltest.Listen(t, pooltest.Always(reply(200, jsonKind, plainBodyOf("by other"))))
	other.Deafen()
	u := &boundedUpstream{takes: func(int64) bool { return true }}
	u.others = "  - provider: other\n    base_url: http://" + other.Addr + "/v1/chat/completions\n    api: k\n    model: [n]\n"
	g := u.before(t, "alice", "bob")
	var slow sync.WaitGroup
	slow.Go(func() { g.as("alice", `{"model":"m","messages":[{"role":"user","content":"slow"}]}`) })
	eventually(t, "the server is busy", func() bool { return u.waiting.Load() == 1 })
	elsewhere := strings.Replace(plainRequest, `"m"`, `"n"`, 1)
	if a := g.as("alice", elsewhere); a.StatusCode != 200 || !strings.Contains(a.body, "by q") {
		t.Errorf("alice: %d %s", a.StatusCode, a.body)
	}
	if g.restsForAll() {
		t.Error("it rests for all")
	}
	close(u.slow)
	slow.Wait()
	other.Hear(t)
	if a := g.as("bob", elsewhere); !strings.Contains(a.body, "by other") {
		t.Errorf("bob: %d %s", a.StatusCode, a.body)
	}
}

// What is dead rests for all once two client keys have met it, whatever was there
// before.
func TestServerThatHasDiedRestsForAllAfterTheSecondClientKey(t *testing.T) {
	t.Parallel()
	for _, way := range fullWays {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			var dead atomic.Bool
			u := &boundedUpstream{full: way, once: true}
			u.takes = func(int64) bool { return !dead.Load() }
			g := u.before(t, "alice", "bob", "carol")
			for range 5 {
				g.servedBy("alice", "p", "at first")
			}
			if dead.Store(true); way.refuse == nil {
				u.Deafen()
			}
			for _, client := range []string{"alice", "bob"} {
				g.servedBy(client, "q", "when it is dead")
			}
			if !g.restsForAll() {
				t.Error("it does not rest for all")
			}
			before := u.Accepted.Load()
			if g.servedBy("carol", "q", "afterwards"); u.Accepted.Load() != before {
				t.Error("a third client key is sent there")
			}
		})
	}
}

// What says that nothing is there whoever asks is believed of the first.
func TestWhatNoNumberOfConnectionsBringsAboutRestsForAllAtOnce(t *testing.T) {
	_, stranger := pooltest.Authority(t)
	up := pooltest.Listen(t, pooltest.OverTLS(stranger, pooltest.Always(plainOK)))
	for name, base := range map[string]string{"no such host": "http://no-such-host.invalid", "a certificate of somebody else": "https://" + up.Addr} {
		t.Run(name, func(t *testing.T) {
			if _, err := net.LookupHost("no-such-host.invalid"); name == "no such host" && err != nil {
				if missing, is := err.(*net.DNSError); !is || !missing.IsNotFound {
					t.Logf("there is no name server here: %v", err)
					return
				}
			}
			g := start(t, "  - provider: p\n    base_url: "+base+"/v1\n    api: k\n    model: [m]\n", providerOf("q", listen(t, both)), paidKeys("10"))
			for range 5 { // in whatever company
				g.chat(plainRequest)
			}
			if !g.restsForAll() {
				t.Error("it does not rest for all")
			}
		})
	}
}
