package server

import (
	"net/netip"
	"testing"

	"github.com/valyala/fasthttp"

	"uniapi/server/entry"
)

// clientOf is what the gateway takes for the client's address of the next request.
func clientOf(t *testing.T, g *gateway) <-chan netip.Addr {
	t.Helper()
	found := make(chan netip.Addr, 1)
	next := g.Server.http.Handler
	g.Server.http.Handler = func(ctx *fasthttp.RequestCtx) {
		found <- entry.ClientOf(ctx, g.options.TrustedProxies)
		next(ctx)
	}
	return found
}
