package server

import (
	"context"
	"log/slog"
	"time"

	"uniapi/codec"
)

// logRequest writes the one line that a request leaves, at its end. It names keys
// by their alias and holds nothing of what was said.
func (s *Server) logRequest(x *exchange, status int, now time.Time) {
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelWarn
	}
	if !s.access.Enabled(level) {
		return
	}
	l := &x.line
	s.access.Begin(l, now, level)
	l.Bytes("id", x.id, s.ids.made(x.id))
	l.Number("status", int64(status))
	l.Text("model", clip(x.model))
	l.Truth("stream", x.stream)
	l.Number("attempts", int64(x.at.chosen.Number))
	l.Milliseconds("ms", now.Sub(x.start))
	if x.key != nil {
		l.Text("key", x.key.Alias)
	} else { // somebody tries the door
		l.Text("client", s.clientIP(x.ctx).String())
	}
	if x.at.chosen.Number > 0 {
		l.Text("provider", x.at.chosen.Provider.Config.Name)
		if x.at.chosen.Upstream != x.model {
			l.Text("upstream_model", x.at.chosen.Upstream)
		}
	}
	if len(x.tries) > 1 {
		l.Text("tried", x.trail())
	}
	if x.ttft > 0 {
		l.Milliseconds("first_byte_ms", x.ttft)
	}
	if u := &x.at.usage; !u.Zero() {
		l.Number("prompt_tokens", u.Prompt)
		l.Number("completion_tokens", u.Completion)
		if u.Cached > 0 {
			l.Number("cached_tokens", u.Cached)
		}
		if u.Estimated {
			l.Truth("estimated", true)
		}
	}
	if x.failure != nil && status >= 400 {
		l.Text("error", clip(x.failure.Message))
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
		slog.String("error", clip(e.Message)),
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
