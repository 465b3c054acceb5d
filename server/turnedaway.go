package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/server/entry"
	"uniapi/server/telemetry/metrics"
)

// turnAway answers a request that ends before it is one of an exchange's: its body
// is larger or comes more slowly than may be, or its client asked first whether it
// may send it. It is counted and leaves a line as others do.
func (s *Server) turnAway(ctx *fasthttp.RequestCtx, e *codec.Error) {
	id := s.refuse(ctx, e)
	s.countRefused(ctx, e.Status)
	who := slog.String("client", entry.ClientOf(ctx, s.options.TrustedProxies).String())
	if key := s.snapshot.Load().keys.find(ctx); key != nil {
		who = slog.String("key", key.Alias)
	} else if _, may := s.strangers.lines.take(time.Now(), ofLines); !may {
		return
	}
	s.log.LogAttrs(context.Background(), slog.LevelInfo, "request",
		slog.String("id", string(id)), slog.Int("status", e.Status), who, slog.String("error", clip(e.Message)))
}

// countRefused counts a request for an answer that no exchange was begun for; what
// was asked at another path is none.
func (s *Server) countRefused(ctx *fasthttp.RequestCtx, status int) {
	if asked, is := routeAt(string(entry.Path(ctx.Path()))); is {
		s.counters.Outcomes.Count(metrics.Labels{Endpoint: "POST " + asked.Label, Status: status})
	}
}
