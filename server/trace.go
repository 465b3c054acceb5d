package server

import (
	"context"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/server/telemetry"
)

// trace is what is kept of an attempt for its line in the log at debug level.
type trace struct {
	status   int // of the provider's answer; 0 if there was none
	reused   bool
	head     time.Duration // until the answer's head was there
	received int64
	begun    []byte // of the answer, if bodies are logged
}

const (
	// mostShown is how much of a body the log shows, in bytes.
	mostShown = 4 << 10
	// mostBegun is how much of an answer is kept for that: images are shortened.
	mostBegun = 4 * mostShown
)

// listen makes what is read of an answer known to the attempt's trace.
func (a *attempt) listen(answer *pool.Response) {
	t := &trace{status: answer.Status, reused: answer.Reused, head: time.Since(a.began)}
	a.trace = t
	bodies, others := a.server.options.LogBodies, answer.Tap
	answer.Tap = func(p []byte) {
		if others != nil {
			others(p)
		}
		t.received += int64(len(p))
		if room := mostBegun - len(t.begun); bodies && room > 0 {
			t.begun = append(t.begun, p[:min(room, len(p))]...)
		}
	}
}

// tell writes the line of the attempt that has ended.
func (a *attempt) tell(status int, ttft time.Duration) {
	if !a.server.debug || a.chosen.Number == 0 || a.traced {
		return
	}
	a.traced = true
	t, c, sent := a.trace, &a.chosen, len(a.request.Header)
	if t == nil {
		t = &trace{}
	}
	for _, part := range a.request.Body {
		sent += len(part)
	}
	attrs := []slog.Attr{
		slog.String("id", string(a.id)),
		slog.Int("attempt", c.Number),
		slog.String("endpoint", string(a.endpoint)),
		slog.String("provider", c.Provider.Config.Name),
		slog.String("upstream_model", c.Upstream),
		slog.String("format", a.upstream),
		slog.Int("status", status),
		slog.Int("upstream_status", t.status),
		slog.Bool("sent", a.sent),
		slog.Int("sent_bytes", sent),
		slog.Int64("received_bytes", t.received),
		slog.Bool("reused", t.reused),
		slog.Float64("head_ms", telemetry.Milliseconds(t.head)),
		slog.Float64("ms", telemetry.Milliseconds(time.Since(a.began))),
	}
	if keys := c.Provider.Config.Keys; c.Key >= 0 && c.Key < len(keys) {
		attrs = append(attrs, slog.String("provider_key", config.Mask(keys[c.Key])))
	}
	if len(a.leftOut) > 0 {
		attrs = append(attrs, slog.String("left_out", strings.Join(a.leftOut, ", ")))
	}
	if ttft > 0 {
		attrs = append(attrs, slog.Float64("first_byte_ms", telemetry.Milliseconds(a.start.Add(ttft).Sub(a.began))))
	}
	if a.server.options.LogBodies {
		attrs = append(attrs, slog.String("request", shorten(a.request.Body...)), slog.String("answer", shorten(t.begun)))
	}
	a.server.log.LogAttrs(context.Background(), slog.LevelDebug, "attempt", attrs...)
}

// tellBody writes what the client has asked, as it asked it.
func (in *inbound) tellBody() {
	if !in.server.options.LogBodies || len(in.body) == 0 {
		return
	}
	in.server.log.LogAttrs(context.Background(), slog.LevelDebug, "request body",
		slog.String("id", string(in.id)), slog.Int("bytes", len(in.body)), slog.String("body", shorten(in.body)))
}

const (
	// mostEncoded is how long a run of base64 may be that is shown: longer ones are
	// images and files.
	mostEncoded = 256
	// shownEncoded is how much of a longer one is shown; less than a secret's start.
	shownEncoded = 8
)

// shorten is the beginning of a body as the log shows it.
func shorten(parts ...[]byte) string {
	var out strings.Builder
	total, run := 0, 0
	endRun := func(p []byte, end int) {
		if run > mostEncoded {
			out.WriteString("…(base64)")
		} else if run > shownEncoded {
			out.Write(p[end-run+shownEncoded : end])
		}
		run = 0
	}
	for _, p := range parts {
		total += len(p)
		i := 0
		for ; i < len(p) && out.Len() < mostShown; i++ {
			c := p[i]
			switch {
			case c == '/' || c == '=' || c == '+' || c == '-' || c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9':
				if run++; run <= shownEncoded {
					out.WriteByte(c)
				}
				continue
			case c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f:
				endRun(p, i)
				return out.String() + "…(binary)"
			}
			endRun(p, i)
			if c < utf8.RuneSelf {
				out.WriteByte(c)
				continue
			}
			r, size := utf8.DecodeRune(p[i:])
			if r == utf8.RuneError && size == 1 && i+utf8.UTFMax < len(p) {
				return out.String() + "…(binary)"
			}
			out.WriteRune(r)
			i += size - 1
		}
		endRun(p, i)
	}
	if text := out.String(); len(text) < total && out.Len() >= mostShown {
		return strings.ToValidUTF8(text[:mostShown], "") + "…"
	}
	return out.String()
}
