package server

import (
	"context"
	"errors"
	"io"
	"slices"
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

// joins says whether the attempt's stream is one that another channel can go on with. A request that cannot be read
// passes as it is.
func (a *attempt) joins() bool {
	if !a.mayGoOn() || a.deferred() || a.snap.config.StreamRecovery(a.key.APIKey, a.chosen.Provider.Config) != config.RecoverContinue {
		return false
	}
	q, err := a.decodedRequest()
	return err == nil && joinable(q)
}

// joinable says whether an answer to a request may be text alone: one, in no form that the half of it would break, and
// nothing that only its own format can say.
func joinable(q *codec.Request) bool {
	if slices.ContainsFunc(q.Tools, func(t codec.Tool) bool { return t.Kind == codec.ToolHosted }) {
		return false
	}
	for _, m := range q.Modalities {
		if m != "text" && m != "TEXT" {
			return false
		}
	}
	return (q.N == nil || *q.N <= 1) && (q.Output == nil || q.Output.Kind == codec.OutputText) && (q.LogProbs == nil || !*q.LogProbs)
}

// goesOn says whether the attempt goes on with an answer that another began.
func (a *attempt) goesOn() bool { return a.joint != nil && a.joint.again }

// given is about how many tokens the attempt was given to go on with, beside the client's request.
func (a *attempt) given() int64 {
	if !a.goesOn() {
		return 0
	}
	return estimate.Text(int64(a.joint.upto))
}

// joinFlow is the way of a stream that another may go on with, or that goes on itself.
func (a *attempt) joinFlow(from codec.Format, request *codec.Request) {
	if a.joint == nil {
		a.joint = &joint{encoder: a.format.NewStreamEncoder(request), plain: true, from: a}
	}
	a.joint.begin()
	a.encoder = a.joint
	a.mixed.reset(from.NewStreamDecoder(), a.joint, a.snap.config.Preferences.ErrorTriggers)
	a.mixed.joint, a.mixed.censor, a.mixed.names = a.joint, a, a.names
	a.flow = &a.mixed
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

// goOnBehindComments is goOn while the client is shown that somebody is there, also where it is not before an answer
// begins.
func (x *exchange) goOnBehindComments(w io.Writer, err error) bool {
	if x.comments == 0 && x.at.joint != nil && x.sign() != nil {
		c := newCommenter(w, x.server.options.gapComments, x.sign())
		defer c.stop()
	}
	return x.goOn(err)
}

// goOn has the answer gone on with by another channel, if it is one of those that can be and there is a channel. What
// the client is told if there is none is why the answer broke off, and not what became of this.
func (x *exchange) goOn(err error) bool {
	j, told, broken := x.at.joint, x.failure, x.at.chosen
	if j == nil || !j.plain || x.call.Err() != nil || isOurs(err) || !x.mayTryElsewhere(told) {
		return false
	}
	if x.wasWhole() {
		x.failure = nil
		return true
	}
	x.chargeBroken(j)
	if x.endOf(j) || x.affords(j) && x.searchOn(j) {
		x.failure = nil
		return true
	}
	x.failure, x.at.encoder, x.at.flow = told, j, nil
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

// wasWhole ends an answer whose last word had come when its stream broke off: many formats have more behind it.
func (x *exchange) wasWhole() bool {
	t := &x.at.mixed
	t.begin()
	events, err := t.decoder.End(t.events[:0])
	if err != nil || t.translate(events) != nil {
		return false
	}
	if x.at.first, err = t.finish(); err != nil {
		return false
	}
	x.at.closeAnswer()
	return true
}

// closeAnswer lets go of a stream that nothing more is read of.
func (a *attempt) closeAnswer() {
	if a.answer != nil {
		a.answer.Close()
		a.answer = nil
	}
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
func (x *exchange) chargeBroken(j *joint) {
	u := x.at.toldUsage()
	if !u.Complete() {
		x.at.fill(&u, reachedSome)
	}
	paid := x.paid
	x.spend(u)
	all := usage.Booked(u)
	x.plan.Settle(x.at.chosen, limit.Need{Tokens: all.Sum(), Money: x.paid - paid})
	x.answeredBy = "" // who goes on does not say by which model: what the client gets has the first one's name
	j.base.Add(u)
	j.base.Total, x.at.charged = 0, true
	x.at.dropped(x.at.flow.Dropped())
	x.at.flow = nil
	x.at.closeAnswer()
	x.at.tell(x.failure.Status, x.ttft)
	if n := len(x.tries); n > 0 {
		t := &x.tries[n-1]
		t.broke, t.class, t.until = true, x.failure.Class, time.Since(x.start)
	}
}

// endOf ends an answer that is complete but for what stands behind its last word, or that has been as long as it may
// be.
func (x *exchange) endOf(j *joint) bool {
	q, err := x.decodedRequest()
	if !j.ended && (err != nil || q.MaxTokens == nil || j.left(q) > 0) {
		return false
	}
	x.at.first, x.at.encoder = j.finish(), j
	return true
}

// affords takes what the rest of the answer costs at least out of the key's credits, and what was spent beyond what was
// taken at the beginning.
func (x *exchange) affords(j *joint) bool {
	if !x.key.book.Limited() {
		return true
	}
	if x.paid >= x.key.book.Left() {
		return false
	}
	least := usage.Tokens{Prompt: int64(len(x.body))/estimate.CharactersPerToken + estimate.Text(int64(len(j.text)))}
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
func (x *exchange) searchOn(j *joint) bool {
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
func (a *attempt) goOnWith(j *joint) error {
	a.joint = j
	j.next(a)
	if n := j.held(); n > budget.KeptBuffer {
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

// deliver writes the stream to its end, by whichever channels.
func (x *exchange) deliver(w io.Writer) (written int64, err error) {
	for {
		n, err := x.pump(w)
		written += n
		switch {
		case err == io.EOF:
			x.status = fasthttp.StatusOK
			return written, nil
		case errors.Is(err, errClient):
			return written, err
		}
		x.brokeOff(err)
		if !x.goOnBehindComments(w, err) {
			return written, x.breakOff(w)
		}
	}
}
