package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"uniapi/pool/tcp"
)

// Listen returns what to serve on: the sockets that the service manager has
// opened for this process (LISTEN_FDS), which outlive it, so that nobody is
// refused while it is restarted; if there are none, one on address. With reusePort,
// other processes may listen on the same address, and the kernel spreads
// connections over them.
func Listen(address string, reusePort bool) ([]*net.TCPListener, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("taking the service manager's sockets: %w", err)
	}
	var listeners []*net.TCPListener
	for i, ln := range passed {
		tcp, ok := ln.(*net.TCPListener)
		if !ok {
			return nil, fmt.Errorf("socket %d of the service manager is not a listening TCP socket; its ListenStream= must be an address and a port", i+1)
		}
		listeners = append(listeners, tcp)
	}
	if listeners != nil {
		return listeners, nil
	}
	var config net.ListenConfig
	if reusePort {
		config.Control = setReusePort
	}
	ln, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return []*net.TCPListener{ln.(*net.TCPListener)}, nil
}

func setReusePort(_, _ string, raw syscall.RawConn) error {
	var set error
	if err := raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); err != nil {
		return err
	}
	return set
}

// listener hands fasthttp connections that the watcher watches.
type listener struct {
	*net.TCPListener
	server *Server
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
func (l *listener) stop() {
	now := time.Now()
	by := now.Add(queueTime)
	l.stopBy.Store(&by)
	l.SetDeadline(now.Add(queueGap))
}

// Accept waits for the next connection. An error ends fasthttp's serving, which
// must not happen for a want of descriptors; io.EOF ends it in good order.
func (l *listener) Accept() (net.Conn, error) {
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
				l.server.log.Error("no further connection can be taken until others have ended", "error", err)
				told = true
			}
			time.Sleep(acceptPause)
		default:
			return nil, err
		}
	}
}

// waiting tells whether the kernel has a connection to hand over.
func (l *listener) waiting() bool {
	raw, err := l.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	err = raw.Control(func(fd uintptr) {
		n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	})
	return err == nil && n > 0
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// take prepares a connection for fasthttp; nil means that it was refused.
func (l *listener) take(c *net.TCPConn) net.Conn {
	s := l.server
	conn := &clientConn{log: s.log}
	if !s.places.enter(conn) {
		s.refuseConnection(c)
		return nil
	}
	var err error
	if conn.Conn, err = tcp.New(c); err != nil {
		c.Close()
		conn.place.leave(conn)
		return nil // it was closed behind our back
	}
	conn.Conn.Stalled = conn.stalls
	conn.reading = readBounds{times: s.options.readTimes, leaving: &s.leaving, place: &conn.place}
	conn.requests.most = int64(s.options.MaxBody)
	conn.announced = s.options.ProxyProtocol && s.options.TrustedProxies.contains(conn.peer())
	if err := s.watch.add(conn); err != nil {
		s.log.Error("a connection cannot be served", "error", err)
		conn.Close()
		return nil
	}
	if s.tls != nil {
		conn.secure = true
		return &secureConn{tls.Server(conn, s.tls), conn}
	}
	return conn
}
