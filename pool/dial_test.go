package pool

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/pool/pooltest"
	"uniapi/pool/tcp"
)

func TestConnectionIsUsedAgain(t *testing.T) {
	u := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	tg := direct(t, u)
	for range 10 {
		mustFetch(t, tg)
	}
	if s := tg.pool.Stats(); s != (Stats{Open: 1, Idle: 1, Dials: 1, Reused: 9}) {
		t.Errorf("%+v", s)
	}
}

func TestRequestWhoseIdleConnectionDiedIsSentAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		second func(*pooltest.Peer, chan bool) // what the first connection does after its first answer
		limit  time.Duration
		resent int64
		kind   Kind
	}{
		{"the peer closes on the second request", func(p *pooltest.Peer, _ chan bool) { p.Request() }, time.Minute, 1, 0},
		{"the peer resets on the second request", func(p *pooltest.Peer, _ chan bool) { p.Request(); p.Reset() }, time.Minute, 1, 0},
		{"the peer closes within the head", func(p *pooltest.Peer, _ chan bool) { p.Request(); p.Say("HTTP/1.1 2") }, time.Minute, 0, Reset},
		{"the peer says nothing", func(p *pooltest.Peer, done chan bool) { p.Request(); <-done }, 100 * time.Millisecond, 0, FirstByteTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			done := make(chan bool)
			u := pooltest.Listen(t, func(p *pooltest.Peer) {
				if p.Nth > 1 {
					pooltest.Always(pooltest.OKAnswer)(p)
					return
				}
				p.Request()
				p.Say(pooltest.OKAnswer)
				tt.second(p, done)
			})
			defer close(done)
			tg := direct(t, u)
			mustFetch(t, tg)
			_, body, err := fetch(tg, post, Deadlines{FirstByte: tt.limit})
			if kindOf(t, err) != tt.kind || (err == nil && body != "{}") {
				t.Errorf("%q, %v; want kind %v", body, err, tt.kind)
			}
			if s := tg.pool.Stats(); s.Resent != tt.resent || s.Dials != 1+tt.resent {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestRequestIsSentAgainOnlyOnce(t *testing.T) {
	var requests atomic.Int64
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		p.Request()
		requests.Add(1)
		if p.Nth == 1 {
			p.Say(pooltest.OKAnswer)
			p.Request()
			requests.Add(1)
		}
	})
	tg := direct(t, u)
	mustFetch(t, tg)
	if _, _, err := fetch(tg, post, patient); kindOf(t, err) != Reset {
		t.Error(err)
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests arrived", n)
	}
}

// A TLS 1.3 server may send its session tickets when the answer has long been read: they are no reason to part.
func TestLateSessionTicketsDoNotCostTheConnection(t *testing.T) {
	roots, serverTLS := pooltest.Authority(t)
	serverTLS.ClientAuth = tls.RequestClientCert // makes crypto/tls send the tickets after the handshake, as other servers do
	release := make(chan bool)
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		if p.Nth == 1 {
			p.Conn = &lateConn{Conn: p.Conn, release: release}
		}
		pooltest.OverTLS(serverTLS, pooltest.Always(pooltest.OKAnswer))(p)
	})
	tg := target(t, newPool(t, Options{TLS: pooltest.ClientTLS(roots)}), "https", u.Addr, "")
	c, err := tg.dial(&Call{})
	if err != nil {
		t.Fatal(err)
	}
	if found := c.look(); found != silence {
		t.Fatalf("before the tickets: %v", found)
	}
	close(release)
	pooltest.Eventually(t, "the tickets are there", func() bool { return !quiet(c) })
	if found := c.look(); found != silence {
		t.Fatalf("after the tickets: %v", found)
	}
	if !quiet(c) {
		t.Error("the tickets were not read")
	}
	tg.push(c)
	mustFetch(t, tg)
	if s := tg.pool.Stats(); s.Dials != 1 || s.Reused != 1 || s.Strays != 0 {
		t.Errorf("%+v", s)
	}
	c, err = tg.dial(&Call{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.dispose()
	if !c.rw.(*tls.Conn).ConnectionState().DidResume {
		t.Error("the ticket was not used")
	}
}

// quiet says that nothing is there to be read below TLS.
func quiet(c *conn) bool {
	_, err := c.sock.tcp.Peek(make([]byte, 1))
	return err == tcp.ErrNothingYet
}

// lateConn holds back every write but the first, the server's part of the handshake, until release: the tickets are the
// next.
type lateConn struct {
	net.Conn
	writes  int
	release chan bool
}

func (c *lateConn) Write(p []byte) (int, error) {
	if c.writes++; c.writes > 1 {
		<-c.release
	}
	return c.Conn.Write(p)
}

func TestIdleConnectionsExpireAndAreLimited(t *testing.T) {
	u := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	p := newPool(t, Options{MaxIdlePerTarget: 2, IdleTimeout: 500 * time.Millisecond})
	tg := target(t, p, "http", u.Addr, "")
	var call Call
	var open []*Response
	for range 3 {
		resp, err := tg.Do(&call, post, patient)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, resp)
	}
	for _, resp := range open {
		resp.Close()
	}
	if s := p.Stats(); s.Idle != 2 || s.Open != 2 {
		t.Errorf("%+v", s)
	}
	pooltest.Eventually(t, "they expire", func() bool { return p.Stats().Open == 0 })
	pooltest.Eventually(t, "the upstream sees it", func() bool { return u.Open.Load() == 0 })
}

