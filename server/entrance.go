package server

import (
	"bytes"
	"net"
	"net/netip"

	"github.com/valyala/fasthttp"

	"uniapi/pool"
	"uniapi/server/conn"
	"uniapi/server/entry"
	"uniapi/usage"
)

// entrance is what stands around every request. The outermost things come first: a browser can read errors too, and
// what is bounded are requests for answers. What only looks (GET) is always served, and what an admin changes: it is
// how an operator sees why, and ends it. Every answer gets a request id, and the router the normalised path: it would
// route by the path as it was sent, and a base URL with a slash too many is an old mistake.
//
// It looks at the request before that is served: behind comments the attempts go on when next has returned, and
// fasthttp writes to a header even to find something in it.
func (s *Server) entrance(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		switch {
		case s.inFlight.Full() && ctx.IsPost() && !s.admin.Posts(entry.Path(ctx.Path())):
			s.refuse(ctx, s.tooManyRequests())
			s.countRefused(ctx, errOverloaded.Status)
		case ctx.IsOptions():
			preflight(ctx)
		default:
			foreign := len(ctx.Request.Header.PeekCanonical(originHeader)) > 0
			uri := ctx.Request.URI()
			if path := entry.Path(uri.Path()); !bytes.Equal(uri.PathOriginal(), path) {
				uri.SetPathBytes(path)
			}
			next(ctx)
			if !entry.HasID(ctx) {
				entry.SetID(ctx, s.ids.AppendOf(nil, ctx))
			}
			if foreign {
				allowAnyOrigin(ctx)
			}
		}
		if client := conn.Of(ctx.Conn()); client != nil && client.Session.(*session).unread {
			s.leaveUnread(ctx, client)
		}
		if s.draining.Load() { // its last answer on the connection, so that the client goes elsewhere before that is closed
			ctx.SetConnectionClose()
		}
		s.counters.Answered(ctx.Response.StatusCode())
	}
}

func allowAnyOrigin(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	ctx.Response.Header.Set(fasthttp.HeaderAccessControlExposeHeaders, "*")
}

// preflight allows every origin: a request is authorised by the key it carries,
// never by a cookie.
func preflight(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	h.Set(fasthttp.HeaderAccessControlAllowMethods, "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS")
	wanted := ctx.Request.Header.Peek(fasthttp.HeaderAccessControlRequestHeaders)
	if len(wanted) == 0 {
		wanted = []byte("*")
	}
	h.SetBytesV(fasthttp.HeaderAccessControlAllowHeaders, wanted)
	h.Set(fasthttp.HeaderAccessControlMaxAge, "600")
	h.Set(fasthttp.HeaderVary, "Origin, Access-Control-Request-Headers")
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}

// originHeader is as fasthttp keeps it, which would bring it into that form each time.
var originHeader = []byte(fasthttp.HeaderOrigin)

// session is what is kept of one request on a client's connection for the next.
type session struct {
	live   underWay
	recent usage.Recent
	large  int  // bytes of the last request's body
	unread bool // the body of the request in hand, if it has one, was not read to its end
	ctx    *fasthttp.RequestCtx
}

// connState is fasthttp's hook on a connection's state.
func (s *Server) connState(over net.Conn, state fasthttp.ConnState) {
	c := conn.Of(over)
	if c == nil {
		return
	}
	switch state {
	case fasthttp.StateActive:
		c.Begin()
		c.Session.(*session).unread = true
	case fasthttp.StateIdle:
		c.Rest(over)
		// It does not sit on the buffer of a large answer (images), which fasthttp would keep for the next one.
		if ctx := c.Session.(*session).ctx; ctx != nil && cap(ctx.Response.Body()) > idleBuffer {
			pool.Recycle(ctx.Response.SwapBody(nil))
		}
	}
}

// idleBuffer is how large a buffer may be that a connection keeps while it waits for the next request.
const idleBuffer = 16 << 10

// client is the address that a request comes from, if some key may be used only
// from some. What is explained comes from nowhere, and what the gateway asks for a request from where that does.
func (in *inbound) client() netip.Addr {
	if in.stages&withAddress == 0 || in.from.IsValid() {
		return in.from
	}
	in.lazy.Lock()
	defer in.lazy.Unlock()
	return entry.ClientOf(in.ctx, in.server.options.TrustedProxies)
}
