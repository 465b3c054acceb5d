package server

import (
	"net/netip"

	"github.com/valyala/fasthttp"
)

// clientIP is the address a request comes from, as far as it can be believed:
// what a trusted proxy says of whom it speaks for, else the connection's other
// end.
func (s *Server) clientIP(ctx *fasthttp.RequestCtx) netip.Addr {
	source := connOf(ctx).Source()
	if len(s.options.TrustedProxies) == 0 {
		return source
	}
	return s.options.TrustedProxies.Behind(source, ctx.Request.Header.PeekAll(fasthttp.HeaderXForwardedFor))
}

// client is the address that a request comes from, if some key may be used only
// from some. What is explained comes from nowhere.
func (in *inbound) client() netip.Addr {
	if in.snap == nil || !in.snap.asksClient {
		return netip.Addr{}
	}
	in.lazy.Lock()
	defer in.lazy.Unlock()
	return in.server.clientIP(in.ctx)
}
