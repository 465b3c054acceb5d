package pool

import (
	"io"
	"net"
	"syscall"
)

// socket is a TCP connection that can also be asked for what is there right now, without waiting and without a goroutine.
type socket struct {
	net.Conn
	raw syscall.RawConn

	// polling makes Read return errNothingYet instead of waiting, so that the TLS layer above can take in what arrived while it was idle.
	polling bool

	// Arguments and results of the calls below; the functions are bound once, because a closure for each call would be an allocation.
	peekFunc, readFunc func(fd uintptr)
	buf                []byte
	n                  int
	err                error
	probe              [1]byte
}

func newSocket(c *net.TCPConn) (*socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: c, raw: raw}
	s.peekFunc, s.readFunc = s.peek, s.read
	return s, nil
}

// nothingYet is temporary in the sense of net.Error: crypto/tls goes on after it where it stopped.
type nothingYet struct{}

func (nothingYet) Error() string   { return "nothing to read yet" }
func (nothingYet) Timeout() bool   { return true }
func (nothingYet) Temporary() bool { return true }

var errNothingYet net.Error = nothingYet{}

func (s *socket) Read(p []byte) (int, error) {
	if !s.polling {
		return s.Conn.Read(p)
	}
	s.buf = p
	err := s.raw.Control(s.readFunc)
	s.buf = nil
	if err != nil {
		return 0, err
	}
	return s.n, s.err
}

// quiet reports that the peer has neither sent a byte nor hung up.
func (s *socket) quiet() bool {
	return s.raw.Control(s.peekFunc) == nil && s.err == errNothingYet
}

func (s *socket) peek(fd uintptr) {
	for {
		n, _, err := syscall.Recvfrom(int(fd), s.probe[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if s.finish(n, err) {
			return
		}
	}
}

func (s *socket) read(fd uintptr) {
	for {
		n, err := syscall.Read(int(fd), s.buf)
		if s.finish(n, err) {
			return
		}
	}
}

// finish stores the result of a system call; false when it was interrupted and has to be made again.
func (s *socket) finish(n int, err error) bool {
	switch {
	case err == syscall.EINTR:
		return false
	case err == syscall.EAGAIN:
		s.n, s.err = 0, errNothingYet
	case err != nil:
		s.n, s.err = 0, err
	case n == 0:
		s.n, s.err = 0, io.EOF
	default:
		s.n, s.err = n, nil
	}
	return true
}
