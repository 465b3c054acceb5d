package conn

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"uniapi/pool/tcp"
)

// Listener hands fasthttp connections that are watched.
type Listener struct {
	*net.TCPListener
	group  *Group
	stopBy atomic.Pointer[time.Time] // once it is to stop: by when at the latest
	ended  atomic.Bool               // all that it took has been handed over
}

// passing are errors that end by themselves when connections do.
var passing = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ENOSPC, syscall.ECONNABORTED}

const (
	acceptPause = 50 * time.Millisecond // between two tries while no connection can be taken
	queueGap    = 5 * time.Millisecond  // a listener's queue without anything for so long is empty
	queueTime   = time.Second           // for emptying a queue that does not end
)

// stop ends the accepting, once the connections that the kernel has already taken
// are served: closing a listener resets those in its queue.
func (l *Listener) stop() {
	now := time.Now()
	by := now.Add(queueTime)
	l.stopBy.Store(&by)
	l.SetDeadline(now.Add(queueGap))
}

// Accept waits for the next connection. An error ends fasthttp's serving, which
// must not happen for a want of descriptors; io.EOF ends it in good order.
func (l *Listener) Accept() (net.Conn, error) {
	for told := false; ; {
		c, err := l.AcceptTCP()
		by := l.stopBy.Load()
		switch {
		case err == nil:
			if by != nil {
				l.SetDeadline(earlier(time.Now().Add(queueGap), *by))
			}
			if conn := l.take(c); conn != nil {
				return conn, nil
			}
		case by != nil && errors.Is(err, os.ErrDeadlineExceeded):
			// A deadline that has passed hides what waits.
			if time.Now().Before(*by) && l.waiting() {
				l.SetDeadline(*by)
				continue
			}
			l.Close()
			l.ended.Store(true)
			return nil, io.EOF
		case slices.ContainsFunc(passing, func(p error) bool { return errors.Is(err, p) }):
			if !told {
				l.group.options.Log.Error("no further connection can be taken until others have ended", "error", err)
				told = true
			}
			time.Sleep(acceptPause)
		default:
			return nil, err
		}
	}
}

// waiting tells whether the kernel has a connection to hand over.
func (l *Listener) waiting() bool {
	raw, err := l.SyscallConn()
	return err == nil && tcp.Readable(raw)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// take prepares a connection for fasthttp; nil means that it was refused.
func (l *Listener) take(c *net.TCPConn) net.Conn {
	g := l.group
	o := &g.options
	conn := &Conn{log: o.Log}
	if !g.places.enter(conn) {
		o.Refuse(c)
		return nil
	}
	var err error
	if conn.Conn, err = tcp.New(c); err != nil {
		c.Close()
		conn.place.leave(conn)
		return nil // it was closed behind our back
	}
	conn.Conn.Stalled = conn.stalls
	conn.pace = pace{times: o.Times, leaving: &g.leaving, place: &conn.place}
	conn.requests.most = int64(o.MaxBody)
	conn.announced = o.ProxyProtocol && o.TrustedProxies.contains(conn.peer())
	if o.Session != nil {
		conn.Session = o.Session()
	}
	if err := g.watch.add(conn); err != nil {
		o.Log.Error("a connection cannot be served", "error", err)
		conn.Close()
		return nil
	}
	if o.TLS != nil {
		conn.secure = true
		return &secureConn{tls.Server(conn, o.TLS), conn}
	}
	return conn
}
