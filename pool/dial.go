package pool

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// Do sends the request and waits for the head of the answer, over an idle connection of its owner or a new one. A
// request whose idle connection proves dead before a byte of the answer, or brings an answer that may be somebody
// else's, is sent again, once, over a new one. Every error is an *Error; the Response must be closed.
func (t *Target) Do(call *Call, req *Request, d Deadlines) (*Response, error) {
	resp, err := t.do(call, req, d)
	if err != nil {
		if over := call.Err(); over != nil {
			return nil, over
		}
	}
	return resp, err
}

func (t *Target) do(call *Call, req *Request, d Deadlines) (*Response, error) {
	if err := call.Err(); err != nil {
		return nil, err
	}
	if !req.valid() {
		return nil, &Error{Write, "sending the request to " + t.host, errRequestLine}
	}
	for !req.Alone {
		c := t.pop(req)
		if c == nil {
			break
		}
		if c.whose != req.Whose {
			c.whose = ""
		}
		resp, err := c.exchange(call, req, d)
		if c.found == silence {
			return t.judge(call, req, d, c, resp, err)
		}
		c.dispose()
		if c.found == unasked {
			t.stray()
		}
	}
	return t.ask(call, req, d)
}

// ask is Do over a new connection.
func (t *Target) ask(call *Call, req *Request, d Deadlines) (*Response, error) {
	c, err := t.dial(call)
	if err != nil {
		return nil, err
	}
	c.owner, c.whose = req.Owner, req.Whose
	resp, err := c.exchange(call, req, d)
	if err != nil {
		c.dispose()
		if k := kind(err); (k == Reset || k == Write) && !c.answered {
			err = t.among(err)
		}
		return nil, err
	}
	c.believe(req.Pace)
	return resp, nil
}

// dial makes a connection that is ready for a request: the TCP connection, the proxy's part and TLS, all within
// Options.Connect.
func (t *Target) dial(call *Call) (*conn, error) {
	t.pool.counts.dials.Add(1)
	ctx, cancel := call.within(t.pool.opts.Connect)
	defer cancel()
	if !call.attach(nil, cancel) {
		return nil, ErrCanceled
	}
	t.at.ask(t.pool.now())
	t.at.dialing.Add(1)
	c, err := t.connect(ctx)
	t.at.dialing.Add(-1)
	switch canceled := call.detach(); {
	case err == nil:
		return c, nil // canceled or not: the exchange attaches it first, and finds out
	case canceled:
		return nil, ErrCanceled
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		if e, ok := errors.AsType[*Error](err); ok {
			err = &Error{e.Kind, e.Op, fmt.Errorf("not done within %v: %w", t.pool.opts.Connect, context.DeadlineExceeded)}
		}
	}
	return nil, t.among(err)
}

func (t *Target) connect(ctx context.Context) (*conn, error) {
	addr, kind, op := t.addr, Dial, "connecting to "+t.addr
	if t.proxy != nil {
		addr, kind, op = t.proxy.addr, Proxy, "connecting to the proxy "+t.proxy.name
	}
	if t.pool.opts.Reach != nil {
		return t.reach(ctx)
	}
	// net.Dialer tries IPv6 and IPv4 side by side, and has TCP_NODELAY set on what it returns.
	tcp, err := t.pool.dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, &Error{kind, op, err}
	}
	// From here on the end of ctx closes the socket, which ends whatever waits on it.
	stop := context.AfterFunc(ctx, func() { _ = tcp.Close() })
	c, err := t.secure(ctx, tcp)
	if !stop() && err == nil {
		c.dispose()
		return nil, &Error{kind, op, ctx.Err()}
	}
	if err != nil {
		_ = tcp.Close()
	}
	return c, err
}

// reach has somebody else make the connection.
func (t *Target) reach(ctx context.Context) (*conn, error) {
	tcp, err := t.pool.opts.Reach(ctx, t.addr)
	if err == nil {
		var sock *socket
		if sock, err = newSocket(tcp); err == nil {
			return newConn(t, sock, sock.Conn), nil
		}
		_ = tcp.Close()
	}
	return nil, &Error{Dial, "connecting to " + t.addr, err}
}

// secure makes of a TCP connection, to the target or to its proxy, one to the target.
func (t *Target) secure(ctx context.Context, tcp net.Conn) (*conn, error) {
	sock, err := newSocket(tcp.(*net.TCPConn))
	if err != nil {
		return nil, &Error{Dial, "connecting to " + t.addr, err}
	}
	// Without TLS the exchange goes through the TCP connection itself.
	plain := sock.Conn
	rw := plain
	if t.proxy != nil {
		if t.proxy.tls != nil {
			if rw, err = handshake(sock, t.proxy.tls); err != nil {
				return nil, &Error{Proxy, "TLS handshake with the proxy " + t.proxy.name, err}
			}
		}
		if err := t.proxy.open(ctx, rw, t); err != nil {
			return nil, &Error{Proxy, "asking the proxy " + t.proxy.name + " for " + t.addr, err}
		}
	}
	if t.tls != nil {
		below := net.Conn(sock)
		if rw != plain {
			below = rw
		}
		if rw, err = handshake(below, t.tls); err != nil {
			return nil, &Error{TLS, "TLS handshake with " + t.addr, err}
		}
	}
	return newConn(t, sock, rw), nil
}

func handshake(below net.Conn, config *tls.Config) (net.Conn, error) {
	c := tls.Client(below, config)
	return c, c.Handshake()
}