func TestAnswerThatComesBeforeTheBodyWasReadIsReturned(t *testing.T) {
	const answer = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch"
	roots, serverTLS := pooltest.Authority(t)
	req := &Request{Method: "POST", Path: "/", Body: [][]byte{bytes.Repeat([]byte("x"), 32<<20)}}
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			serve := func(p *pooltest.Peer) {
				if _, err := p.Reader.ReadString('\n'); err != nil {
					return
				}
				p.Say(answer)
			}
			if scheme == "https" {
				serve = pooltest.OverTLS(serverTLS, serve)
			}
			u := pooltest.Listen(t, serve)
			tg := target(t, newPool(t, Options{TLS: pooltest.ClientTLS(roots)}), scheme, u.Addr, "")
			status, body, err := fetch(tg, req, patient)
			if status != 413 || body != "much" || err != nil {
				t.Errorf("%d %q, %v", status, body, err)
			}
			if s := tg.pool.Stats(); s.Open != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
	t.Run("unless there is none", func(t *testing.T) {
		u := pooltest.Listen(t, func(p *pooltest.Peer) { _, _ = p.Reader.ReadString('\n'); p.Reset() })
		if _, _, err := fetch(direct(t, u), req, patient); kindOf(t, err) != Write {
			t.Error(err)
		}
	})
	t.Run("also by a peer that stays but does not read", func(t *testing.T) {
		done := make(chan bool)
		u := pooltest.Listen(t, func(p *pooltest.Peer) {
			_, _ = p.Reader.ReadString('\n')
			p.Say(answer)
			<-done
		})
		defer close(done)
		tg := target(t, newPool(t, Options{Write: 100 * time.Millisecond}), "http", u.Addr, "")
		if status, _, err := fetch(tg, req, patient); status != 413 || err != nil {
			t.Errorf("%d, %v", status, err)
		}
	})
}

