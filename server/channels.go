package server

import (
	"context"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/balancer/breaker"
	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/server/relay"
	"uniapi/server/telemetry/metrics"
	"uniapi/server/telemetry/tracing"
)

// askChannels tries the route's channels until one answers, and returns what the
// client is told if none does. Nothing of an answer has been written to the
// client before one does, so every failure up to the first event of a stream, or
// to the end of a plain answer, is invisible when another channel can serve.
func (x *exchange) askChannels() *codec.Error {
	x.plan.Attributes = x.attributes()
	x.plan.Attributes.Need = x.need
	x.plan.Start(x.key.balance, x.route)
	x.began = time.Now()
	for x.at.chosen.Number == 0 || !x.late(&x.plan) {
		attempt, more := x.next(&x.plan)
		if !more {
			break
		}
		if err := x.call.Wait(attempt.Wait); err != nil {
			outcome, told := judge(err, x.at.limits)
			outcome.Unsent = true
			x.plan.Report(attempt, outcome)
			x.failure = told
			break
		}
		if len(x.runners) > 0 {
			x.alone()
		}
		x.take(attempt)
		var rules *config.Hedging
		if x.stages&withHedging != 0 {
			rules = x.hedging()
		}
		var err error
		if rules != nil { // where the attempt is slow others are made beside it
			err = x.race(rules)
		} else {
			err = x.at.try()
		}
		if err == nil {
			x.succeeded()
			return nil
		}
		x.lost(err)
	}
	return x.exhausted()
}

// lost has a failed attempt judged and reported, and what it cost put on the bill.
func (x *exchange) lost(err error) {
	x.recordFailure(err)
	outcome, told := x.at.judge(err)
	before := x.came()
	x.charge(err, told)
	outcome.Came = x.came()
	outcome.Came.Tokens, outcome.Came.Money = outcome.Came.Tokens-before.Tokens, outcome.Came.Money-before.Money
	x.failed(outcome, told)
}

// take begins an attempt.
func (x *exchange) take(chosen balancer.Attempt) {
	x.choose(chosen)
	x.made = chosen.Number
	// What there is for the whole is counted from the request's arrival, and holds for all that is done for it from now
	// on.
	d := chosen.Candidate.Deadlines(&x.plan.Attributes)
	due := x.within
	if own := x.start.Add(d.Total); d.Total > 0 && (due.IsZero() || own.Before(due)) {
		due = own
	}
	x.call.Until(due)
	x.at.limits = pool.Deadlines{FirstByte: d.FirstByte, Idle: d.Idle}
	// A further attempt has less than its channel gives it where those before have used it up.
	if left := x.server.options.longestSearch - time.Since(x.began); chosen.Number > 1 && left < d.FirstByte {
		x.at.limits.FirstByte, x.at.curtailed = max(left, time.Millisecond), true
	}
	if within := x.plan.FirstToken(chosen.Candidate); within > 0 {
		x.at.hurry(within)
	}
	if chosen.Number > 1 {
		x.at.forgoRoom()
		x.server.counters.Retries.Add(1)
	}
}

// choose makes the attempt another one, of which nothing is known yet.
func (x *exchange) choose(chosen balancer.Attempt) {
	x.live.mu.Lock()
	x.at.progress = progress{chosen: chosen, began: time.Now()}
	x.at.answer.Terms, x.at.answer.Progress = relay.Terms{}, relay.Progress{}
	if chosen.Number > 0 {
		x.at.backend = &x.snap.backends[chosen.Provider.Index]
	}
	if x.place != nil {
		x.at.span = x.place.Child()
	}
	x.live.mu.Unlock()
}

// succeeded reports the attempt that has answered.
func (x *exchange) succeeded() {
	x.ttft = time.Since(x.start)
	served := balancer.Outcome{Verdict: balancer.Served}
	if !x.stream || !x.at.buffers() { // else it had come to its end
		served.FirstByte = x.ttft - x.at.began.Sub(x.start)
	}
	x.plan.Report(x.at.chosen, served)
	x.live.firstByte.Store(int64(x.ttft))
	if len(x.beside) > 0 {
		x.answeredBy = x.at.modelToldOf()
	}
	x.note(fasthttp.StatusOK, x.ttft-x.at.began.Sub(x.start))
	x.attempted(nil, 0)
}

