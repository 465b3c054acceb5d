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
}

func newSocket(c *net.TCPConn) (*socket, error) {
	t, err := tcp.New(c)
	if err != nil {
		return nil, err
	}
	return &socket{Conn: t, tcp: t}, nil
}

func (s *socket) Read(p []byte) (int, error) {
	if s.polling {
		return s.tcp.Take(p)
	}
	return s.Conn.Read(p)
}
