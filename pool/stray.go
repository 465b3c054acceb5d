package pool

import (
	"errors"

	"uniapi/pool/tcp"
)

// stray takes note that the upstream sent what nobody asked it for: bytes behind an answer or on an idle connection. On
// a connection that is kept they would be taken for the answer to the next request, and the answer to that for the one
// to the request after it: each is somebody else's. So for Options.Distrust no connection to the target is kept. Those
// that are idle are closed; those in use will be when their answer is read. What is met until then is part of the same
// incident.
func (t *Target) stray() {
	now := t.pool.now()
	t.mu.Lock()
	if now < t.resumeAt {
		t.mu.Unlock()
		return
	}
	t.resumeAt = now + int64(t.pool.opts.Distrust)
	t.strays.Add(1)
	idle := t.idle
	t.idle = nil
	t.mu.Unlock()
	for _, c := range idle {
		c.dispose()
	}
	t.pool.counts.strays.Add(1)
	if told := t.pool.opts.OnStray; told != nil {
		told(t)
	}
}

// finding is what an idle connection turns out to be.
type finding int

const (
	silence finding = iota // it can serve
	closing                // the peer has hung up, or is about to and says so
	unasked                // it brought what nobody asked for
)

// look finds out what came over an idle connection, without waiting.
func (c *conn) look() finding {
	said := c.sock.probe[:]
	var n int
	var err error
	if c.tls {
		// Bytes on a TLS connection may be session tickets or key updates. Only the TLS layer can tell them from data
		// and alerts, so it reads.
		c.sock.polling = true
		n, err = c.rw.Read(said)
		c.sock.polling = false
	} else {
		n, err = c.sock.tcp.Peek(said)
	}
	switch {
	case n > 0 && !announcesEnd(said[:n]):
		return unasked
	case n == 0 && errors.Is(err, tcp.ErrNothingYet):
		return silence
	}
	return closing
}

// trailing says what stands behind an answer that was read to its end.
func (c *conn) trailing() finding {
	if c.in.Buffered() == 0 {
		return silence
	}
	if said, _ := c.in.Peek(c.in.Buffered()); announcesEnd(said) {
		return closing
	}
	return unasked
}

// timeoutAnswer is how the answer begins that some servers send on an idle connection before they close it, as RFC 9110
// lets them: HAProxy and what is built on it, for one. It answers no request, holds nothing of anybody's, and the
// connection is not used again. HTTP/1.0 says it too.
const timeoutAnswer = "HTTP/1.1 408"

func announcesEnd(said []byte) bool {
	const minor = len("HTTP/1.")
	return len(said) >= len(timeoutAnswer) && string(said[:minor]) == timeoutAnswer[:minor] && string(said[minor+1:len(timeoutAnswer)]) == timeoutAnswer[minor+1:]
}
