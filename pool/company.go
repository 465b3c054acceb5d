package pool

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Company is what else goes on at a server when an exchange with it fails before a byte of an answer has come. Servers
// and proxies bound how many connections they take, and how many in a time; what is more they refuse, reset or hang up
// on. So a failure in company may be the doing of whoever sent the other requests.
type Company uint8

const (
	Nobody  Company = iota // no other connection is there, nor was one lately
	Passing                // others are being made, or were there a moment ago
	Crowded                // others are open: it does serve
)

// CompanyOf is in which company an exchange failed, by its error.
func CompanyOf(err error) Company {
	if among, is := errors.AsType[*accompanied](err); is {
		return among.company
	}
	return Nobody
}

// accompanied is the cause of a failure that others may have brought about.
type accompanied struct {
	error
	company Company
}

func (a *accompanied) Unwrap() error { return a.error }

// among is an *Error with the company that the connection had, which is not open, or not any more.
func (t *Target) among(err error) error {
	e, is := errors.AsType[*Error](err)
	company := t.at.company(t.pool.now(), 0)
	if !is || company == Nobody {
		return err
	}
	return &Error{e.Kind, e.Op, &accompanied{e.Err, company}}
}

const (
	// lately is for how long a connection counts that was asked for or has been closed. It is longer than the making of
	// one may take, and than a server may need to see that one is gone.
	lately = 30 * time.Second
	// often is how many that are asked for in that time, this one among them, some server may bound.
	often = 4
)

// server is what connections are made to: an upstream, or the proxy before it.
type server struct {
	open    atomic.Int64 // connections that are ready for requests, busy or idle
	dialing atomic.Int64
	closed  atomic.Int64 // when the last one was, on the pool's clock; 0 is never

	mu    sync.Mutex
	asked [often]int64 // when the last ones were asked for
	next  int          // the oldest of these
}

// serverOf is that of a target, the same for all that connect to one address. The pool is locked.
func (p *Pool) serverOf(t *Target) *server {
	addr := t.addr
	if t.proxy != nil {
		addr = t.proxy.addr
	}
	if p.servers[addr] == nil {
		p.servers[addr] = new(server)
	}
	return p.servers[addr]
}

// ask notes that a connection is asked for.
func (s *server) ask(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[s.next] = now
	s.next = (s.next + 1) % often
}

// askedOften says whether too many, this one among them, were asked for lately.
func (s *server) askedOften(now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return isLately(s.asked[s.next], now)
}

func isLately(at, now int64) bool { return at != 0 && now-at < int64(lately) }

// company is what is there beside so many open connections that it is not about.
func (s *server) company(now, but int64) Company {
	switch {
	case s.open.Load() > but:
		return Crowded
	case s.dialing.Load() > 0, isLately(s.closed.Load(), now), s.askedOften(now):
		return Passing
	}
	return Nobody
}
