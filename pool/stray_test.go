package pool

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"uniapi/pool/pooltest"
)

// told keeps what OnStray is told.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (l *told) hear(t *Target) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, t.String())
}

func (l *told) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// ways are the ways on which a request reaches an upstream.
func ways(t *testing.T, serve func(*pooltest.Peer), o Options) map[string]*Target {
	roots, serverTLS := pooltest.Authority(t)
	o.TLS = pooltest.ClientTLS(roots)
	const login = "user:p%40ss%3Aword@"
	targets := map[string]*Target{}
	add := func(name, scheme, addr, proxyURL string) {
		targets[name] = target(t, newPool(t, o), scheme, addr, proxyURL)
	}
	add("http", "http", pooltest.Listen(t, serve).Addr, "")
	add("https", "https", pooltest.Listen(t, pooltest.OverTLS(serverTLS, serve)).Addr, "")
	// A proxy that forwards plain HTTP is the upstream, as far as one can see.
	add("http by an HTTP proxy", "http", "api.example.test", "http://"+login+pooltest.Listen(t, serve).Addr)
	add("http by an HTTPS proxy", "http", "api.example.test", "https://"+login+pooltest.Listen(t, pooltest.OverTLS(serverTLS, serve)).Addr)
	add("https by an HTTP proxy", "https", pooltest.Listen(t, pooltest.OverTLS(serverTLS, serve)).Addr, "http://"+login+pooltest.Listen(t, pooltest.HTTPProxy).Addr)
	add("https by an HTTPS proxy", "https", pooltest.Listen(t, pooltest.OverTLS(serverTLS, serve)).Addr, "https://"+login+pooltest.Listen(t, pooltest.OverTLS(serverTLS, pooltest.HTTPProxy)).Addr)
	add("http by a SOCKS5 proxy", "http", pooltest.Listen(t, serve).Addr, "socks5://"+login+pooltest.Listen(t, pooltest.SOCKSProxy).Addr)
	add("https by a SOCKS5 proxy", "https", pooltest.Listen(t, pooltest.OverTLS(serverTLS, serve)).Addr, "socks5://"+login+pooltest.Listen(t, pooltest.SOCKSProxy).Addr)
	return targets
}

const timeoutPage = "HTTP/1.0 408 Request Time-out\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html></html>"

// What an idle connection is found in, before a request is sent over it and by the sweep alike.
func TestWhatComesOverAnIdleConnection(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(*pooltest.Peer) // after the first answer
		want finding
	}{
		{"nothing", (*pooltest.Peer).HangUp, silence},
		{"its end", func(*pooltest.Peer) {}, closing},
		{"a reset", (*pooltest.Peer).Reset, closing},
		{"a 408 before the end", func(p *pooltest.Peer) { p.Say(timeoutPage) }, closing},
		{"a 408 and no end", func(p *pooltest.Peer) { p.Say("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"); p.HangUp() }, closing},
		{"a byte", func(p *pooltest.Peer) { p.Say("x"); p.HangUp() }, unasked},
		{"an empty line", func(p *pooltest.Peer) { p.Say("\r\n"); p.HangUp() }, unasked},
		{"an answer", func(p *pooltest.Peer) { p.Say(pooltest.OKAnswer); p.HangUp() }, unasked},
		{"an answer and its end", func(p *pooltest.Peer) { p.Say(pooltest.OKAnswer) }, unasked},
		{"the beginning of an answer", func(p *pooltest.Peer) { p.Say("HTTP/1."); p.HangUp() }, unasked},
		{"another failure", func(p *pooltest.Peer) {
			p.Say("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
			p.HangUp()
		}, unasked},
		{"an answer that says 408 elsewhere", func(p *pooltest.Peer) { p.Say("HTTP/1.1 200 408\r\nContent-Length: 0\r\n\r\n"); p.HangUp() }, unasked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var heard told
			say := make(chan bool)
			for way, tg := range ways(t, func(p *pooltest.Peer) {
				p.Request()
				p.Say(pooltest.OKAnswer)
				if p.Nth == 1 {
					<-say
					tt.then(p)
				}
			}, Options{OnStray: heard.hear}) {
				mustFetch(t, tg)
				c := tg.idle[0].conn
				say <- true
				strays, dials := int64(0), int64(2)
				switch tt.want {
				case silence:
					dials = 1
					if found := c.look(); found != silence {
						t.Errorf("%s: found %v", way, found)
					}
				case unasked:
					strays = 1
					fallthrough
				default:
					pooltest.Eventually(t, way+": it has come", func() bool { return !quiet(c) })
					mustFetch(t, tg)
				}
				if s := tg.pool.Stats(); s.Dials != dials || s.Resent != 0 || s.Doubted != 0 || s.Strays != strays {
					t.Errorf("%s: %+v", way, s)
				}
			}
			for _, line := range heard.all() {
				if tt.want != unasked || !strings.HasPrefix(line, "http") || strings.Contains(line, "ss%3A") || strings.Contains(line, "user") {
					t.Errorf("told %q", line)
				}
			}
		})
	}
}

