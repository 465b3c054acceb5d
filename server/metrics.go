package server

import (
	"net"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/config"
	"uniapi/server/telemetry"
	"uniapi/server/telemetry/metrics"
)

// metrics serves GET /metrics to an admin key.
func (s *Server) metrics(ctx *fasthttp.RequestCtx, _ *clientKey) {
	page, form := s.page.Text(string(ctx.Request.Header.Peek(fasthttp.HeaderAccept)))
	ctx.SetContentType(form)
	ctx.SetBody(page)
}

// ServeMetrics answers GET /metrics, /healthz and Go's profiles under
// /debug/pprof/ on an address of their own, without a key, until the end of
// Shutdown: a drain can be watched. It returns the address, or says why it cannot
// be listened on.
func (s *Server) ServeMetrics(address string) (net.Addr, error) {
	return s.page.Listen(address, s.health)
}

// measured is the gateway as its metrics ask for it.
type measured struct{ s *Server }

func (m measured) Secrets() *telemetry.Redactor { return m.s.secrets.Load() }
func (m measured) Config() *config.Config       { return m.s.snapshot.Load().config }
func (m measured) LeftOut() config.Problems     { return m.s.snapshot.Load().leftOut }
func (m measured) Reloaded() bool               { return m.s.notRead.Load() == nil }
func (m measured) Status() []balancer.ProviderStatus {
	return m.s.state.Overview(m.s.snapshot.Load().table)
}

func (m measured) Now() metrics.Now {
	s := m.s
	connected, serving, streams := s.connections()
	sent, lost := s.alerts.Counts()
	prices := s.prices.State()
	return metrics.Now{
		Connected: connected, Serving: serving, Streams: streams, Conns: s.conns.Count(), Upstream: s.pool.Stats(),
		InFlight: s.inFlight.Load(), Waiting: s.waiting.Stats(), LimitCounters: s.state.LimitCounters(), Refused: s.overloaded.total.Load(), Unconnected: s.unconnected.total.Load(),
		Memory: s.budget.Limit(), MemoryTaken: s.budget.Taken(), MemoryHighest: s.budget.Highest(), MemoryRefused: s.budget.Refused(),
		ListPrices: prices.Prices, PriceSourceFailed: prices.Failure != "",
		Idempotent:   s.idempotent.Stats(),
		LinesDropped: s.access.Dropped(), RequestsDropped: s.keptState().Dropped,
		StrangersUnwritten: map[string]int64{"log": s.strangers.lines.unwritten(), "request_log": s.strangers.kept.unwritten(), "traces": s.strangers.spans.unwritten()},
		ClusterAway:        s.aloneFor(),
		AlertsSent:         sent, AlertsLost: lost,
		SpansLost: s.spansLost(),
	}
}
