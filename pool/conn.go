package pool

import (
	"bufio"
	"errors"
	"io"
	"net"
	"time"

	"uniapi/pool/tcp"
)

// conn is one connection with everything an exchange over it needs, so that an exchange allocates nothing.
type conn struct {
	target *Target
	sock   *socket
	rw     net.Conn // what the exchange goes through: the TCP connection itself, or TLS over it
	tls    bool

	br   *bufio.Reader // reads through conn.Read, which sets the deadlines
	wbuf []byte        // head of the request, with the body if it is small
	vec  [][]byte      // the pieces of one writev
	sent net.Buffers   // what is left of vec; kept here because WriteTo wants a pointer
	resp Response

	keep      bool  // may serve another exchange after this one
	parsing   bool  // the head is being parsed: no more reading
	answered  bool  // a byte has come since the request was sent
	idleSince int64 // on the pool's clock, while in the target's idle list

	readAlarm, writeAlarm alarm
	readBy, readSlack     int64         // the head must be there by then; 0: idle counts instead
	idle                  time.Duration // longest wait of one read; 0: no limit
}

func newConn(t *Target, sock *socket, rw net.Conn) *conn {
	c := &conn{target: t, sock: sock, rw: rw, tls: rw != sock.Conn}
	c.br = bufio.NewReaderSize(c, t.pool.opts.MaxHeader)
	c.resp.c = c
	c.resp.Header.SetNoDefaultContentType(true)
	t.pool.counts.open.Add(1)
	return c
}

// dispose closes the socket. A TLS peer gets no close_notify: the exchange is over, or was broken off, and the write could block.
func (c *conn) dispose() {
	_ = c.sock.Close()
	c.target.pool.counts.open.Add(-1)
}

// alive reports whether an idle connection can still be used: the peer has neither hung up nor sent what nobody asked for.
func (c *conn) alive() bool {
	if !c.tls {
		return c.sock.quiet()
	}
	// Bytes on a TLS connection may be session tickets or key updates. Only the TLS layer can tell them from data and alerts, so it reads.
	c.sock.polling = true
	n, err := c.rw.Read(c.sock.probe[:])
	c.sock.polling = false
	return n == 0 && errors.Is(err, tcp.ErrNothingYet)
}

// Read is where the bufio.Reader gets its bytes from.
func (c *conn) Read(p []byte) (int, error) {
	if c.parsing {
		return 0, io.ErrUnexpectedEOF
	}
	need, late := c.readBy, c.readSlack
	if need == 0 && c.idle > 0 {
		need, late = c.target.pool.now()+int64(c.idle), slack(c.idle)
	}
	if at, changed := c.readAlarm.move(need, late); changed {
		if err := c.sock.SetReadDeadline(c.target.pool.when(at)); err != nil {
			return 0, err
		}
	}
	n, err := c.rw.Read(p)
	if n > 0 {
		c.answered = true
	}
	if err != nil {
		c.keep = false
	}
	return n, err
}

// exchange sends the request and reads the head of the answer. On an error the connection is of no further use.
func (c *conn) exchange(call *Call, req *Request, d Deadlines) (*Response, error) {
	if !call.attach(c.sock, nil) {
		return nil, ErrCanceled
	}
	c.keep, c.answered = true, false
	err := c.send(req)
	if err != nil {
		err = c.earlyAnswer(req, d, err)
	} else {
		c.headBy(d.FirstByte)
		err = c.readHead(req, d)
	}
	if err != nil {
		if call.detach() {
			err = ErrCanceled
		}
		return nil, err
	}
	c.resp.call = call
	return &c.resp, nil
}

// headBy makes the head due in a time from now; 0 is never.
func (c *conn) headBy(timeout time.Duration) {
	c.readBy, c.readSlack, c.idle = 0, 0, 0
	if timeout > 0 {
		c.readBy, c.readSlack = c.target.pool.now()+int64(timeout), slack(timeout)
	}
}

// earlyAnswerWait is how long an answer is waited for after the write has failed. What the peer said before it hung up is already in the
// socket; this is for the peer that stopped reading without hanging up.
const earlyAnswerWait = time.Second

// earlyAnswer looks for the answer of a peer that did not want the whole body, e.g. a 413, and hung up while we wrote.
func (c *conn) earlyAnswer(req *Request, d Deadlines, writeErr error) error {
	c.headBy(earlyAnswerWait)
	err := c.readHead(req, d)
	c.keep = false
	if err != nil {
		return writeErr
	}
	return nil
}
