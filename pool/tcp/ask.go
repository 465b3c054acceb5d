//go:build !windows

package tcp

import (
	"io"
	"syscall"
)

// Ask writes a small request and waits for the beginning of its answer, but looks first whether something has come
// already: then nothing is written, sent is false, and the buffer has what came, or the error is that of the
// connection's end. The look costs nothing. It takes the place of the read that is tried behind a write, nearly always
// in vain, before one waits.
func (c *Conn) Ask(request []byte, from Lender) (n int, sent bool, err error) {
	c.in.lender, c.out.p, c.out.n = from, request, 0
	err = c.raw.Read(c.askFunc)
	c.in.p, c.in.lender, c.out.p = nil, nil, nil
	switch sent = c.out.n > 0; {
	case err != nil:
		return 0, sent, c.waited("read", err)
	case c.in.errno == syscall.EAGAIN && c.out.errno != 0 && c.out.errno != syscall.EAGAIN:
		return 0, sent, c.failed("write", "sendto", c.out.errno)
	case c.in.errno == syscall.EAGAIN: // the kernel has not taken all of it
		if _, err = c.Write(request[c.out.n:]); err == nil {
			n, err = c.ReadLent(from)
		}
		return n, true, err
	case c.in.errno != 0:
		return 0, sent, c.failed("read", "recvfrom", c.in.errno)
	case c.in.n == 0:
		return 0, sent, io.EOF
	}
	return c.in.n, sent, nil
}

// ask is called by the poller, which has just forgotten what it knew of the socket: whatever comes after the first look
// wakes it.
func (c *Conn) ask(fd uintptr) (done bool) {
	in, out := &c.in, &c.out
	in.receive(fd)
	if in.errno != syscall.EAGAIN || out.n > 0 {
		return in.errno != syscall.EAGAIN
	}
	for out.errno = syscall.EINTR; out.errno == syscall.EINTR; {
		out.n, out.errno = transmit(fd, out.p)
	}
	out.n = max(out.n, 0)
	return out.n < len(out.p)
}
