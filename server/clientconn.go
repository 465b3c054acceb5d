package server

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/pool"
)

// clientConn is a client's connection. Its call is the one that the requests on
// it run under, one after the other: when the client hangs up, the watcher
// cancels it, which ends whatever is going on upstream for this client. A
// hung-up connection never comes back, so the call needs no reset.
type clientConn struct {
	*net.TCPConn
	call      pool.Call
	gone      atomic.Bool
	writeBy   time.Time // the write deadline that is armed
	linger    bool      // the client is still sending what was refused
	ctx       *fasthttp.RequestCtx
	forgotten func() // takes the connection off the watcher; nil if it needs none
}

// writeTimeout is how long a client may refuse to take any byte. It bounds each
// write, never the stream.
const writeTimeout = 60 * time.Second

// hangUp is called by the watcher, from its own goroutine.
func (c *clientConn) hangUp() {
	c.gone.Store(true)
	c.call.Cancel()
}

// Write arms the deadline seldom: moving a timer for each event of a stream
// costs more than the event.
func (c *clientConn) Write(p []byte) (int, error) {
	if now := time.Now(); c.writeBy.Sub(now) < writeTimeout {
		c.writeBy = now.Add(writeTimeout + writeTimeout/4)
		if err := c.SetWriteDeadline(c.writeBy); err != nil {
			return 0, err
		}
	}
	return c.TCPConn.Write(p)
}

func (c *clientConn) Close() error {
	if c.forgotten != nil {
		c.forgotten()
	}
	c.call.Cancel()
	if c.linger {
		c.drain()
	}
	return c.TCPConn.Close()
}

// What a client that was refused in mid-sending may still send, so that it gets
// to read the refusal: closing at once would answer it with a reset.
const (
	lingerBytes = 256 << 20
	lingerTime  = 5 * time.Second
)

func (c *clientConn) drain() {
	c.CloseWrite()
	c.SetReadDeadline(time.Now().Add(lingerTime))
	io.CopyN(io.Discard, c.TCPConn, lingerBytes)
}

// connOf returns the client's connection.
func connOf(ctx *fasthttp.RequestCtx) *clientConn {
	return ctx.Conn().(*clientConn)
}

// trimBuffers is fasthttp's hook on a connection's state. fasthttp keeps a
// connection's body buffers for its next request; after a request with large
// ones (inline images), an idle connection would sit on them.
func trimBuffers(conn net.Conn, state fasthttp.ConnState) {
	c, ok := conn.(*clientConn)
	if !ok || state != fasthttp.StateIdle || c.ctx == nil {
		return
	}
	if cap(c.ctx.Request.Body()) > maxKept {
		c.ctx.Request.SwapBody(nil)
	}
	if cap(c.ctx.Response.Body()) > maxKept {
		c.ctx.Response.SwapBody(nil)
	}
}

// listener hands fasthttp connections that the watcher watches.
type listener struct {
	*net.TCPListener
	watch *watcher
	log   *slog.Logger
}

// passing are errors that end by themselves when connections do.
var passing = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ENOSPC, syscall.ECONNABORTED}

// acceptPause lies between two tries while no connection can be taken.
const acceptPause = 50 * time.Millisecond

// Accept waits for the next connection. An error ends fasthttp's serving, which
// must not happen for a want of descriptors.
func (l *listener) Accept() (net.Conn, error) {
	for told := false; ; told = true {
		conn, err := l.accept()
		if !slices.ContainsFunc(passing, func(p error) bool { return errors.Is(err, p) }) {
			return conn, err
		}
		if !told {
			l.log.Error("no further connection can be taken until others have ended", "error", err)
		}
		time.Sleep(acceptPause)
	}
}

func (l *listener) accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	conn := &clientConn{TCPConn: c}
	if err := l.watch.add(conn); err != nil {
		c.Close()
		return nil, err
	}
	return conn, nil
}
