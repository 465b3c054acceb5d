package server

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"

	"uniapi/usage"
)

// metrics serves GET /metrics to an admin key, in Prometheus' text form. Labels
// are names of providers, models and endpoints, which api.yaml bounds.
func (s *Server) metrics(ctx *fasthttp.RequestCtx, _ *clientKey) {
	var b bytes.Buffer
	s.writeMetrics(&b)
	metrics.WriteProcessMetrics(&b)
	ctx.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	ctx.SetBody(b.Bytes())
}

func (s *Server) writeMetrics(w io.Writer) {
	requests, attempts := s.books.Totals()
	write := func(name, kind string, list []usage.Total, endpoint bool, value func(t *usage.Total) float64) {
		fmt.Fprintf(w, "# TYPE %s %s\n", name, kind)
		for i := range list {
			t := &list[i]
			labels := fmt.Sprintf(`provider="%s",model="%s"`, label(t.Provider), label(t.Model))
			if endpoint {
				labels += fmt.Sprintf(`,endpoint="%s"`, label(t.Endpoint))
			}
			fmt.Fprintf(w, "%s{%s} %v\n", name, labels, value(t))
		}
	}
	write("uniapi_requests_total", "counter", requests, true, func(t *usage.Total) float64 { return float64(t.Requests) })
	write("uniapi_request_failures_total", "counter", requests, true, func(t *usage.Total) float64 { return float64(t.Failures) })
	write("uniapi_prompt_tokens_total", "counter", requests, true, func(t *usage.Total) float64 { return float64(t.Tokens.Prompt) })
	write("uniapi_cached_tokens_total", "counter", requests, true, func(t *usage.Total) float64 { return float64(t.Tokens.Cached) })
	write("uniapi_cache_write_tokens_total", "counter", requests, true, func(t *usage.Total) float64 { return float64(t.Tokens.CacheWrite) })
	write("uniapi_reasoning_tokens_total", "counter", requests, true, func(t *usage.Total) float64 { return float64(t.Tokens.Reasoning) })
	write("uniapi_completion_tokens_total", "counter", requests, true, func(t *usage.Total) float64 { return float64(t.Tokens.Completion) })
	write("uniapi_cost_dollars_total", "counter", requests, true, func(t *usage.Total) float64 { return float64(t.Cost) / 1e9 })
	write("uniapi_first_byte_seconds_sum", "counter", requests, true, func(t *usage.Total) float64 { return t.FirstByteTime.Seconds() })
	write("uniapi_first_byte_seconds_count", "counter", requests, true, func(t *usage.Total) float64 { return float64(t.FirstBytes) })
	write("uniapi_request_seconds_sum", "counter", requests, true, func(t *usage.Total) float64 { return t.TotalTime.Seconds() })
	write("uniapi_attempts_total", "counter", attempts, false, func(t *usage.Total) float64 { return float64(t.Requests) })
	write("uniapi_attempt_failures_total", "counter", attempts, false, func(t *usage.Total) float64 { return float64(t.Failures) })

	pool := s.pool.Stats()
	ledger := 1
	if s.books.Health() != nil {
		ledger = 0
	}
	for _, g := range []struct {
		name, kind string
		value      any
	}{
		{"uniapi_requests_in_flight", "gauge", s.inFlight.Load()},
		{"uniapi_requests_refused_total", "counter", s.overloaded.total.Load()},
		{"uniapi_client_connections", "gauge", s.watch.size()},
		{"uniapi_client_connections_refused_total", "counter", s.unconnected.total.Load()},
		{"uniapi_upstream_connections", "gauge", pool.Open},
		{"uniapi_upstream_connections_idle", "gauge", pool.Idle},
		{"uniapi_upstream_dials_total", "counter", pool.Dials},
		{"uniapi_upstream_reused_total", "counter", pool.Reused},
		{"uniapi_ledger_writable", "gauge", ledger},
	} {
		fmt.Fprintf(w, "# TYPE %s %s\n%s %v\n", g.name, g.kind, g.name, g.value)
	}
}

// label is a text as a label's value may hold it. Prometheus knows three escapes
// and refuses the whole page for any other.
func label(text string) string { return labelEscapes.Replace(strings.ToValidUTF8(clip(text), "?")) }

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
