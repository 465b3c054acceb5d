package server

import (
	"context"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/balancer/limit"
	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/saturate"
	"uniapi/config"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/relay"
	"uniapi/usage"
)

// mayGoOn says whether a stream of the request may be one that another channel goes on with, if it breaks off.
func (in *inbound) mayGoOn() bool {
	return in.stream && in.endpoint == provider.Chat && (in.snap.continues || in.key.Preferences.Recovery == config.RecoverContinue)
}

// continuesSome says whether a configuration has streams gone on with, whoever asks for them.
func continuesSome(cfg *config.Config) bool {
	some := cfg.Preferences.Recovery == config.RecoverContinue
	for _, p := range cfg.Providers {
		some = some || p.Preferences.Recovery == config.RecoverContinue
	}
	return some
}

// joins is the request if the attempt's stream is one that another channel can go on with, else nil. One that cannot be
// read passes as it is.
func (a *attempt) joins() *codec.Request {
	if !a.mayGoOn() || a.deferred() || a.snap.config.StreamRecovery(a.key.APIKey, a.chosen.Provider.Config) != config.RecoverContinue {
		return nil
	}
	if q, err := a.DecodedRequest(); err == nil && relay.Joinable(q) {
		return q
	}
	return nil
}

// given is about how many tokens the attempt was given to go on with, beside the client's request.
func (a *attempt) given() int64 {
	if !a.answer.GoesOn() {
		return 0
	}
	return estimate.Text(int64(a.answer.Joint.Given()))
}

// brokeOff notes a stream that broke off.
func (x *exchange) brokeOff(err error) {
	x.recordFailure(err)
	outcome, told := judgeBroken(err, x.at.limits)
	x.at.told(told)
	outcome.Reason, outcome.Unsettled = clip(told.Message), true
	x.plan.Report(x.at.chosen, outcome)
	x.failure = told
}

// GoOn implements relay.Owner.
func (x *exchange) GoOn(err error) *codec.Error {
	if x.brokeOff(err); x.goOn(err) {
		return nil
	}
	return x.failure
}

// goOn has the answer gone on with by another channel, if it is one of those that can be and there is a channel. What
// the client is told if there is none is why the answer broke off, and not what became of this.
func (x *exchange) goOn(err error) bool {
	j, told, broken := x.at.answer.Joint, x.failure, x.at.chosen
	if j == nil || !j.Plain() || x.call.Err() != nil || isOurs(err) || !x.mayTryElsewhere(told) {
		return false
	}
	if x.at.answer.EndsWell() {
		x.failure = nil
		return true
	}
	x.chargeBroken(j)
	if x.endOf(j) || x.affords(j) && x.searchOn(j) {
		x.failure = nil
		return true
	}
	x.failure = told
	x.at.answer.GiveUp(j)
	x.stays(broken)
	return false
}

// stays has the request that of the channel whose answer broke off, where none went on with it: what the client has is
// its answer, and its error.
func (x *exchange) stays(broken balancer.Attempt) {
	x.live.mu.Lock()
	x.at.chosen, x.at.backend = broken, &x.snap.backends[broken.Provider.Index]
	x.live.mu.Unlock()
}

// mayTryElsewhere says whether an answer that broke off with an error is one that another provider would not break off
// as well.
func (x *exchange) mayTryElsewhere(told *codec.Error) bool {
	switch {
	case told.Class == codec.ClientMistake, told.Class == codec.TooLong:
		return false
	case told.Class == codec.ContentPolicy, told.Code == "content_filter", told.Code == "content_policy_violation": // an error within a stream has no status that would tell
		return x.snap.config.ContentPolicy(x.at.chosen.Provider.Config) == config.ContentNext
	}
	return true
}

// chargeBroken puts an attempt on the bill whose answer the client has a part of, and lets go of it.
func (x *exchange) chargeBroken(j *relay.Joint) {
	u := x.at.ToldUsage()
	if !u.Complete() {
		x.at.fill(&u, reachedSome)
	}
	paid := x.paid
	x.spend(u)
	all := usage.Booked(u)
	x.plan.Settle(x.at.chosen, limit.Need{Tokens: all.Sum(), Money: x.paid - paid})
	x.answeredBy = "" // who goes on does not say by which model: what the client gets has the first one's name
	j.Add(u)
	x.at.charged = true
	x.at.dropped(x.at.answer.Flow.Dropped())
	x.at.answer.Flow = nil
	x.at.answer.Close()
	x.at.tell(x.failure.Status, x.ttft)
	if n := len(x.tries); n > 0 {
		t := &x.tries[n-1]
		t.broke, t.class, t.until = true, x.failure.Class, time.Since(x.start)
	}
}

// endOf ends an answer that is complete but for what stands behind its last word, or that has been as long as it may
// be.
func (x *exchange) endOf(j *relay.Joint) bool {
	q, err := x.DecodedRequest()
	if !j.Ended() && (err != nil || q.MaxTokens == nil || j.Left(*q.MaxTokens) > 0) {
		return false
	}
	x.at.answer.Finish(j)
	return true
}

// affords takes what the rest of the answer costs at least out of the key's credits, and what was spent beyond what was
// taken at the beginning.
func (x *exchange) affords(j *relay.Joint) bool {
	if !x.key.book.Limited() {
		return true
	}
	if x.paid >= x.key.book.Left() {
		return false
	}
	least := usage.Tokens{Prompt: int64(len(x.body))/estimate.CharactersPerToken + estimate.Text(int64(len(j.Text())))}
	more := max(saturate.Add(x.paid, x.cost(&least, ""))-x.reserved, 0)
	if more == 0 { // what was taken is enough, and may be all there was
		return true
	}
	if ok, err := x.key.book.Reserve(context.Background(), more); err != nil || !ok {
		return false
	}
	x.reserved, x.hasReserved = x.reserved+more, true
	return true
}

// searchOn asks channels that were not asked before, until one goes on with the answer.
func (x *exchange) searchOn(j *relay.Joint) bool {
	x.plan.GoOn()
	for x.began = time.Now(); !x.late(&x.plan); {
		chosen, more := x.next(&x.plan)
		if !more {
			return false
		}
		if x.call.Wait(chosen.Wait) != nil {
			x.plan.Report(chosen, balancer.Outcome{Verdict: balancer.Over, Unsent: true})
			return false
		}
		x.alone()
		x.take(chosen)
		err := x.at.goOnWith(j)
		if err == nil {
			err = x.at.try()
		}
		if err != nil {
			x.lost(err)
			if x.final {
				return false
			}
			continue
		}
		x.wentOn()
		return true
	}
	return false
}

// goOnWith has the attempt ask for the rest of an answer, whose text is held meanwhile.
func (a *attempt) goOnWith(j *relay.Joint) error {
	a.answer.Joint = j
	j.Next(a)
	if n := j.Held(); n > budget.KeptBuffer {
		return a.holding.Hold(budget.Stream, n)
	}
	return nil
}

// wentOn notes that another channel goes on.
func (x *exchange) wentOn() {
	took := time.Since(x.at.began)
	x.plan.Report(x.at.chosen, balancer.Outcome{Verdict: balancer.Served, FirstByte: took})
	x.note(fasthttp.StatusOK, took)
	x.attempted(nil, 0)
	x.continued++
	x.server.counters.Continued.Add(1)
}
