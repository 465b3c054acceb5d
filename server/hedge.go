package server

import (
	"context"
	"time"

	"uniapi/balancer"
	"uniapi/config"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/relay"
)

// Where hedging is on, an attempt that is slow is not waited for alone: another channel
// is asked beside it, and the first valid answer is the client's. How they run is in
// relay.Race; here is which channels those are, and what becomes of the others, for which
// the client does not pay.

// hedging is what holds for the attempt in hand, nil if it is to be waited for alone.
func (x *exchange) hedging() *config.Hedging {
	if x.endpoint != provider.Chat || x.path.Raw {
		return nil
	}
	return x.snap.config.HedgingOf(x.key.APIKey, x.at.chosen.Provider.Config)
}

// hedgesSome says whether a configuration has attempts beside each other at all.
func hedgesSome(cfg *config.Config) bool {
	some := cfg.Preferences.Hedging != nil
	for _, p := range cfg.Providers {
		some = some || p.Preferences.Hedging != nil
	}
	for _, k := range cfg.APIKeys {
		some = some || k.Preferences.Hedging != nil
	}
	return some
}

// runner is one of several attempts under way.
type runner struct {
	*attempt
	relay.Runner
}

// race makes the attempt in hand, and others beside it where that is slow. It returns
// when one has answered, which is x.at then; or when none is left, with the error of the
// last, after it has reported the others.
func (x *exchange) race(rules *config.Hedging) error {
	if len(x.runners) == 0 { // the request counts once, however often it is tried again
		x.key.hedges.Asked(rules.Share)
	}
	r := relay.Race{Racer: &racer{x, rules}, Most: rules.MaxInflight, Share: x.key.hedges}
	_, err := r.Run(x.runs(x.at, rules))
	if err == nil && x.at.chosen.Number > 1 {
		x.server.counters.HedgesWon.Add(1)
	}
	return err
}

// runs has an attempt be one of several.
func (x *exchange) runs(a *attempt, rules *config.Hedging) *relay.Runner {
	one := &runner{attempt: a}
	one.Room.Begin(x.server.budget, x.key.share)
	x.call.Branch(&one.Call)
	a.call, a.holding = &one.Call, &one.Room
	one.Answer, one.Limits, one.Began = &a.answer, &a.limits, a.began
	if one.Delay = max(rules.Delay, time.Nanosecond); rules.Delay == config.Adaptive {
		one.Delay = x.plan.Usual(a.chosen.Candidate)
	}
	one.Try = func() (err error) {
		defer func() { // outside the handler nothing else would catch it
			if p := recover(); p != nil {
				x.server.logPanic(x.ctx, p)
				err = errPanic
			}
		}()
		return a.try()
	}
	x.runners = append(x.runners, one)
	return &one.Runner
}

// racer is the request whose attempts run beside each other.
type racer struct {
	x     *exchange
	rules *config.Hedging
}

// Turn implements relay.Racer.
func (r *racer) Turn(to *relay.Runner) {
	for _, one := range r.x.runners {
		if &one.Runner == to {
			r.x.turnTo(one.attempt)
		}
	}
}

// Lost implements relay.Racer.
func (r *racer) Lost(err error) { r.x.lost(err) }

// Outrun implements relay.Racer. In the statistics it is neither a success nor a failure.
func (r *racer) Outrun(late error) {
	x := r.x
	if late != nil { // a channel that hangs must rest, however soon others answer beside it
		x.failed(x.at.judge(late))
		return
	}
	took := time.Since(x.at.began)
	x.plan.Report(x.at.chosen, balancer.Outcome{Verdict: balancer.Over, FirstByte: took})
	x.note(statusOutrun, took)
}

// statusOutrun stands for the answer of an attempt that was not waited for.
const statusOutrun = 0

// Beside implements relay.Racer.
func (r *racer) Beside() *relay.Runner {
	x := r.x
	if x.late(&x.plan) {
		return nil
	}
	chosen, is := x.besides()
	if !is {
		return nil
	}
	a := attempts.Get().(*attempt)
	a.inbound, a.call, a.holding = &x.inbound, x.call, new(budget.Holding)
	a.answer.Body = make([]byte, 0, 512) // what the connection keeps is the first one's
	x.turnTo(a)
	x.take(chosen)
	x.server.counters.Hedged.Add(1)
	return x.runs(a, r.rules)
}

// turnTo makes another attempt the one in hand.
func (x *exchange) turnTo(a *attempt) {
	x.live.mu.Lock()
	x.at = a
	x.live.mu.Unlock()
}

// besides is the plan's next attempt beside those under way.
func (x *exchange) besides() (balancer.Attempt, bool) {
	for {
		chosen, is := x.plan.Beside()
		if !is || x.plan.Confirm(context.Background(), &chosen) {
			return chosen, is
		}
	}
}

// disband lets go of attempts that ran beside each other. All have ended.
func (x *exchange) disband() {
	for i, one := range x.runners {
		x.call.Join(&one.Call)
		one.Room.End()
		if a := one.attempt; a != &x.lone {
			a.reset()
			attempts.Put(a)
		}
		x.runners[i] = nil
	}
	x.runners = x.runners[:0]
}
