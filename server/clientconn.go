package server

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/pool"
	"uniapi/pool/tcp"
	"uniapi/server/budget"
	"uniapi/usage"
)

// clientConn is a client's connection. Its call is the one that the requests on
// it run under, one after the other: when the client hangs up, the watcher
// cancels it, which ends whatever is going on upstream for this client. A
// hung-up connection never comes back, so the call needs no reset.
//
// Under TLS it is what lies below the tls.Conn; see secureConn.
type clientConn struct {
	*tcp.Conn
	log       *slog.Logger
	call      pool.Call
	live      underWay
	recent    usage.Recent
	gone      atomic.Bool
	place     place
	reading   readBounds
	requests  framing
	secure    bool      // TLS lies above, and the requests with it
	writeBy   time.Time // the write deadline that is armed
	stalled   int64     // what the place's still says of the write in hand; 0 if it does not wait
	hold      heldWrites
	holding   budget.Holding // of the request in hand, until its answer is out
	large     int            // bytes of the last request's body
	unread    bool           // the body of the request in hand, if it has one, was not read to its end
	linger    bool           // the client is still sending what was refused
	ctx       *fasthttp.RequestCtx
	forgotten func() // takes the connection off the watcher; nil if it needs none

	announced bool          // a PROXY header has yet to come
	ahead     *bufio.Reader // what was read together with the PROXY header; nil once it is used up
	source    netip.Addr    // the client as the PROXY header has it, else the peer; invalid until it is asked for
}

// writeTimeout is how long a client may refuse to take any byte. It bounds each
// write, never the stream.
const writeTimeout = 60 * time.Second

// hangUp is called by the watcher, from its own goroutine.
func (c *clientConn) hangUp() {
	c.gone.Store(true)
	c.call.Cancel()
}

func (c *clientConn) Read(p []byte) (int, error) {
	if c.secure {
		return unframed{c}.Read(p)
	}
	return c.requests.read(unframed{c}, p)
}

// unframed reads what comes, be it requests or TLS.
type unframed struct{ *clientConn }

func (c unframed) Read(p []byte) (int, error) {
	if c.announced {
		if err := c.readAnnouncement(); err != nil {
			return 0, err
		}
	}
	if c.ahead != nil {
		if c.ahead.Buffered() > 0 {
			return c.ahead.Read(p)
		}
		c.ahead = nil
	}
	return c.reading.read(c.Conn, p)
}

// write arms the deadline seldom: moving a timer for each event of a stream
// costs more than the event. A large write may take as long as it needs, as long
// as the client takes some of it.
func (c *clientConn) write(p []byte) (written int, err error) {
	for {
		if now := time.Now(); c.writeBy.Sub(now) < writeTimeout {
			c.writeBy = now.Add(writeTimeout + writeTimeout/4)
			if err := c.SetWriteDeadline(c.writeBy); err != nil {
				return written, err
			}
		}
		n, err := c.send(p[written:])
		written += n
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
	}
}

// send writes. A stranger's connection may be sent away meanwhile, and a key's that
// takes nothing.
func (c *clientConn) send(p []byte) (int, error) {
	if !c.place.isStrangers() {
		c.stalled = 0
		n, err := c.Conn.Write(p)
		if c.stalled != 0 && !c.place.resumes(c.stalled) {
			return n, errSentAway
		}
		return n, err
	}
	still, may := c.place.waits(time.Now().UnixNano(), true)
	if !may {
		return 0, errSentAway
	}
	n, err := c.Conn.Write(p)
	if !c.place.resumes(still) {
		return n, errSentAway
	}
	return n, err
}

// stalls is called when a write to a client begins to wait.
func (c *clientConn) stalls() {
	if c.place.isStrangers() {
		return // whose writes wait all along
	}
	if still := -time.Now().UnixNano(); c.place.still.CompareAndSwap(atWork, still) {
		c.stalled = still
	}
}

// SetDeadline is called by fasthttp when a connection is taken over, to lift
// whatever deadline there is.
func (c *clientConn) SetDeadline(t time.Time) error {
	c.reading.armed, c.writeBy = time.Time{}, time.Time{}
	return c.Conn.SetDeadline(t)
}

func (c *clientConn) Close() error {
	if c.forgotten != nil {
		c.forgotten()
	}
	c.call.Cancel()
	c.holding.End()
	if c.linger {
		c.drain()
	}
	err := c.Conn.Close()
	c.place.leave(c)
	return err
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
	if _, may := c.place.waits(time.Now().UnixNano(), true); !may {
		return
	}
	io.CopyN(io.Discard, c.Conn, lingerBytes)
}

// connOf returns the client's connection.
func connOf(ctx *fasthttp.RequestCtx) *clientConn {
	return below(ctx.Conn())
}

// below is the connection itself, whether there is TLS over it or not; nil if it
// is none of the listener's.
func below(conn net.Conn) *clientConn {
	switch c := conn.(type) {
	case *clientConn:
		return c
	case *secureConn:
		return c.below
	}
	return nil
}

// connState is fasthttp's hook on a connection's state.
func (s *Server) connState(conn net.Conn, state fasthttp.ConnState) {
	c := below(conn)
	if c == nil {
		return
	}
	switch state {
	case fasthttp.StateActive:
		c.reading.begin()
		c.unread = true
	case fasthttp.StateIdle:
		c.hold.flush(conn) // if the client has sent its next request already; an error shows when that is answered
		c.reading.rest()
		c.trimBuffers()
		c.holding.End()
	}
}

// idleBuffer is how large a buffer may be that a connection keeps while it waits for the next request.
const idleBuffer = 16 << 10

// trimBuffers keeps a connection from sitting on the buffer of a large answer
// (images): fasthttp would keep it for the next one.
func (c *clientConn) trimBuffers() {
	if c.ctx != nil && cap(c.ctx.Response.Body()) > idleBuffer {
		pool.Recycle(c.ctx.Response.SwapBody(nil))
	}
}
