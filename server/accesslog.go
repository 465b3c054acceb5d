package server

import (
	"context"
	"log/slog"

	"uniapi/codec"
	"uniapi/server/telemetry"

	"github.com/valyala/fasthttp"
)

// logRequest writes the one line that a request leaves, at its end. It names keys
// by their alias and holds nothing of what was said.
func (s *Server) logRequest(l *telemetry.Line, r *record, ctx *fasthttp.RequestCtx) {
	level := slog.LevelInfo
	if r.status >= 500 {
		level = slog.LevelWarn
	}
	if !s.access.Enabled(level) {
		return
	}
	s.access.Begin(l, r.end, level)
	l.Bytes("id", r.id, s.ids.made(r.id))
	l.Number("status", int64(r.status))
	l.Text("model", clip(r.model))
	l.Truth("stream", r.stream)
	l.Number("attempts", int64(r.attempts))
	l.Milliseconds("ms", r.took)
	if r.key != nil {
		l.Text("key", r.key.Alias)
	} else { // somebody tries the door
		l.Text("client", s.clientIP(ctx).String())
	}
	if r.attempts > 0 {
		l.Text("provider", r.provider)
		if r.upstream != r.model {
			l.Text("upstream_model", r.upstream)
		}
	}
	if len(r.tries) > 1 {
		l.Text("tried", trail(r.tries))
	}
	if r.continued > 0 {
		l.Number("continued", int64(r.continued))
	}
	if r.ttft > 0 {
		l.Milliseconds("first_byte_ms", r.ttft)
	}
	if u := &r.usage; !u.Zero() {
		l.Number("prompt_tokens", u.Prompt)
		l.Number("completion_tokens", u.Completion)
		if u.Cached > 0 {
			l.Number("cached_tokens", u.Cached)
		}
		if u.Estimated {
			l.Truth("estimated", true)
		}
	}
	if r.failure != nil && r.status >= 400 {
		l.Text("error", clip(withDetail(r.failure)))
	}
	s.access.End(l, level)
}

// logAttempt tells of an attempt that failed, since the request may yet succeed
// and its line would not say why it took long.
func (s *Server) logAttempt(x *exchange, e *codec.Error) {
	if x.call.Canceled() {
		return
	}
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "attempt failed",
		slog.String("id", string(x.id)),
		slog.Int("attempt", x.at.chosen.Number),
		slog.String("provider", x.at.chosen.Provider.Config.Name),
		slog.String("upstream_model", x.at.chosen.Upstream),
		slog.Int("status", e.Status),
		slog.String("error", clip(withDetail(e))),
	)
}

// clip keeps an upstream's error page from filling the log.
func clip(text string) string {
	const most = 500
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
