package server

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"uniapi/codec"
	"uniapi/server/telemetry"
)

// trail words the attempts: provider/model, which of the provider's keys, what
// it answered, after how long, and what of the request it could not be told.
func trail(tries []trial) string {
	var text []byte
	for i, r := range tries {
		if i > 0 {
			text = append(text, "; "...)
		}
		text = fmt.Appendf(text, "%s/%s", r.provider, r.upstream)
		if r.key >= 0 {
			text = fmt.Appendf(text, " key %d", r.key+1)
		}
		if r.status == statusOutrun {
			text = fmt.Appendf(text, " outrun %dms", r.took.Milliseconds())
			continue
		}
		text = fmt.Appendf(text, " %d %dms", r.status, r.took.Milliseconds())
		if len(r.leftOut) > 0 {
			text = fmt.Appendf(text, " without %s", strings.Join(r.leftOut, ", "))
		}
		if r.broke {
			text = append(text, " broke off"...)
		}
	}
	return string(text)
}

// mostTold is how many attempts an error names.
const mostTold = 8

// tellWhere adds to an error of the gateway's own how many channels were asked, and where the time went. What a
// provider says of a failure stays as it is.
func (x *exchange) tellWhere(e *codec.Error) {
	if len(x.tries) < 2 || e.Raw != nil || e.Code != codeTimeout && e.Code != codeUnreachable && e.Code != codeBadGateway {
		return
	}
	channels := "one channel"
	if n := x.plan.Tried(); n != 1 {
		channels = fmt.Sprintf("%d channels", n)
	}
	text := fmt.Appendf(nil, "%s. %d attempts were made at %s in %.1f seconds: ", strings.TrimRight(e.Message, "."), len(x.tries), channels, time.Since(x.began).Seconds())
	for i, r := range x.tries[:min(len(x.tries), mostTold)] {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = fmt.Appendf(text, "%s %.1f s (%d)", r.provider, r.took.Seconds(), r.status)
	}
	if more := len(x.tries) - mostTold; more > 0 {
		text = fmt.Appendf(text, " and %d more", more)
	}
	e.Message = string(text)
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

// clip is telemetry.Clip.
func clip(text string) string { return telemetry.Clip(text) }
