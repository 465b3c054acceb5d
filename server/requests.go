package server

import (
	"net/netip"

	"uniapi/config"
	"uniapi/server/budget"
	"uniapi/server/relay"
	"uniapi/server/requestlog"
	"uniapi/server/telemetry"
)

// keepRequest adds a request that has ended to the log of requests. Like the log's line it holds nothing of what was
// said.
func (x *exchange) keepRequest(r *record, client netip.Addr) {
	s, l := x.server, &x.line
	unlogged, may := int64(0), true
	if r.key == nil {
		if unlogged, may = s.strangers.kept.take(r.end, ofKept(x.snap.config.Preferences.RequestLog)); !may {
			return
		}
	}
	s.access.BeginRecord(l, r.end)
	l.Bytes("id", r.id, s.ids.Made(r.id))
	l.Number("status", int64(r.status))
	l.Text("endpoint", r.endpoint)
	if r.key != nil {
		l.Text("key", r.key.Alias)
		l.Text("key_id", r.key.id)
	}
	if unlogged > 0 {
		l.Number("unlogged", unlogged)
	}
	l.Address("client", client)
	l.Text("model", clip(r.model))
	l.Truth("stream", r.stream)
	if r.provider != "" {
		l.Text("provider", r.provider)
		l.Text("upstream_model", r.upstream)
	}
	l.Milliseconds("ms", r.took)
	if r.ttft > 0 {
		l.Milliseconds("first_byte_ms", r.ttft)
	}
	if r.attempts > 0 {
		l.Milliseconds("own_ms", x.began.Sub(x.start))
	}
	if len(r.tries) > 1 {
		l.Milliseconds("lost_ms", r.tries[len(r.tries)-1].began-x.began.Sub(x.start))
	}
	if u := &r.usage; !u.Zero() {
		l.Number("prompt_tokens", u.Prompt)
		l.Number("completion_tokens", u.Completion)
		if u.Cached > 0 {
			l.Number("cached_tokens", u.Cached)
		}
		if u.Reasoning > 0 {
			l.Number("reasoning_tokens", u.Reasoning)
		}
		if u.Estimated {
			l.Truth("estimated", true)
		}
	}
	if r.cost > 0 {
		l.Dollars("cost", r.cost)
	}
	if r.continued > 0 {
		l.Number("continued", int64(r.continued))
	}
	if r.failure != nil && r.status >= 400 {
		l.Text("error", clip(r.failure.Message))
		if r.failure.Detail != "" {
			l.Text("detail", clip(r.failure.Detail))
		}
	}
	x.keepAttempts(r)
	if x.delivery.Pace != nil {
		keepPace(l, x.delivery.Pace)
	}
	said := x.tap != nil && x.snap.keepsBodies
	if said {
		x.keepExchange()
	}
	s.requests.Add(l.EndRecord())
	if said {
		l.Forget(budget.KeptBuffer)
	}
}

// keepAttempts leaves out of an attempt what the request's line says already, as most do.
func (x *exchange) keepAttempts(r *record) {
	if len(r.tries) == 0 {
		return
	}
	l := &x.line
	l.List("attempts")
	for i := range r.tries {
		t := &r.tries[i]
		l.Item()
		if t.provider != r.provider {
			l.Text("provider", t.provider)
		}
		if t.upstream != r.upstream {
			l.Text("upstream_model", t.upstream)
		}
		if t.key >= 0 {
			l.Number("key", int64(t.key)+1)
		}
		l.Number("status", int64(t.status))
		l.Milliseconds("began_ms", t.began)
		l.Milliseconds("ms", t.took)
		if t.status == statusOutrun {
			l.Truth("outrun", true)
		}
		if t.broke {
			l.Truth("broke_off", true)
		}
		if t.why != "" {
			l.Text("error", t.why)
		}
		keepWords(l, "left_out", t.leftOut)
		keepWords(l, "changed", t.changed)
		keepWords(l, "added", t.added)
		l.EndItem()
	}
	l.EndList()
}

// keepWords writes a list, if there is anything in it.
func keepWords(l *telemetry.Line, name string, words []string) {
	if len(words) == 0 {
		return
	}
	l.List(name)
	for _, word := range words {
		l.Word(word)
	}
	l.EndList()
}

// keepsRequests says whether the request is to be kept.
func (in *inbound) keepsRequests() bool {
	return in.server.requests != nil && in.snap.config.Preferences.RequestLog.Level != config.RequestLogOff
}

// keepPace writes how a stream went into its request's line.
func keepPace(l *telemetry.Line, p *relay.Pace) {
	l.Number("pieces", int64(p.Pieces))
	l.Number("bytes", p.Bytes)
	l.Milliseconds("longest_gap_ms", p.Longest)
	l.List("flow")
	p.Points(l.Pair)
	l.EndList()
}

// keptState is how the log of requests does.
func (s *Server) keptState() (state requestlog.State) {
	if s.requests != nil {
		state = s.requests.State()
	}
	return state
}

// bindRequests has the log of requests keep what a configuration says.
func (s *Server) bindRequests(cfg *config.Config) {
	r := cfg.Preferences.RequestLog
	if s.requests != nil {
		s.requests.Bind(requestlog.Bounds{Keep: r.Keep, Most: r.Size, Bodies: r.Level == config.RequestLogBodies})
		return
	}
	if r.Level != config.RequestLogOff {
		s.log.Warn("request_log needs a data directory, and there is none: no request is kept. Start without DISABLE_DATABASE, or leave request_log out")
	}
}
