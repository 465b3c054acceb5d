package conn

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/server/budget"
	"uniapi/server/conn/conntest"
)

// patience is for what happens at once on a machine that is not busy.
const patience = 30 * time.Second

// ungraceful leaves clients their time but no grace: the order alone decides who
// makes room, however slow the machine is.
var ungraceful = func() Times {
	times := UsualTimes
	times.Grace, times.Room = 0, patience
	return times
}()

const (
	keyText      = "sk-a-key-that-is-known"
	plainRequest = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
	good         = conntest.Good
	mostBody     = 64 << 20
)

// chatText is a request of whoever has the key.
func chatText(body string, header ...string) string {
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + keyText + "\r\n"
	for i := 0; i+1 < len(header); i += 2 {
		head += header[i] + ": " + header[i+1] + "\r\n"
	}
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

// eventually waits for what another goroutine or the kernel is about to do.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// newGroup is a group whose connections too many are told so.
func newGroup(t *testing.T, most int, times *Times) *Group {
	t.Helper()
	g, err := NewGroup(GroupOptions{
		Most: most, Strangers: max(1, most/4), Times: times, Log: slog.New(slog.DiscardHandler),
		Refuse: func(c *net.TCPConn) {
			io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			c.Close()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// serve answers the requests on a group's connections. Whoever shows a key is known.
func serve(t *testing.T, g *Group) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	key := new(budget.Share)
	server := &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) {
			if len(ctx.Request.Header.Peek("Authorization")) > 0 {
				Of(ctx.Conn()).BelongsTo(key)
			}
		},
		ConnState: func(over net.Conn, state fasthttp.ConnState) {
			switch state {
			case fasthttp.StateActive:
				Of(over).Begin()
			case fasthttp.StateIdle:
				Of(over).Rest(over)
			}
		},
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(g.Listen(ln.(*net.TCPListener))) }()
	t.Cleanup(func() {
		g.Stop()
		<-ended
	})
	return ln.Addr().String()
}

// visitor is a client's end of a connection.
type visitor struct {
	net.Conn
	t  *testing.T
	br *bufio.Reader
}

func dial(t *testing.T, addr string) *visitor {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(2 * patience))
	return &visitor{c, t, bufio.NewReader(c)}
}

func (v *visitor) send(text string) {
	v.t.Helper()
	if _, err := io.WriteString(v, text); err != nil {
		v.t.Fatal(err)
	}
}

// status is that of the next answer.
func (v *visitor) status() int {
	v.t.Helper()
	resp, err := http.ReadResponse(v.br, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
