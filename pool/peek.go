package pool

import (
	"net"

	"uniapi/pool/tcp"
)

// socket is the TCP connection below an exchange, which can also be asked for what is there right now.
type socket struct {
	net.Conn // tcp
	tcp      *tcp.Conn

	// polling makes Read return tcp.ErrNothingYet instead of waiting, so that the TLS layer above can take in what arrived while it was idle.
	polling bool
	probe   [len(timeoutAnswer)]byte

	// holding makes Write keep what it is given until the next read, which looks before it sends it. So a request over TLS can be preceded by a look:
	// what comes first goes to the TLS layer, which can tell a session ticket from an answer.
	holding bool
	held    []byte
}

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
		n, sent, err := s.tcp.Ask(s.held, p)
		if sent {
			s.held = s.held[:0]
		}
		return n, err
	}
	return s.Conn.Read(p)
}

func (s *socket) Write(p []byte) (int, error) {
	if s.holding {
		s.held = append(s.held, p...)
		return len(p), nil
	}
	if len(s.held) > 0 { // TLS has something to say of its own, in its order
		held := s.held
		s.held = s.held[:0]
		if _, err := s.Conn.Write(held); err != nil {
			return 0, err
		}
	}
	return s.Conn.Write(p)
}
