//go:build !windows

package tcp

import (
	"io"
	"net"
	"os"
	"syscall"
)

// Conn is a connection. One goroutine at a time may read, and one write; deadlines and Close are free, as ever.
type Conn struct {
	*net.TCPConn
	raw syscall.RawConn

	// Stalled, if it is set, is called when a write begins to wait for the peer, once for each Write.
	Stalled func()

	in, out transfer
	// Bound once: a closure for each call would be an allocation.
	readFunc, sendFunc, askFunc func(fd uintptr) bool
	peekFunc, takeFunc          func(fd uintptr)
}

// transfer is a call's argument and what came of it.
type transfer struct {
	p       []byte
	lender  Lender // of p, if it is not nil
	n       int
	errno   syscall.Errno
	stalled bool // Stalled has been called
}

// New makes a Conn of a connection, which must not be read or written but through it from then on.
func New(c *net.TCPConn) (*Conn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	conn := &Conn{TCPConn: c, raw: raw}
	conn.readFunc, conn.sendFunc, conn.askFunc = conn.read, conn.send, conn.ask
	conn.peekFunc, conn.takeFunc = conn.peek, conn.take
	return conn, nil
}

// Read is net.Conn's.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.in.p = p
	err := c.raw.Read(c.readFunc)
	c.in.p = nil
	return c.was(err)
}

// was is what a read has brought, if its wait ended with err.
func (c *Conn) was(err error) (int, error) {
	switch {
	case err != nil:
		return 0, c.waited("read", err)
	case c.in.errno != 0:
		return 0, c.failed("read", "recvfrom", c.in.errno)
	case c.in.n == 0:
		return 0, io.EOF
	}
	return c.in.n, nil
}

// ReadLent is Read into a buffer that is lent for it, and given back while there is nothing to read.
func (c *Conn) ReadLent(from Lender) (int, error) {
	c.in.lender = from
	err := c.raw.Read(c.readFunc)
	c.in.p, c.in.lender = nil, nil
	return c.was(err)
}

func (c *Conn) read(fd uintptr) (done bool) {
	c.in.receive(fd)
	return c.in.errno != syscall.EAGAIN
}

// receive reads what is there. If that is nothing, what was lent is given back.
func (in *transfer) receive(fd uintptr) {
	if in.lender != nil {
		in.p = in.lender.Lend()
	}
	for in.errno = syscall.EINTR; in.errno == syscall.EINTR; {
		in.n, in.errno = receive(fd, in.p, 0)
	}
	if in.errno == syscall.EAGAIN && in.lender != nil {
		in.p = nil
		in.lender.Return()
	}
}

// Write is net.Conn's.
func (c *Conn) Write(p []byte) (int, error) {
	c.out.p, c.out.n, c.out.stalled = p, 0, false
	err := c.raw.Write(c.sendFunc)
	c.out.p = nil
	switch {
	case err != nil:
		return c.out.n, c.waited("write", err)
	case c.out.errno != 0:
		return c.out.n, c.failed("write", "sendto", c.out.errno)
	}
	return c.out.n, nil
}

func (c *Conn) send(fd uintptr) (done bool) {
	out := &c.out
	for {
		var n int
		n, out.errno = transmit(fd, out.p[out.n:])
		if out.errno == 0 {
			if out.n += n; out.n == len(out.p) {
				return true
			}
		} else if out.errno != syscall.EINTR {
			if out.errno == syscall.EAGAIN && !out.stalled && c.Stalled != nil {
				out.stalled = true
				c.Stalled()
			}
			return out.errno != syscall.EAGAIN
		}
	}
}

// Take reads what is there right now, or ErrNothingYet. It minds no deadline.
func (c *Conn) Take(p []byte) (int, error) { return c.now(p, c.takeFunc) }

// Peek is Take without taking: the next read brings the same bytes.
func (c *Conn) Peek(p []byte) (int, error) { return c.now(p, c.peekFunc) }

func (c *Conn) now(p []byte, call func(uintptr)) (int, error) {
	c.in.p = p
	err := c.raw.Control(call)
	c.in.p = nil
	switch {
	case err != nil:
		return 0, err
	case c.in.errno == syscall.EAGAIN:
		return 0, ErrNothingYet
	case c.in.errno != 0:
		return 0, c.in.errno
	case c.in.n == 0:
		return 0, io.EOF
	}
	return c.in.n, nil
}

func (c *Conn) take(fd uintptr) { c.atOnce(fd, 0) }
func (c *Conn) peek(fd uintptr) { c.atOnce(fd, syscall.MSG_PEEK) }

func (c *Conn) atOnce(fd uintptr, flags int) {
	for c.in.errno = syscall.EINTR; c.in.errno == syscall.EINTR; {
		c.in.n, c.in.errno = receive(fd, c.in.p, flags)
	}
}

// waited is an error of the poller's: a deadline, or that the connection is closed. It gets the name of what the caller
// did.
func (c *Conn) waited(op string, err error) error {
	if e, ok := err.(*net.OpError); ok {
		e.Op = op
	}
	return err
}

func (c *Conn) failed(op, call string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(call, err)}
}
