package pool

import (
	"net"

	"uniapi/pool/tcp"
)

// socket is the TCP connection below an exchange, which can also be asked for what is there right now.
type socket struct {
	net.Conn // tcp
	tcp      *tcp.Conn

	// polling makes Read return tcp.ErrNothingYet instead of waiting, so that the TLS layer above can take in what
	// arrived while it was idle.
	polling bool
	probe   [len(timeoutAnswer)]byte

	// holding makes Write keep what it is given until the next read, which looks before it sends it. So a request over
	// TLS can be preceded by a look: what comes first goes to the TLS layer, which can tell a session ticket from an
	// answer.
	holding bool
	held    []byte // nil, or lent in box
	box     *[]byte
	own     ownBuffer
}

// ownBuffer is a buffer that belongs to who reads: the TLS layer.
type ownBuffer struct{ p []byte }

func (o *ownBuffer) Lend() []byte { return o.p }
func (o *ownBuffer) Return()      {}

func newSocket(c *net.TCPConn) (*socket, error) {
	t, err := tcp.New(c)
	if err != nil {
		return nil, err
	}
	return &socket{Conn: t, tcp: t}, nil
}

func (s *socket) Read(p []byte) (int, error) {
	switch {
	case s.polling:
		return s.tcp.Take(p)
	case len(s.held) > 0:
		s.own.p = p
		n, sent, err := s.tcp.Ask(s.held, &s.own)
		s.own.p = nil
		if sent {
			s.release()
		}
		return n, err
	}
	return s.Conn.Read(p)
}

// ReadLent is Read, without TLS above it, into a buffer that is lent.
func (s *socket) ReadLent(from tcp.Lender) (int, error) {
	switch {
	case s.tcp == nil: // another kind of connection keeps what it is lent while it waits
		return s.Conn.Read(from.Lend())
	case s.polling:
		return s.tcp.Take(from.Lend())
	}
	return s.tcp.ReadLent(from)
}

func (s *socket) Write(p []byte) (int, error) {
	if s.holding {
		if s.box == nil {
			s.box = requests.Get().(*[]byte)
			s.held = *s.box
		}
		s.held = append(s.held, p...)
		return len(p), nil
	}
	if len(s.held) > 0 { // TLS has something to say of its own, in its order
		_, err := s.Conn.Write(s.held)
		if s.release(); err != nil {
			return 0, err
		}
	}
	return s.Conn.Write(p)
}

// release gives back what was held.
func (s *socket) release() {
	if *s.box = s.held[:0]; cap(s.held) <= mostKept {
		requests.Put(s.box)
	}
	s.held, s.box = nil, nil
}
