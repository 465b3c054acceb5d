package server

import (
	"context"
	"log/slog"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
)

// turnAway answers a request that ends before it is one of an exchange's: its body
// is larger or comes more slowly than may be, or its client asked first whether it
// may send it. It is counted and leaves a line as others do.
func (s *Server) turnAway(ctx *fasthttp.RequestCtx, e *codec.Error) {
	id := s.refuse(ctx, e)
	s.countRefused(ctx, e.Status)
	who := slog.String("client", s.clientIP(ctx).String())
	if key := s.snapshot.Load().keys.find(ctx); key != nil {
		who = slog.String("key", key.Alias)
	}
	s.log.LogAttrs(context.Background(), slog.LevelInfo, "request",
		slog.String("id", string(id)), slog.Int("status", e.Status), who, slog.String("error", clip(e.Message)))
}

// countRefused counts a request for an answer that no exchange was begun for; what
// was asked at another path is none.
func (s *Server) countRefused(ctx *fasthttp.RequestCtx, status int) {
	if asked, is := endpointOf(string(homePath(ctx.Path()))); is {
		s.counters.outcomes.count(outcome{endpoint: "POST " + asked.face.label(asked.endpoint), status: status})
	}
}
