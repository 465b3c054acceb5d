package server

import (
	"net"

	"github.com/valyala/fasthttp"

	"uniapi/pool"
	"uniapi/server/conn"
	"uniapi/usage"
)

// session is what is kept of one request on a client's connection for the next.
type session struct {
	live   underWay
	recent usage.Recent
	large  int  // bytes of the last request's body
	unread bool // the body of the request in hand, if it has one, was not read to its end
	ctx    *fasthttp.RequestCtx
}

// connOf returns the client's connection.
func connOf(ctx *fasthttp.RequestCtx) *conn.Conn { return conn.Of(ctx.Conn()) }

// sessionOf returns what is kept with a connection.
func sessionOf(c *conn.Conn) *session { return c.Session.(*session) }

// connState is fasthttp's hook on a connection's state.
func (s *Server) connState(over net.Conn, state fasthttp.ConnState) {
	c := conn.Of(over)
	if c == nil {
		return
	}
	switch state {
	case fasthttp.StateActive:
		c.Begin()
		sessionOf(c).unread = true
	case fasthttp.StateIdle:
		c.Rest(over)
		sessionOf(c).trimBuffers()
	}
}

// idleBuffer is how large a buffer may be that a connection keeps while it waits for the next request.
const idleBuffer = 16 << 10

// trimBuffers keeps a connection from sitting on the buffer of a large answer
// (images): fasthttp would keep it for the next one.
func (s *session) trimBuffers() {
	if s.ctx != nil && cap(s.ctx.Response.Body()) > idleBuffer {
		pool.Recycle(s.ctx.Response.SwapBody(nil))
	}
}
