// Package servertest has what the tests of the server's rooms share: providers that do
// what a test says, a gateway's log and configuration. It knows nothing of the server,
// so that the server's own rooms may use it.
package servertest

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"uniapi/pool/pooltest"
)

// Upstream is a provider that does what a test says, byte for byte, and notes what it is
// asked.
type Upstream struct {
	*pooltest.Upstream
	mu   sync.Mutex
	seen []Seen
}

// Seen is a request that an upstream got.
type Seen struct {
	*http.Request
	Text string // of the body
}

// Script serves one request; the connection is closed when it returns false.
type Script func(*pooltest.Peer, Seen) bool

// Listen starts an upstream that serves each request by the script.
func Listen(t testing.TB, serve Script) *Upstream {
	t.Helper()
	return ListenRaw(t, func(u *Upstream, p *pooltest.Peer) { u.Serve(p, serve) })
}

// ListenRaw starts an upstream that does as it likes with each connection.
func ListenRaw(t testing.TB, serve func(*Upstream, *pooltest.Peer)) *Upstream {
	t.Helper()
	u := &Upstream{Upstream: new(pooltest.Upstream)}
	u.Start(t, func(p *pooltest.Peer) { serve(u, p) })
	return u
}

// Serve reads requests and plays the script for each.
func (u *Upstream) Serve(p *pooltest.Peer, serve Script) {
	for {
		req, body, some := p.Request()
		if !some {
			return
		}
		s := Seen{req, string(body)}
		u.mu.Lock()
		u.seen = append(u.seen, s)
		u.mu.Unlock()
		if !serve(p, s) {
			return
		}
	}
}

// Requests are those that have come so far.
func (u *Upstream) Requests() []Seen {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Seen(nil), u.seen...)
}

// JSON is the type of most answers.
const JSON = "application/json"

// Reply is an answer with a length.
func Reply(status int, kind, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d Whatever\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", status, kind, len(body), body)
}

// ErrorBody is an error of OpenAI's.
func ErrorBody(message string) string {
	return fmt.Sprintf(`{"error":{"message":%q,"type":"whatever","code":null}}`, message)
}
