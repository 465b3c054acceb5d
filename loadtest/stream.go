package loadtest

import (
	"errors"
	"io"
	"net"
	"time"
)

// eventBody is the body of one streamed answer. It writes itself (fasthttp's
// BodyWriterTo), so that it needs neither a goroutine nor a pipe: each Write
// becomes one chunk and one flush.
type eventBody struct {
	mock   *Mock
	conn   *corkedConn // nil if the connection is not one of Serve's
	events [][]byte
}

var errMockClosed = errors.New("mock upstream closed")

func (b *eventBody) SupportsBodyWriteTo() bool { return true }

// Read exists because fasthttp wants an io.Reader; WriteTo is what is called.
func (b *eventBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (b *eventBody) WriteTo(w io.Writer) (int64, error) {
	if b.mock.Gap > 0 {
		return b.writePaced(w)
	}
	return b.writeBursts(w)
}

// writePaced writes every event on its own and waits after each, the last one
// included, as the original mock does.
func (b *eventBody) writePaced(w io.Writer) (written int64, err error) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for _, event := range b.events {
		n, err := w.Write(event)
		written += int64(n)
		if err != nil {
			return written, err
		}
		timer.Reset(b.mock.Gap)
		select {
		case <-timer.C:
		case <-b.mock.closed:
			return written, errMockClosed
		}
	}
	return written, nil
}

// writeBursts holds the chunks back until Burst of them share one write. What
// is left at the end goes out together with the chunk that ends the body.
func (b *eventBody) writeBursts(w io.Writer) (written int64, err error) {
	for i, event := range b.events {
		if b.conn != nil && i%b.mock.Burst == 0 {
			b.conn.cork()
		}
		if b.conn != nil && i%b.mock.Burst == b.mock.Burst-1 && i < len(b.events)-1 {
			b.conn.uncork()
		}
		n, err := w.Write(event)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	if b.conn != nil {
		b.conn.uncork()
	}
	return written, nil
}

// corkingListener hands out connections whose writes can be held back.
type corkingListener struct {
	net.Listener
	mock *Mock
}

func (l *corkingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &corkedConn{Conn: c, mock: l.mock}
	if !l.mock.track(conn) {
		c.Close()
		return nil, net.ErrClosed
	}
	return conn, nil
}

// corkedConn is a connection that, between cork and uncork, keeps what is
// written to it and sends it with the first write after uncork. It is used by
// one goroutine at a time, but for Close.
type corkedConn struct {
	net.Conn
	mock   *Mock
	corked bool
	held   []byte
}

func (c *corkedConn) cork()   { c.corked = true }
func (c *corkedConn) uncork() { c.corked = false }

func (c *corkedConn) Write(p []byte) (int, error) {
	if !c.corked && len(c.held) == 0 {
		return c.Conn.Write(p)
	}
	c.held = append(c.held, p...)
	if c.corked {
		return len(p), nil
	}
	_, err := c.Conn.Write(c.held)
	c.held = c.held[:0]
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *corkedConn) Close() error {
	c.mock.untrack(c)
	return c.Conn.Close()
}
