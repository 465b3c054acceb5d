package server

import (
	"cmp"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/formats"
	"uniapi/pool"
	"uniapi/pool/provider"
)

// serve makes the handler of an endpoint for the clients that speak to face.
func (s *Server) serve(face face, endpoint provider.Endpoint) fasthttp.RequestHandler {
	label := "POST " + face.label(endpoint)
	repeatable := takesIdempotencyKey(label)
	return func(ctx *fasthttp.RequestCtx) {
		x := s.begin(ctx, face, endpoint)
		x.label = label
		if err := x.read(); err != nil {
			x.refuse(err)
			return
		}
		if repeatable && x.repeated() {
			return
		}
		if err := x.letIn(); err != nil {
			x.refuse(err)
			return
		}
		x.converse()
	}
}

// enter lets the request in: its key, its model and its limits are found to be
// good.
func (x *exchange) enter() *codec.Error {
	if err := x.read(); err != nil {
		return err
	}
	return x.letIn()
}

// letIn is enter for a request that has been read.
func (x *exchange) letIn() *codec.Error {
	if x.route = x.key.routes.Find(x.model); x.route == nil {
		return noModel(x.key, x.model)
	}
	if x.choosing {
		if err := x.permit(); err != nil {
			return err
		}
	}
	if err := x.unambiguous(); err != nil {
		return err
	}
	if err := x.admit(); err != nil {
		return err
	}
	if err := x.reserve(); err != nil {
		return err
	}
	return x.moderate()
}

// noModel says that a key has no such model, and which of its models may be meant.
func noModel(key *clientKey, model string) *codec.Error {
	hint := ""
	if near := nearModels(model, key.routes.Models()); near != nil {
		hint = ": did you mean " + strings.Join(near, ", ") + "?"
	}
	return errorf(fasthttp.StatusNotFound, "invalid_request_error", codeNoModel,
		"There is no model %q for this API key%s GET /v1/models lists what it may use.", clip(model), cmp.Or(hint, "."))
}

// foresee says what would become of a request for a model, before the gateway
// holds anything for it. It counts nothing.
func (x *exchange) foresee(model string) *codec.Error {
	if x.key.routes.Find(model) == nil {
		return noModel(x.key, model)
	}
	if refused := x.key.balance.WouldRefuse(model); refused != nil {
		x.refuseBy(refused)
		return x.server.limitReached(refused)
	}
	return nil
}

// converse has the request served and answers it.
func (x *exchange) converse() {
	if every := x.keepalive(); every > 0 {
		x.relayBehindComments(every)
		return
	}
	if err := x.relay(); err != nil {
		x.refuse(err)
		return
	}
	x.respond()
}

// read finds out who asks for what. The body is read once it is known that the
// key, and the model if the address names it, are good.
func (x *exchange) read() (err *codec.Error) {
	if x.key = x.snap.keys.find(x.ctx); x.key == nil {
		return errNoKey
	}
	if denied := x.server.denied(x.ctx, x.key); denied != nil {
		return denied
	}
	x.server.welcome(x.ctx, x.key)
	if x.server.inFlight.Refuses(x.key.share, x.key.only) {
		return x.server.tooManyOfKey() // before it sends a body
	}
	if x.model = x.face.address(&x.inbound); x.model != "" {
		if err = x.foresee(x.model); err != nil {
			return err
		}
	}
	if err = x.receiveBody(); err != nil {
		return err
	}
	if err = x.inflate(); err != nil {
		return err
	}
	if x.counted = true; !x.server.inFlight.Take(x.key.share, x.key.only) {
		return x.server.tooManyOfKey()
	}
	if bad := x.face.read(&x.inbound); bad != nil {
		_, err = judge(bad, pool.Deadlines{})
		return err
	}
	x.live.read.Store(true)
	return nil
}

// relay tries the route's channels until one answers, and returns what the
// client is told if none does. Nothing of an answer has been written to the
// client before one does, so every failure up to the first event of a stream, or
// to the end of a plain answer, is invisible when another channel can serve.
func (x *exchange) relay() *codec.Error {
	x.plan.Facts = x.facts()
	x.plan.Facts.Need = x.need
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
		if x.alone(); x.tryOne(attempt) {
			return nil
		}
	}
	return x.exhausted()
}

// tryOne makes one attempt, and where it is slow and hedging is on others beside it. It
// says whether that was served, and what follows from it if it was not.
func (x *exchange) tryOne(chosen balancer.Attempt) (served bool) {
	x.take(chosen)
	var err error
	if rules := x.hedging(); rules != nil {
		err = x.race(rules)
	} else {
		err = x.at.try()
	}
	if err != nil {
		x.lost(err)
		return false
	}
	x.succeeded()
	return true
}