// corked holds writes back until it is drawn, and sends them as one.
type corked struct {
	net.Conn
	held []byte
	in   bool
}

func (c *corked) Write(p []byte) (int, error) {
	if c.held = append(c.held, p...); c.in {
		return len(p), nil
	}
	_, err := c.Conn.Write(c.held)
	c.held = c.held[:0]
	return len(p), err
}

// An answer too much may have been read with the first, and wait within TLS: nothing is there to be read then.
func TestWhatWaitsWithinTLSIsUnasked(t *testing.T) {
	for _, size := range []int{10, 100_000} { // of the next request
		roots, serverTLS := pooltest.Authority(t)
		u := pooltest.Listen(t, func(p *pooltest.Peer) {
			cork := &corked{Conn: p.Conn}
			p.Conn = cork
			pooltest.OverTLS(serverTLS, func(p *pooltest.Peer) {
				for {
					_, body, ok := p.Request()
					if !ok {
						return
					}
					if p.Nth > 1 && len(body) != size {
						t.Errorf("a request of %d bytes came", len(body))
					}
					if p.Nth == 1 {
						cork.in = true
						p.Say(pooltest.OKAnswer)
						cork.in = false
					}
					p.Say(pooltest.OKAnswer)
				}
			})(p)
		})
		tg := target(t, newPool(t, Options{TLS: pooltest.ClientTLS(roots)}), "https", u.Addr, "")
		mustFetch(t, tg)
		if c := tg.idle[0].conn; !quiet(c) {
			t.Error("it is there to be read") // the system has cut in two what was sent as one
		}
		if status, _, err := fetch(tg, &Request{Method: "POST", Body: [][]byte{make([]byte, size)}}, patient); status != 200 || err != nil {
			t.Error(status, err)
		}
		if s := tg.pool.Stats(); s.Strays != 1 || s.Dials != 2 || s.Doubted != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// What TLS has to say by itself, such as the answer to a key update, leaves behind the request that it has encrypted
// before.
func TestHeldRequestLeavesBeforeWhatIsWrittenAfterIt(t *testing.T) {
	got := make(chan string, 1)
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		said, _ := io.ReadAll(p)
		got <- string(said)
	})
	c, err := direct(t, u).dial(new(Call))
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{"a request ", "in two records "} {
		c.sock.holding = true
		c.sock.Write([]byte(piece))
		c.sock.holding = false
	}
	c.sock.Write([]byte("and an update"))
	c.dispose()
	if said := <-got; said != "a request in two records and an update" {
		t.Errorf("%q", said)
	}
}

// A large request is written in pieces, after a look of its own.
func TestNoRequestIsSentOverAConnectionThatHasSomethingToSay(t *testing.T) {
	got := make(chan int, 8)
	for _, size := range []int{100, 1 << 20} {
		serve := func(p *pooltest.Peer) {
			for {
				_, body, ok := p.Request()
				if !ok {
					return
				}
				got <- len(body)
				p.Say(pooltest.OKAnswer)
				if p.Nth == 1 {
					p.Say(pooltest.OKAnswer)
				}
			}
		}
		u := pooltest.Listen(t, serve)
		tg := direct(t, u)
		mustFetch(t, tg)
		<-got
		c := tg.pop(post)
		if c != nil { // else the second answer was there with the first
			pooltest.Eventually(t, "the second answer is there", func() bool { return c.look() == unasked })
			tg.push(c)
		}
		if status, body, err := fetch(tg, &Request{Method: "POST", Path: "/", Body: [][]byte{make([]byte, size)}}, patient); status != 200 || body != "{}" || err != nil {
			t.Errorf("%d %q %v", status, body, err)
		}
		if n := <-got; n != size || len(got) != 0 {
			t.Errorf("a request of %d bytes came with %d, and %d more came", size, n, len(got))
		}
	}
}

