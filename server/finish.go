package server

import (
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/balancer/limit"
	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/codec/saturate"
	"uniapi/pool"
	"uniapi/server/budget"
	"uniapi/server/entry"
	"uniapi/server/relay"
	"uniapi/server/telemetry"
	"uniapi/server/telemetry/metrics"
	"uniapi/server/telemetry/tracing"
	"uniapi/usage"
)

// end closes the books of a request, whatever its end was, and takes the
// exchange back. It is called once, after the last use of anything in it.
func (x *exchange) end(status int) {
	x.leave(status)
	x.release()
}

// leave is end without taking the exchange back.
func (x *exchange) leave(status int) {
	x.live.leave()
	if x.first != nil {
		x.first.End(status)
	}
	if x.counted {
		x.server.inFlight.Give(x.key.share)
	}
	r := x.close(status)
	if r.attempts > 0 {
		x.recent.Seen(x.server.books, entry.ClientOf(x.ctx, x.server.options.TrustedProxies))
	}
	if x.stages&withDebug != 0 {
		x.tellBody()
	}
	x.server.logRequest(&x.line, &r, x.ctx)
	if x.stages&withLog != 0 {
		x.keepRequest(&r, entry.ClientOf(x.ctx, x.server.options.TrustedProxies))
	}
	if x.tap != nil {
		x.stopListening()
	}
	if x.stages&withTrace != 0 {
		x.tellTracer(&r)
	}
}

// close ends a request that nobody waits for any more: what came of it is counted.
func (x *exchange) close(status int) record {
	if x.at.answer.Flow != nil {
		x.at.dropped(x.at.answer.Flow.Dropped())
	}
	r := x.record(status)
	used := limit.Need{Tokens: r.tokens.Sum(), Money: r.cost}
	if r.attempts > 0 {
		own := used // of the attempt in hand
		if !x.spent.Zero() || x.paid != 0 {
			own = x.cameOfThis(used)
		}
		x.plan.Report(x.at.chosen, balancer.Outcome{Verdict: balancer.Ended, Whole: r.end.Sub(x.at.began), Came: own})
	}
	// What limits held for the request ends.
	used.Tokens, used.Money = saturate.Add(used.Tokens, x.moderation.Tokens), saturate.Add(used.Money, x.moderation.Money)
	x.plan.End(used)
	x.admission.Settle(used)
	x.server.waiting.Freed()
	x.server.counters.Outcomes.Count(metrics.Labels{Provider: r.provider, Model: r.known, Endpoint: r.endpoint, Status: metrics.Status(status)})
	x.account(&r)
	if x.stages&withDebug != 0 {
		x.at.tell(status, x.ttft)
	}
	if x.at.answer.Open != nil {
		x.at.answer.Close()
	}
	return r
}

// release takes the exchange back.
func (x *exchange) release() {
	if len(x.runners) > 0 {
		x.disband()
	}
	if x.delivery.Pace != nil {
		x.delivery.Pace.End()
	}
	x.recent.Forget()
	x.lone.reset()
	x.inbound = inbound{id: x.id[:0], incoming: pool.Kept(x.incoming, budget.KeptBuffer)}
	x.at, x.searching, x.answering, x.bill = nil, searching{tries: x.tries[:0], runners: x.runners}, answering{}, bill{}
	exchanges.Put(x)
}

// reset lets go of what the attempt holds, and keeps the memory for the next.
func (a *attempt) reset() {
	clear(a.parts) // the client's bytes are not ours to hold
	a.encoded, a.parts, a.scratch = pool.Kept(a.encoded, budget.KeptBuffer), a.parts[:0], a.scratch[:0]
	a.answer.Terms, a.answer.Progress, a.answer.ContentType = relay.Terms{}, relay.Progress{}, a.answer.ContentType[:0]
	a.answer.Body = nil // the connection keeps it
	if a.edited.Model != "" {
		a.edited = front.Head{}
	}
	a.sending = codec.Request{}
	a.inbound, a.call, a.holding, a.progress = nil, nil, nil, progress{}
}

// record is a request that has ended, as the log, the books and the metrics have it.
// It is made once, at the end, whatever that was.
type record struct {
	id     []byte
	status int
	end    time.Time
	took   time.Duration
	served bool          // the request was, as far as its client let it be
	ttft   time.Duration // until the first answer byte was ready; 0 if none was
	key    *clientKey    // nil for somebody who has none

	endpoint string
	model    string // that was asked for, as the client has written it
	known    string // the same, if there is such a model
	stream   bool

	attempts  int // made
	continued int // times that another channel went on with a stream that broke off
	provider  string
	upstream  string // the model's name there
	tries     []trial

	charge
	failure *codec.Error
	place   *tracing.Trace // nil where none is kept
}

// charge is what a request has used.
type charge struct {
	usage  codec.Usage // that is charged
	tokens usage.Tokens
	cost   int64 // nano-dollars
}

// record makes the record of a request that has ended now.
func (x *exchange) record(status int) record {
	r := record{
		id: x.id, status: status, end: time.Now(), ttft: x.ttft, key: x.key,
		endpoint: x.label, model: x.model, stream: x.stream, attempts: x.made, continued: x.continued, tries: x.tries, failure: x.failure, place: x.place,
	}
	r.took = r.end.Sub(x.start)
	r.served = status < fasthttp.StatusBadRequest || status == statusClientGone && x.ttft > 0
	if x.route != nil {
		r.known = x.route.Model
	}
	if x.at.chosen.Number > 0 {
		r.provider, r.upstream = x.at.chosen.Provider.Config.Name, x.at.chosen.Upstream
	}
	if x.key != nil {
		r.tokens, r.cost = x.tokens(status)
		r.usage = x.at.answer.Usage
	}
	return r
}

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
	unlogged, may := int64(0), true
	if r.key == nil {
		if unlogged, may = s.strangers.lines.take(r.end, ofLines); !may {
			return
		}
	}
	s.access.Begin(l, r.end, level)
	l.Bytes("id", r.id, s.ids.Made(r.id))
	l.Number("status", int64(r.status))
	l.Text("model", clip(r.model))
	l.Truth("stream", r.stream)
	l.Number("attempts", int64(r.attempts))
	l.Milliseconds("ms", r.took)
	if r.key != nil {
		l.Text("key", r.key.Alias)
	} else { // somebody tries the door
		l.Text("client", entry.ClientOf(ctx, s.options.TrustedProxies).String())
		if unlogged > 0 {
			l.Number("unlogged", unlogged)
		}
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
	if r.place.Sampled() {
		l.Text("trace_id", r.place.ID())
	}
	if r.failure != nil && r.status >= 400 {
		l.Text("error", clip(withDetail(r.failure)))
	}
	s.access.End(l, level)
}
