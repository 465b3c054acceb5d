package server

import (
	"context"
	"log/slog"
	"time"

	"uniapi/codec"
)

// logRequest writes the one line that a request leaves. It names keys by their
// alias and holds nothing of what was said.
func (s *Server) logRequest(x *exchange, status int) {
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelWarn
	}
	if !s.log.Enabled(context.Background(), level) {
		return
	}
	attrs := append(x.attrs[:0],
		slog.String("id", string(x.id)),
		slog.Int("status", status),
		slog.String("model", clip(x.model)),
		slog.Bool("stream", x.stream),
		slog.Int("attempts", x.attempt.Number),
		slog.Float64("ms", milliseconds(time.Since(x.start))),
	)
	if x.key != nil {
		attrs = append(attrs, slog.String("key", x.key.Alias))
	} else { // somebody tries the door
		attrs = append(attrs, slog.String("client", s.clientIP(x.ctx).String()))
	}
	if x.attempt.Number > 0 {
		attrs = append(attrs, slog.String("provider", x.attempt.Provider.Config.Name))
		if x.attempt.Upstream != x.model {
			attrs = append(attrs, slog.String("upstream_model", x.attempt.Upstream))
		}
	}
	if len(x.records) > 1 {
		attrs = append(attrs, slog.String("tried", x.trail()))
	}
	if x.ttft > 0 {
		attrs = append(attrs, slog.Float64("first_byte_ms", milliseconds(x.ttft)))
	}
	if u := x.usage; !u.Zero() {
		attrs = append(attrs, slog.Int64("prompt_tokens", u.Prompt), slog.Int64("completion_tokens", u.Completion))
		if u.Cached > 0 {
			attrs = append(attrs, slog.Int64("cached_tokens", u.Cached))
		}
	}
	if x.failure != nil && status >= 400 {
		attrs = append(attrs, slog.String("error", clip(x.failure.Message)))
	}
	x.line = writeLine(s.log, x.line, level, "request", attrs)
	clear(attrs)
	x.attrs = attrs[:0]
}

// logAttempt tells of an attempt that failed, since the request may yet succeed
// and its line would not say why it took long.
func (s *Server) logAttempt(x *exchange, e *codec.Error) {
	if x.call.Canceled() {
		return
	}
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "attempt failed",
		slog.String("id", string(x.id)),
		slog.Int("attempt", x.attempt.Number),
		slog.String("provider", x.attempt.Provider.Config.Name),
		slog.String("upstream_model", x.attempt.Upstream),
		slog.Int("status", e.Status),
		slog.String("error", clip(e.Message)),
	)
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

// clip keeps an upstream's error page from filling the log.
func clip(text string) string {
	const most = 500
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