func TestBytesBehindAnAnswerEndTheConnection(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	large := strings.Repeat("0123456789abcdef", 20_000)
	for _, tt := range []struct {
		name   string
		method string // POST
		answer string
		behind string
		strays int64
	}{
		{name: "a length", answer: ok + "Content-Length: 2\r\n\r\nhi", behind: pooltest.OKAnswer, strays: 1},
		{name: "a length of zero", answer: ok + "Content-Length: 0\r\n\r\n", behind: "x", strays: 1},
		{name: "a large length", answer: ok + "Content-Length: 320000\r\n\r\n" + large, behind: pooltest.OKAnswer, strays: 1},
		{name: "chunks", answer: ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", behind: pooltest.OKAnswer, strays: 1},
		{name: "trailers", answer: ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-A: 1\r\n\r\n", behind: "0\r\n\r\n", strays: 1},
		{name: "an empty line", answer: ok + "Content-Length: 2\r\n\r\nhi", behind: "\r\n", strays: 1},
		{name: "no content", answer: "HTTP/1.1 204 No Content\r\n\r\n", behind: "hello", strays: 1},
		{name: "not modified with a length", answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", behind: "hello", strays: 1},
		{name: "an answer to HEAD with a body", method: "HEAD", answer: ok + "Content-Length: 5\r\n\r\n", behind: "hello", strays: 1},
		{name: "HTTP/1.0 that is kept", answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", behind: pooltest.OKAnswer, strays: 1},
		{name: "a refusal", answer: "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nhi", behind: pooltest.OKAnswer, strays: 1},
		{name: "a 408", answer: ok + "Content-Length: 2\r\n\r\nhi", behind: timeoutPage},
		{name: "nothing", answer: ok + "Content-Length: 2\r\n\r\nhi"},

		// These connections were not to serve again in any case.
		{name: "connection: close", answer: ok + "Connection: close\r\nContent-Length: 2\r\n\r\nhi", behind: pooltest.OKAnswer},
		{name: "HTTP/1.0", answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", behind: pooltest.OKAnswer},
		{name: "chunks and a length", answer: ok + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n2\r\nhi\r\n0\r\n\r\n", behind: pooltest.OKAnswer},
		{name: "no length at all", answer: ok + "\r\nhi", behind: pooltest.OKAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var heard told
			p := newPool(t, Options{OnStray: heard.hear})
			tg := target(t, p, "http", "127.0.0.1:1", "")
			script := &script{answer: []byte(tt.answer + tt.behind), piece: len(tt.answer + tt.behind)}
			c := newConn(tg, &socket{Conn: script}, script)
			req := *post
			if tt.method != "" {
				req.Method = tt.method
			}
			resp, err := c.exchange(new(Call), &req, patient)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := resp.AppendBody(nil, 0); err != nil {
				t.Fatal(err)
			}
			resp.Close()
			kept := int64(0)
			if tt.behind == "" {
				kept = 1
			}
			if s := p.Stats(); s.Strays != tt.strays || s.Open != kept || len(heard.all()) != int(tt.strays) {
				t.Errorf("%+v, told %q", s, heard.all())
			}
			if kept == 1 {
				tg.pop(post).dispose()
			}
		})
	}
}

// An incident ends the keeping of all connections to the target for a time, and only for it.
func TestIncidentEndsTheKeepingOfConnections(t *testing.T) {
	var heard told
	release := make(chan bool)
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		for {
			req, _, ok := p.Request()
			if !ok {
				return
			}
			if req.URL.Path == "/wait" {
				<-release
			}
			p.Say(pooltest.OKAnswer)
			if req.URL.Path == "/twice" {
				p.Say(pooltest.OKAnswer)
			}
		}
	})
	other := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	p := newPool(t, Options{OnStray: heard.hear})
	tg, unconcerned := target(t, p, "http", u.Addr, ""), target(t, p, "http", other.Addr, "")
	mustFetch(t, unconcerned)
	ask := func(path string) *Response {
		t.Helper()
		resp, err := tg.Do(new(Call), &Request{Method: "POST", Path: path}, patient)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	// Four connections: two idle, one whose answer is being read, one that waits for its answer, over a connection that
	// has served before.
	open := []*Response{ask("/"), ask("/"), ask("/"), ask("/")}
	for _, resp := range open[1:] {
		resp.Close()
	}
	waited := make(chan error)
	go func() {
		_, body, err := fetch(tg, &Request{Method: "POST", Path: "/wait"}, patient)
		if body != "{}" {
			err = errors.Join(err, errors.New(body))
		}
		waited <- err
	}()
	pooltest.Eventually(t, "one waits", func() bool { return tg.idleCount() == 2 })
	twice := ask("/twice")
	pooltest.Eventually(t, "the second answer is there", func() bool { return twice.c.in.Buffered() > 40 || twice.c.look() == unasked })
	twice.Close()
	if twice = nil; p.Stats().Strays == 0 { // it stands in the socket
		ask("/").Close()
	}
	if s := p.Stats(); s.Strays != 1 || tg.idleCount() != 0 || unconcerned.idleCount() != 1 {
		t.Fatalf("after the incident: %+v", s)
	}
	if lines := heard.all(); len(lines) != 1 || lines[0] != "http://"+u.Addr {
		t.Errorf("told %q", lines)
	}
	open[0].Close()
	close(release)
	if err := <-waited; err != nil {
		t.Error(err)
	}
	for range 3 {
		ask("/twice").Close() // part of the same incident
		ask("/").Close()
	}
	if s := p.Stats(); s.Strays != 1 || s.Doubted != 1 || s.Open != 1 || len(heard.all()) != 1 {
		t.Errorf("in the time after it: %+v", s)
	}
	tg.mu.Lock()
	tg.resumeAt = p.now()
	tg.mu.Unlock()
	ask("/").Close()
	if resp := ask("/"); !resp.Reused {
		t.Error("after that time no connection is kept")
	} else {
		resp.Close()
	}
}

// What comes over an idle connection that no request takes is noticed all the same.
func TestSweepNoticesWhatComesOverIdleConnections(t *testing.T) {
	for _, tt := range []struct {
		name   string
		then   func(*pooltest.Peer)
		strays int64
	}{
		{"a hang-up", func(*pooltest.Peer) {}, 0},
		{"an answer", func(p *pooltest.Peer) { p.Say(pooltest.OKAnswer); p.HangUp() }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ready := make(chan bool)
			for way, tg := range ways(t, func(p *pooltest.Peer) {
				p.Request()
				p.Say(pooltest.OKAnswer)
				if p.Nth > sweepStep+2 {
					<-ready
					tt.then(p)
					return
				}
				p.HangUp()
			}, Options{}) {
				if way != "http" && way != "https" {
					continue
				}
				var open []*Response
				for range sweepStep + 4 {
					resp, err := tg.Do(new(Call), post, patient)
					if err != nil {
						t.Fatal(err)
					}
					open = append(open, resp)
				}
				for _, resp := range open {
					resp.Close()
				}
				if n := tg.idleCount(); n != len(open) {
					t.Fatalf("%s: %d are idle", way, n)
				}
				for range 2 {
					ready <- true
				}
				left := int64(sweepStep + 2)
				if tt.strays > 0 {
					left = 0
				}
				pooltest.Eventually(t, way+": it is noticed", func() bool {
					tg.sweep()
					s := tg.pool.Stats()
					return s.Open == left && s.Idle == left && s.Strays == tt.strays
				})
				if !slices.IsSortedFunc(tg.idle, func(a, b idleConn) int { return int(a.idleSince - b.idleSince) }) {
					t.Error("they are out of order")
				}
			}
		})
	}
}

// A connection serves again only if its answer was all that came over it.
func FuzzEnding(f *testing.F) {
	for _, answer := range []string{pooltest.OKAnswer, pooltest.OKAnswer + pooltest.OKAnswer, pooltest.OKAnswer + "\r\n", pooltest.OKAnswer + timeoutPage, "HTTP/1.1 204 No Content\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n0\r\n\r\n"} {
		f.Add([]byte(answer), uint16(1))
		f.Add([]byte(answer), uint16(1000))
	}
	f.Fuzz(func(t *testing.T, answer []byte, piece uint16) {
		p := New(Options{MaxAnswer: 1 << 20})
		defer p.Close()
		tg := target(t, p, "http", "127.0.0.1:1", "")
		s := &script{answer: answer, piece: int(piece) + 1}
		c := newConn(tg, &socket{Conn: s}, s)
		c.tls = true // it is looked at by reading
		resp, err := c.exchange(new(Call), post, patient)
		if err != nil {
			c.dispose()
			return
		}
		body, err := resp.AppendBody(nil, 0)
		resp.Close()
		if c = tg.pop(post); c == nil {
			return
		}
		defer c.dispose()
		if err != nil || c.in.Buffered() > 0 {
			t.Fatalf("kept after %v with %d bytes behind %q", err, c.in.Buffered(), body)
		}
		want := closing
		if rest := s.answer[:min(len(s.answer), s.piece)]; len(rest) > 0 && !announcesEnd(rest) {
			want = unasked
		}
		if found := c.look(); found != want {
			t.Fatalf("found %v where %q stands behind %q", found, s.answer, body)
		}
	})
}
