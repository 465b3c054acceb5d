package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"uniapi/config"
	"uniapi/server/servertest"
)

// The keys of most tests. They are long enough for the gateway to mask them.
const (
	clientKeyText   = "sk-client-0123456789abcdefghijklmn"
	upstreamKeyText = "sk-upstream-abcdefghijklmnopqrstuvwxyz"
)

const (
	plainRequest  = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
	streamRequest = `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`
)

// patience is how long a test waits for what must happen; soon is how fast the
// end of a client must reach an upstream.
const (
	patience = servertest.Patience
	soon     = 250 * time.Millisecond
)

// gateway is a Server on a loopback listener.
type gateway struct {
	*Server
	t    testing.TB
	addr string
	log  *logLines
	http *http.Client
	over chan error // what Serve returned
}

// start runs a gateway whose providers are the lines of api.yaml that provider
// makes; more is what follows them.
func start(t testing.TB, providers ...string) *gateway {
	t.Helper()
	return startWith(t, Options{}, providers...)
}

func startWith(t testing.TB, o Options, providers ...string) *gateway {
	t.Helper()
	g := &gateway{t: t, log: newLogLines(), over: make(chan error, 1)}
	o.Config, o.Version = parseConfig(t, providers...), "v0-test"
	if o.Log == nil {
		o.Log = slog.New(slog.NewJSONHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	server, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.Server, g.addr = server, ln.Addr().String()
	g.http = &http.Client{Transport: &http.Transport{DisableCompression: true}, Timeout: patience}
	go func() { g.over <- server.Serve(ln.(*net.TCPListener)) }()
	t.Cleanup(func() {
		g.http.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutting down: %v", err)
		}
		if n := server.inFlight.Load(); n != 0 {
			t.Errorf("%d requests in flight after the end", n)
		}
	})
	return g
}

// parseConfig makes a configuration of provider sections. A section that begins
// with another top-level word than a provider's takes the place of the key.
func parseConfig(t testing.TB, sections ...string) *config.Config {
	t.Helper()
	text, keys := "providers:\n", "api_keys:\n  - api: "+clientKeyText+"\n    role: tester-admin\n"
	for _, s := range sections {
		if strings.HasPrefix(s, "api_keys:") {
			keys = s
		} else if !strings.HasPrefix(s, "preferences:") {
			text += s
		}
	}
	text += keys
	for _, s := range sections {
		if strings.HasPrefix(s, "preferences:") {
			text += s
		}
	}
	cfg, err := config.Parse("api.yaml", []byte(text), func(string) string { return "" })
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	return cfg
}

// provider is one provider of api.yaml: model m, one key, and more lines.
func providerOf(name string, u *upstream, more ...string) string {
	section := fmt.Sprintf("  - provider: %s\n    base_url: http://%s/v1/chat/completions\n", name, u.addr)
	lines := strings.Join(more, "")
	if !strings.Contains(lines, "api:") {
		lines += "    api: " + upstreamKeyText + "\n"
	}
	if !strings.Contains(lines, "model:") {
		lines += "    model: [m]\n"
	}
	return section + lines
}

// answer is a whole answer as a client got it.
type answer struct {
	*http.Response
	body string
}

// do sends a request and reads the whole answer.
func (g *gateway) do(method, path, body string, header ...string) answer {
	g.t.Helper()
	resp, err := g.http.Do(g.request(method, path, body, header...))
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatalf("reading the answer: %v; so far %q", err, text)
	}
	return answer{resp, string(text)}
}

func (g *gateway) request(method, path, body string, header ...string) *http.Request {
	g.t.Helper()
	req, err := http.NewRequest(method, "http://"+g.addr+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header[header[i]] = append(req.Header[header[i]], header[i+1])
	}
	return req
}

// chat asks with the test's key.
func (g *gateway) chat(body string, header ...string) answer {
	g.t.Helper()
	return g.do("POST", "/v1/chat/completions", body, append(header, "Authorization", "Bearer "+clientKeyText)...)
}

// envelope is OpenAI's error.
type envelope struct {
	Error struct {
		Message, Type string
		Param, Code   *string
	}
}

// failure checks that an answer is an error in OpenAI's envelope with the given
// status and code ("" for any), and returns its message.
func (a answer) failure(t testing.TB, status int, code string) string {
	t.Helper()
	var e envelope
	decoder := json.NewDecoder(strings.NewReader(a.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil || e.Error.Message == "" || e.Error.Type == "" {
		t.Fatalf("status %d, not an error envelope (%v): %s", a.StatusCode, err, a.body)
	}
	if kind := a.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type %q", kind)
	}
	if a.StatusCode != status || code != "" && (e.Error.Code == nil || *e.Error.Code != code) {
		t.Errorf("status %d, want %d with code %q: %s", a.StatusCode, status, code, a.body)
	}
	return e.Error.Message
}

// client is a raw connection to the gateway.
type client struct {
	*net.TCPConn
	t  testing.TB
	br *bufio.Reader
}

func (g *gateway) dial() *client {
	g.t.Helper()
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return newClient(g.t, c)
}

func newClient(t testing.TB, c net.Conn) *client {
	return &client{c.(*net.TCPConn), t, bufio.NewReader(c)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.TCPConn, text); err != nil {
		c.t.Fatal(err)
	}
}

// post sends a chat request.
func (c *client) post(body string, header ...string) {
	c.t.Helper()
	c.send(chatText(body, header...))
}

// chatText is a chat request as it goes over the wire.
func chatText(body string, header ...string) string {
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + clientKeyText + "\r\n"
	for i := 0; i+1 < len(header); i += 2 {
		head += header[i] + ": " + header[i+1] + "\r\n"
	}
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

// head reads the head of an answer; its body is read as it comes.
func (c *client) head() *http.Response {
	c.t.Helper()
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp
}

// answer reads a whole answer.
func (c *client) answer() answer {
	c.t.Helper()
	resp := c.head()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("reading the answer: %v; so far %q", err, text)
	}
	return answer{resp, string(text)}
}

// rest is everything up to the end of the connection.
func (c *client) rest() string {
	c.t.Helper()
	text, err := io.ReadAll(c.br)
	if err != nil {
		c.t.Fatalf("the connection did not end well: %v; so far %q", err, text)
	}
	return string(text)
}

// logLines takes what the gateway logs, logLine is a line of it.
type (
	logLine  = servertest.Line
	logLines = servertest.Log
)

func newLogLines() *logLines { return servertest.NewLog() }

// eventually waits for what another goroutine or the kernel is about to do.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	servertest.Eventually(t, what, cond)
}

// receive waits for what a channel brings.
func receive[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	return servertest.Receive(t, ch, what)
}

// stopwatch measures how long something takes a process that gets the time it
// asks for: what a busy machine keeps from it is not counted.
type stopwatch struct {
	began time.Time
	stop  chan struct{}
	lost  chan time.Duration
}

func startWatch() *stopwatch {
	w := &stopwatch{time.Now(), make(chan struct{}), make(chan time.Duration, 1)}
	go func() {
		const tick = 5 * time.Millisecond
		var lost time.Duration
		for {
			asleep := time.Now()
			select {
			case <-w.stop:
				w.lost <- lost
				return
			case <-time.After(tick):
				lost += time.Since(asleep) - tick
			}
		}
	}()
	return w
}

// check ends the measurement; end is when that which was waited for happened.
func (w *stopwatch) check(t testing.TB, what string, end time.Time) {
	t.Helper()
	close(w.stop)
	if took := end.Sub(w.began) - <-w.lost; took > soon {
		t.Errorf("%s came after %v", what, took)
	}
}
