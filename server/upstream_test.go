package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"uniapi/pool/pooltest"
	"uniapi/server/servertest"
)

// upstream is a provider that does what a test says, byte for byte: that of the other rooms, by the names that it has
// in the tests of this one.
type upstream struct {
	*servertest.Upstream
	addr string
}

// seen is a request that an upstream got.
type seen struct {
	*http.Request
	body string
}

// peer is the upstream's end of one connection.
type peer struct {
	*net.TCPConn
	br *bufio.Reader
	up *upstream
}

// script serves one request; the connection is closed when it returns false.
type script func(*peer, seen) bool

// listen starts an upstream that serves each request by the script.
func listen(t testing.TB, serve script) *upstream {
	t.Helper()
	return listenFor(t, func(p *peer, end *pooltest.Peer) {
		p.up.Serve(end, func(_ *pooltest.Peer, s servertest.Seen) bool { return serve(p, seen{s.Request, s.Text}) })
	})
}

// listenRaw starts an upstream that does as it likes with each connection.
func listenRaw(t testing.TB, serve func(*peer)) *upstream {
	t.Helper()
	return listenFor(t, func(p *peer, _ *pooltest.Peer) { serve(p) })
}

func listenFor(t testing.TB, serve func(*peer, *pooltest.Peer)) *upstream {
	t.Helper()
	u := servertest.ListenRaw(t, func(u *servertest.Upstream, p *pooltest.Peer) {
		serve(&peer{p.Conn.(*net.TCPConn), p.Reader, &upstream{u, u.Addr}}, p)
	})
	return &upstream{u, u.Addr}
}

// requests are those that have come so far.
func (u *upstream) requests() (all []seen) {
	for _, s := range u.Requests() {
		all = append(all, seen{s.Request, s.Text})
	}
	return all
}

// open is the number of connections to the upstream.
func (u *upstream) open() int { return int(u.Open.Load()) }

func (p *peer) say(text string) { io.WriteString(p.TCPConn, text) }

// gone waits until the gateway has closed the connection.
func (p *peer) gone() { io.Copy(io.Discard, p.br) }

// leaves is closed when the gateway has closed the connection.
func (p *peer) leaves() <-chan bool {
	gone := make(chan bool)
	go func() {
		defer close(gone)
		p.gone()
	}()
	return gone
}

// reset breaks the connection off.
func (p *peer) reset() {
	p.SetLinger(0)
	p.Close()
}

// says makes a script that gives every request the same answer.
func says(text string) script {
	return func(p *peer, _ seen) bool {
		p.say(text)
		return true
	}
}

// reply is an answer with a length.
func reply(status int, kind, body string) string { return servertest.Reply(status, kind, body) }

const jsonKind = servertest.JSON

// plainBodyOf is a plain answer that says text.
func plainBodyOf(text string) string {
	return fmt.Sprintf(`{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":3}}}`, text)
}

// plainOK is a whole plain answer.
var plainOK = reply(200, jsonKind, plainBodyOf("hello"))

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

// chunk is one chunk of a chunked body; the empty one ends it.
func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

// event is a stream's event that says text.
func event(text string) string {
	return fmt.Sprintf("data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", text)
}

const (
	stopEvent  = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	usageEvent = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\n"
	doneEvent  = "data: [DONE]\n\n"
)

// streamOK is a whole stream, each event a chunk of its own.
var streamOK = streamHead + chunk(event("one")) + chunk(event(" two")) + chunk(stopEvent) + chunk(usageEvent) + chunk(doneEvent) + chunk("")

// streamSeen is what the client sees of it.
var streamSeen = event("one") + event(" two") + stopEvent + doneEvent

// both answers a stream or plainly, as it is asked.
func both(p *peer, r seen) bool {
	if wantsStream(r) {
		p.say(streamOK)
	} else {
		p.say(plainOK)
	}
	return true
}

func wantsStream(r seen) bool { return strings.Contains(r.body, `"stream":true`) }

// pausing begins a stream, and ends it when it may go on.
func pausing(goOn <-chan bool) func(*peer, seen) bool {
	return func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")))
		<-goOn
		p.say(chunk(stopEvent) + chunk(doneEvent) + chunk(""))
		return true
	}
}

// journal is who was asked, in order.
type journal struct {
	mu    sync.Mutex
	names []string
}

// named is a script that notes whom it was asked of.
func (j *journal) named(name string, serve script) script {
	return func(p *peer, r seen) bool {
		j.mu.Lock()
		j.names = append(j.names, name)
		j.mu.Unlock()
		return serve(p, r)
	}
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.names, " ")
}
