package pool

import (
	"errors"
	"io"
	"strings"
	"testing"
	"uniapi/pool/pooltest"
)

func TestAnswersAreReadAsTheirHeadSays(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	large := strings.Repeat("0123456789abcdef", 20_000)
	tests := []struct {
		name   string
		method string // POST
		answer string // then the connection is closed
		status int
		body   string
		kind   Kind // of the error, if any
		reused bool // the connection is kept
	}{
		{name: "a length", answer: ok + "Content-Length: 5\r\n\r\nhello", status: 200, body: "hello", reused: true},
		{name: "a length of zero", answer: ok + "Content-Length: 0\r\n\r\n", status: 200, reused: true},
		{name: "a large length", answer: ok + "Content-Length: 320000\r\n\r\n" + large, status: 200, body: large, reused: true},
		{name: "chunks", answer: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n", status: 200, body: "hello, world", reused: true},
		{name: "chunks with extensions and trailers", answer: ok + "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n5;a=\"b\"\r\nhello\r\n0;last\r\nX-A: 1\r\nX-B: 2\r\n\r\n", status: 200, body: "hello", reused: true},
		{name: "no length at all", answer: ok + "\r\nuntil the end", status: 200, body: "until the end"},
		{name: "no content", answer: "HTTP/1.1 204 No Content\r\n\r\n", status: 204, reused: true},
		{name: "not modified with a length", answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", status: 304, reused: true},
		{name: "an answer to HEAD", method: "HEAD", answer: ok + "Content-Length: 100\r\n\r\n", status: 200, reused: true},
		{name: "interim answers first", answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi", status: 200, body: "hi", reused: true},
		{name: "connection: close", answer: ok + "Connection: close\r\nContent-Length: 2\r\n\r\nhi", status: 200, body: "hi"},
		{name: "HTTP/1.0", answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", status: 200, body: "hi"},
		{name: "HTTP/1.0 with keep-alive", answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", status: 200, body: "hi", reused: true},
		{name: "HTTP/1.0 with chunks it cannot have", answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nhi", status: 200, body: "hi"},
		{name: "chunks and a length", answer: ok + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n", status: 200, body: "hello"},
		{name: "a length and chunks", answer: ok + "content-length : 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", status: 200, body: "hello"},
		{name: "bytes behind the end", answer: ok + "Content-Length: 2\r\n\r\nhi" + ok, status: 200, body: "hi"},
		{name: "bytes behind the last chunk", answer: ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\r\n", status: 200, body: "hi"},

		{name: "nothing", answer: "", kind: Reset},
		{name: "half a head", answer: ok + "Content-Le", kind: Reset},
		{name: "a body that is cut", answer: ok + "Content-Length: 5\r\n\r\nhel", status: 200, body: "hel", kind: Reset},
		{name: "a chunk that is cut", answer: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", status: 200, body: "hel", kind: Reset},
		{name: "a last chunk that is missing", answer: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", status: 200, body: "hello", kind: Reset},
		{name: "a chunk size that is none", answer: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", status: 200, body: "hello", kind: Protocol},
		{name: "a chunk size that overflows", answer: ok + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", status: 200, kind: Protocol},
		{name: "a negative chunk size", answer: ok + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", status: 200, kind: Protocol},
		{name: "a chunk line without end", answer: ok + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 5000), status: 200, kind: Protocol},
		{name: "trailers without end", answer: ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X-A: 1\r\n", 4000), status: 200, kind: Protocol},
		{name: "another protocol", answer: "SSH-2.0-OpenSSH_9.6\r\n", kind: Protocol},
		{name: "garbage without a line", answer: "\x15\x03\x01", kind: Protocol},
		{name: "a status that is none", answer: "HTTP/1.1 abc\r\n\r\n", kind: Protocol},
		{name: "a field without a colon", answer: ok + "nonsense\r\n\r\n", kind: Protocol},
		{name: "a head of lines that end in LF", answer: "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", kind: Protocol},
		{name: "a head with an early end in LF", answer: ok + "X: 1\n\nContent-Length: 2\r\n\r\nhi", kind: Protocol},
		{name: "two lengths that differ", answer: ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", kind: Protocol},
		{name: "a list of lengths", answer: ok + "Content-Length: 2, 3\r\n\r\nhi!", kind: Protocol},
		{name: "a negative length", answer: ok + "Content-Length: -2\r\n\r\nhi", kind: Protocol},
		{name: "a signed length", answer: ok + "Content-Length: +2\r\n\r\nhi", kind: Protocol},
		{name: "a length that overflows", answer: ok + "Content-Length: 99999999999999999999\r\n\r\nhi", kind: Protocol},
		{name: "an unknown transfer coding", answer: ok + "Transfer-Encoding: gzip, chunked\r\n\r\nhi", kind: Protocol},
		{name: "switching protocols", answer: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", kind: Protocol},
		{name: "interim answers without end", answer: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100), kind: Protocol},
		{name: "a head that is too large", answer: ok + strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 20) + "\r\n", kind: Protocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := pooltest.Listen(t, func(p *pooltest.Peer) {
				if _, _, ok := p.Request(); !ok {
					return
				}
				p.Say(tt.answer)
				if tt.reused {
					p.HangUp()
				}
			})
			tg := direct(t, u)
			req := *post
			if tt.method != "" {
				req.Method, req.Body = tt.method, nil
			}
			status, body, err := fetch(tg, &req, patient)
			if kind := kindOf(t, err); kind != tt.kind {
				t.Errorf("kind %v (%v), want %v", kind, err, tt.kind)
			}
			if status != tt.status || body != tt.body {
				t.Errorf("status %d, body %.40q (%d bytes), want %d, %.40q (%d)", status, body, len(body), tt.status, tt.body, len(tt.body))
			}
			if cut := tt.kind == Reset; cut && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v is not io.ErrUnexpectedEOF", err)
			}
			if kept := tg.pool.Stats().Idle == 1; kept != tt.reused {
				t.Errorf("connection kept: %v, want %v", kept, tt.reused)
			}
		})
	}
}

func TestNextGivesOutEverythingThatHasArrivedAsOneSlice(t *testing.T) {
	more := make(chan bool)
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		p.Request()
		p.Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nth")
		<-more
		p.Say("ree\r\n0\r\n\r\n")
		p.HangUp()
	})
	var call Call
	resp, err := direct(t, u).Do(&call, post, patient)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if p, err := resp.Next(); string(p) != "onetwoth" || err != nil {
		t.Fatalf("%q, %v", p, err)
	}
	close(more)
	if p, err := resp.Next(); string(p) != "ree" || err != nil {
		t.Fatalf("%q, %v", p, err)
	}
	for range 2 {
		if p, err := resp.Next(); len(p) != 0 || err != io.EOF {
			t.Fatalf("%q, %v", p, err)
		}
	}
}

func TestAnswersOverTheLimitAreRefused(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, answer := range map[string]string{
		"announced": ok + "Content-Length: 100\r\n\r\n" + strings.Repeat("x", 100),
		"chunked":   ok + "Transfer-Encoding: chunked\r\n\r\n64\r\n" + strings.Repeat("x", 100) + "\r\n0\r\n\r\n",
		"unframed":  ok + "\r\n" + strings.Repeat("x", 100),
	} {
		t.Run(name, func(t *testing.T) {
			u := pooltest.Listen(t, func(p *pooltest.Peer) { p.Request(); p.Say(answer) })
			get := func(o Options, limit int) error {
				var call Call
				resp, err := target(t, newPool(t, o), "http", u.Addr, "").Do(&call, post, patient)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Close()
				_, err = resp.AppendBody(nil, limit)
				return err
			}
			if err := get(Options{}, 99); kindOf(t, err) != TooLarge {
				t.Errorf("limit of the call: %v", err)
			}
			if err := get(Options{MaxAnswer: 99}, 0); kindOf(t, err) != TooLarge {
				t.Errorf("limit of the pool: %v", err)
			}
			if err := get(Options{MaxAnswer: 100}, 100); err != nil {
				t.Errorf("at the limit: %v", err)
			}
		})
	}
}

func TestClosingEarlyKeepsTheConnectionOnlyIfTheRestIsThere(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		idle         int64
	}{
		{"rest of a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 1},
		{"rest of chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 1},
		{"more to come", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", 0},
		{"more chunks to come", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0", 0},
		{"a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!", 0},
		{"until close", "HTTP/1.1 200 OK\r\n\r\nhello", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := pooltest.Listen(t, func(p *pooltest.Peer) { p.Request(); p.Say(tt.answer); p.HangUp() })
			tg := direct(t, u)
			var call Call
			resp, err := tg.Do(&call, post, patient)
			if err != nil {
				t.Fatal(err)
			}
			resp.Close()
			if s := tg.pool.Stats(); s.Idle != tt.idle || s.Open != tt.idle {
				t.Errorf("%+v, want %d idle", s, tt.idle)
			}
			if tt.idle == 0 {
				pooltest.Eventually(t, "the upstream sees the end", func() bool { return u.Open.Load() == 0 })
			}
		})
	}
}