// lost has a failed attempt judged and reported, and what it cost put on the bill.
func (x *exchange) lost(err error) {
	outcome, told := x.at.judge(err)
	before := came(booked(x.spent), x.paid)
	x.charge(err, told)
	outcome.Came = came(booked(x.spent), x.paid)
	outcome.Came.Tokens, outcome.Came.Money = outcome.Came.Tokens-before.Tokens, outcome.Came.Money-before.Money
	x.failed(outcome, told)
}

// take begins an attempt.
func (x *exchange) take(chosen balancer.Attempt) {
	x.choose(chosen)
	x.made = chosen.Number
	x.at.limits, x.at.curtailed = x.deadlines(chosen.Candidate, &x.plan.Facts, chosen.Number)
	if within := x.plan.FirstToken(chosen.Candidate); within > 0 {
		x.at.hurry(within)
	}
	if chosen.Number > 1 {
		x.at.forgoRoom()
		x.server.counters.retries.Add(1)
	}
}

// choose makes the attempt another one, of which nothing is known yet.
func (x *exchange) choose(chosen balancer.Attempt) {
	x.live.mu.Lock()
	x.at.progress = progress{chosen: chosen, began: time.Now()}
	x.live.mu.Unlock()
}

// try makes one attempt. What the gateway adds of its own and the provider refuses
// is left out, and the provider asked again.
func (a *attempt) try() error {
	err := a.ask()
	if err != nil {
		if name := a.refusesAdded(err); name != "" {
			err = a.askWithoutAdded(name)
		}
	} else {
		a.took()
	}
	switch {
	case a.refusesOptions(err):
		return a.askWithout()
	case err == nil && a.stream && a.asksUsage:
		a.backend().asking[a.model].served()
	}
	return err
}

// ask sends the request and waits for the first event of a stream, or for the
// whole of a plain answer.
func (a *attempt) ask() error {
	channel := a.backend().channel
	ask := provider.Ask{Endpoint: a.endpoint, Client: a.format.Name(), Model: a.chosen.Upstream, Key: a.chosen.Key}
	a.upstream = channel.Format(ask)
	if a.endpoint != provider.Chat && !a.untranslated() {
		return a.viaGoogle(channel, ask) // all else that is no conversation is not translated
	}
	from := formats.All[a.upstream]
	var err error
	if ask.Stream, err = a.write(channel, from); err != nil {
		return err
	}
	answer, err := a.send(channel, ask, from)
	if err != nil {
		return err
	}
	switch {
	case a.raw():
		return a.receive(answer)
	case a.stream && !isWhole(&answer.Header):
		if !a.goesOn() && a.buffers() {
			return a.readStream(answer, from)
		}
		return a.readFirstEvent(answer, from)
	case !a.stream && isEvents(&answer.Header):
		return a.collectAnswer(answer, from)
	}
	answer.Begin()
	if a.stream {
		return a.replayAnswer(answer, from)
	}
	return a.readAnswer(answer, from)
}

// send sends the request that was written and waits for the head of an answer. One that
// is a failure is an error. Until the answer is told that it has begun, it must do so
// in the time of its channel.
func (a *attempt) send(channel *provider.Channel, ask provider.Ask, from codec.Format) (*pool.Response, error) {
	target, err := channel.Prepare(a.call, &a.request, ask, a.key.Key)
	if err != nil {
		return nil, err
	}
	a.target = target
	a.writeHeader()
	a.sent = true
	limits := a.limits
	limits.UntilBegun = true
	answer, err := target.Do(a.call, &a.request, limits)
	if err != nil {
		return nil, err
	}
	a.listen(answer)
	if answer.Status < 200 || answer.Status > 299 {
		answer.Begin()
		return nil, a.readFailure(answer, from)
	}
	a.answered = true
	if err := a.holdInflater(answer); err != nil {
		answer.Close()
		return nil, err
	}
	return answer, nil
}

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
	x.attempted(true)
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
	if x.at.sent && outcome.Verdict != balancer.Over && !x.at.short {
		x.attempted(false)
	}
	if !x.at.short { // of that the log hears seldom
		x.server.logAttempt(x, told)
	}
	if x.key.admin && told.Detail != "" {
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
		x.server.counters.limited[limitProviderKey].Add(1)
	}
	return told
}

// refuse answers with an error and ends the request.
func (x *exchange) refuse(e *codec.Error) {
	if x.call.Canceled() {
		x.ctx.SetStatusCode(statusClientGone)
		x.ctx.SetConnectionClose() // nobody reads it
		x.end(statusClientGone)
		return
	}
	x.failure = e
	if e.Code == errOverloaded.Code && x.retryAfter == 0 {
		x.retryAfter = comeBack
	}
	if x.at.whole != nil { // the connection keeps the memory
		x.ctx.Response.SwapBody(x.at.whole[:0])
		x.at.whole = nil
	}
	writeErrorIn(x.ctx, x.format, e)
	x.keepRefusal(e)
	setRetryAfter(x.ctx, x.retryAfter)
	x.showAttempts()
	x.end(e.Status)
}