func TestRequestsArriveAsTheyWereGiven(t *testing.T) {
	roots, serverTLS := pooltest.Authority(t)
	parts := func(sizes ...int) (all [][]byte) {
		for i, n := range sizes {
			all = append(all, bytes.Repeat([]byte{byte('a' + i)}, n))
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		method string
		body   [][]byte
		length string // of Content-Length
	}{
		{"no body", "POST", nil, "0"},
		{"a GET", "GET", nil, ""},
		{"small parts", "POST", parts(10, 0, 20), "30"},
		{"just too much to copy", "POST", parts(inlineBody-10, 11), "16385"},
		{"a large part", "POST", parts(10, 300_000, 7), "300017"},
		{"more than one step", "POST", parts(writeStep-5, 100, 3*writeStep, 1), "4194400"},
		{"many parts", "POST", parts(make([]int, 3000)...), "0"},
	} {
		for _, scheme := range []string{"http", "https"} {
			t.Run(tt.name+" over "+scheme, func(t *testing.T) {
				got := make(chan string, 1)
				serve := func(p *pooltest.Peer) {
					for {
						req, body, ok := p.Request()
						if !ok {
							return
						}
						got <- req.Method + " " + req.RequestURI + " " + req.Host + " " + req.Header.Get("X-Key") + " " + req.Header.Get("Content-Length") + " " + string(body)
						p.Say(pooltest.OKAnswer)
					}
				}
				if scheme == "https" {
					serve = pooltest.OverTLS(serverTLS, serve)
				}
				u := pooltest.Listen(t, serve)
				tg := target(t, newPool(t, Options{TLS: pooltest.ClientTLS(roots)}), scheme, u.Addr, "")
				for range 2 {
					req := &Request{Method: tt.method, Path: "/v1/a?b=c", Host: "api.example.test", Header: []byte("X-Key: k\r\n"), Body: tt.body}
					if _, _, err := fetch(tg, req, patient); err != nil {
						t.Fatal(err)
					}
					want := tt.method + " /v1/a?b=c api.example.test k " + tt.length + " " + string(bytes.Join(tt.body, nil))
					if is := <-got; is != want {
						t.Errorf("%.80q (%d bytes), want %.80q (%d)", is, len(is), want, len(want))
					}
				}
				if s := tg.pool.Stats(); s.Dials != 1 {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

func TestRequestCannotSmuggleAnother(t *testing.T) {
	tg := target(t, newPool(t, Options{}), "http", "127.0.0.1:1", "")
	for _, req := range []*Request{
		{Method: "GET", Path: "/models/a HTTP/1.1\r\nX: y"}, {Method: "GET", Path: "/a b"}, {Method: "GET", Path: "/", Host: "a\r\nX: y"},
	} {
		_, _, err := fetch(tg, req, patient)
		if kindOf(t, err) != Write || !strings.Contains(err.Error(), "percent-encode") {
			t.Error(err)
		}
	}
}

func TestTLSIsVerifiedAndResumed(t *testing.T) {
	roots, serverTLS := pooltest.Authority(t)
	var alpn, sni atomic.Value
	serverTLS.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		alpn.Store(strings.Join(h.SupportedProtos, ","))
		sni.Store(h.ServerName)
		return nil, nil
	}
	u := pooltest.Listen(t, pooltest.OverTLS(serverTLS, pooltest.Always(pooltest.OKAnswer)))
	if _, _, err := fetch(target(t, newPool(t, Options{}), "https", u.Addr, ""), post, patient); kindOf(t, err) != TLS {
		t.Errorf("an unknown authority: %v", err)
	}
	p := newPool(t, Options{TLS: &tls.Config{RootCAs: roots, InsecureSkipVerify: true}})
	wrongName := target(t, p, "https", strings.Replace(u.Addr, "127.0.0.1", "localhost", 1), "")
	if _, _, err := fetch(wrongName, post, patient); kindOf(t, err) != TLS {
		t.Errorf("a certificate for another name: %v", err)
	}
	if alpn.Load() != "http/1.1" || sni.Load() != "localhost" {
		t.Errorf("ALPN %v, SNI %v", alpn.Load(), sni.Load())
	}
	mustFetch(t, target(t, p, "https", u.Addr, ""))
}

func TestDialErrorsSayWhatFailed(t *testing.T) {
	silent := pooltest.Listen(t, (*pooltest.Peer).HangUp)
	garbage := pooltest.Listen(t, func(p *pooltest.Peer) { p.Say("HTTP/1.0 400 Bad Request\r\n\r\n") })
	gone := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	gone.Stop()
	p := newPool(t, Options{Connect: 500 * time.Millisecond})
	for _, tt := range []struct {
		name, scheme, addr string
		kind               Kind
		text               string
	}{
		{"nobody listens", "http", gone.Addr, Dial, "refused"},
		{"a handshake that never ends", "https", silent.Addr, TLS, "not done within 500ms"},
		{"no TLS there", "https", garbage.Addr, TLS, "first record does not look like a TLS handshake"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := fetch(target(t, p, tt.scheme, tt.addr, ""), post, patient)
			if kindOf(t, err) != tt.kind || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), tt.addr) {
				t.Errorf("%v; want %v, %q", err, tt.kind, tt.text)
			}
		})
	}
	if s := p.Stats(); s.Open != 0 || s.Dials != 3 {
		t.Errorf("%+v", s)
	}
}