// failed remembers what the client is told if no attempt helps. A mistake of
// the client's, and what no further attempt is to follow, is told even when another
// channel failed later for another reason.
func (x *exchange) failed(outcome balancer.Outcome, told *codec.Error) {
	x.at.told(told)
	x.at.tellAddress(told, outcome.Status)
	outcome.Reason = clip(withDetail(told))
	x.plan.Report(x.at.chosen, outcome)
	x.note(told.Status, time.Since(x.at.began))
	tried := &x.tries[len(x.tries)-1]
	tried.why, tried.class = outcome.Reason, told.Class
	if x.at.sent && outcome.Verdict != balancer.Over && !x.at.short {
		x.attempted(told, tried.took)
		x.server.admin.Reasons.Add(x.at.chosen.Provider.Config.Name, x.model, told.Status, outcome.Reason, time.Now())
	}
	if !x.at.short { // of that the log hears seldom
		x.server.logAttempt(x, told)
	}
	if x.stages&withAdmin != 0 && told.Detail != "" {
		told.Message = withDetail(told)
	}
	if x.failure == nil || x.failure.Class != codec.ClientMistake && !x.final {
		x.failure, x.final = told, outcome.Final
		x.retryAfter = min(outcome.RetryAfter, x.snap.config.Preferences.MaxRetryAfter) // then we would ask again ourselves
	}
}

// exhausted is the error of a request that no channel could serve.
func (x *exchange) exhausted() *codec.Error {
	if x.failure != nil {
		x.tellWhere(x.failure)
		return x.failure
	}
	// Every channel was left out before it was tried.
	block, wait := x.plan.Blocked()
	x.retryAfter = wait
	told := blocked(block, x.route.Model)
	if told.Code == codeKeysLimited {
		x.server.counters.Limited[metrics.ProviderKeyLimit].Add(1)
	}
	return told
}

// trial is one attempt as the log line and X-Debug-Attempts tell it.
type trial struct {
	provider, upstream string
	key                int
	status             int
	began, took        time.Duration // since the request came, and from there
	leftOut, added     []string      // of the request, and members beside it
	changed            []string      // in it
	broke              bool          // its answer broke off, and another went on with it
	why                string        // it failed
	class              codec.Class   // the same
	index              int           // of the provider, in the configuration
	until              time.Duration // since the request came, if it broke off
	span               tracing.SpanID
}

// next is the plan's next attempt. Where all that could serve rests and another request is finding out whether it is
// fit again, this one waits for what that finds.
func (x *exchange) next(plan *balancer.Plan) (balancer.Attempt, bool) {
	for waited := time.Duration(0); ; waited += lookEvery {
		attempt, more := plan.Next()
		if more && !plan.Confirm(context.Background(), &attempt) {
			continue
		}
		if more || !plan.Probed() || waited >= longestFollow || x.call.Wait(lookEvery) != nil {
			return attempt, more
		}
	}
}

// After breaker.Patience a request that waits asks as well. Of many that do one does then, so some wait for longer.
const (
	lookEvery     = 25 * time.Millisecond
	longestFollow = 2 * breaker.Patience
)

// note adds the attempt that has just ended, as long after it began.
func (x *exchange) note(status int, took time.Duration) {
	a := &x.at.chosen
	x.tries = append(x.tries, trial{provider: a.Provider.Config.Name, upstream: a.Upstream, key: a.Key, status: status, began: x.at.began.Sub(x.start), took: took, leftOut: x.at.leftOut, added: x.at.besides, changed: x.at.changed, index: a.Provider.Index, span: x.at.span})
	if status != fasthttp.StatusOK { // else its answer goes on
		x.at.tell(status, x.ttft)
	}
}

// attributes gathers what the route's channels ask of a request beside its model;
// most ask nothing.
func (in *inbound) attributes() balancer.Attributes {
	f := balancer.Attributes{Model: in.model, Stream: in.stream, BodyBytes: int64(len(in.body))}
	if in.stages&withAddress != 0 {
		f.Client = in.client()
	}
	if in.key.balance.Near(in.route) {
		f.Conversation = in.conversation()
	}
	if !in.route.AsksAttributes {
		return f
	}
	f.Endpoint, f.Method, f.Role = string(in.ctx.Path()), string(in.ctx.Method()), in.key.Role
	if in.route.AsksEffort {
		f.Effort = effort(in.body)
	}
	if in.route.AsksCompaction {
		f.Compaction = in.compacts()
	}
	if in.route.AsksTokens {
		f.PromptTokens = in.promptTokens()
	}
	return f
}

// longestSearch is how long a channel that serves is looked for, unless the first one may take longer. Whoever still
// waits then has most often been given up by what stands between.
const longestSearch = 10 * time.Minute

// late says that no further attempt is to be begun. A channel that was not asked yet has its attempt before that,
// unless the whole may take no longer; one that was is asked again only as long as the client has not waited for the
// sum of what those that were asked may take.
func (x *exchange) late(plan *balancer.Plan) bool {
	waited := time.Since(x.began)
	if x.call.Err() != nil || waited >= x.server.options.longestSearch {
		return true
	}
	if patience := plan.Patience(); patience > 0 && waited >= patience {
		plan.Once()
	}
	return false
}
