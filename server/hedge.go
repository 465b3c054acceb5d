package server

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"uniapi/balancer"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
)

// Where hedging is on, an attempt that is slow is not waited for alone: another channel
// is asked beside it, and the first valid answer is the client's. The others are ended
// at once, and the client does not pay for them.

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
	branch pool.Call      // of the client's, so that it can be ended by itself
	room   budget.Holding // what it holds beside the others
	err    error          // how it ended

	within time.Duration // the time that its answer has to begin in
	nudge  time.Time     // when another is asked beside it before that is over; zero is never
	due    time.Time     // when that is over; zero is never
	over   bool          // it is over
	given  bool          // it was given up, since it was
}

// race is the attempts of a request that run beside each other.
type race struct {
	x       *exchange
	rules   *config.Hedging
	running []*runner
	ended   chan *runner // has room for all
	shared  bool         // this is one of the requests that may have more attempts before the time of the first is over
}

// race makes the attempt in hand, and others beside it where that is slow. It returns
// when one has answered, which is x.at then; or when none is left, with the error of the
// last, after it has reported the others.
func (x *exchange) race(rules *config.Hedging) error {
	if len(x.runners) == 0 { // the request counts once, however often it is tried again
		x.server.hedges.asked(rules.Share)
	}
	r := &race{x: x, rules: rules, ended: make(chan *runner, rules.MaxInflight)}
	r.start(x.at)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(r.sleep(time.Now()))
		select {
		case one := <-r.ended:
			r.forget(one)
			x.turnTo(one.attempt)
			if one.err == nil {
				r.callOff(one)
				return nil
			}
			if len(r.running) == 0 {
				return one.err
			}
			x.lost(one.err)
			r.another()
		case <-timer.C:
			r.look(time.Now())
		}
	}
}

// start has an attempt run, whose time begins now.
func (r *race) start(a *attempt) {
	one := &runner{attempt: a, within: a.limits.FirstByte}
	one.room.Begin(r.x.server.budget, r.x.key.share)
	r.x.call.Branch(&one.branch)
	a.call, a.holding = &one.branch, &one.room
	if after := r.delay(a); after > 0 {
		one.nudge = a.began.Add(after)
	}
	if one.within > 0 {
		one.due = a.began.Add(one.within)
		a.limits.FirstByte = overtime * one.within
	}
	r.running = append(r.running, one)
	r.x.runners = append(r.x.runners, one)
	go func() {
		defer func() { // outside the handler nothing else would catch it
			if p := recover(); p != nil {
				r.x.server.logPanic(r.x.ctx, p)
				one.err = errPanic
			}
			r.ended <- one
		}()
		one.err = a.try()
	}()
}

// overtime is how many times as long as it may otherwise an attempt goes on beside one
// that was begun since it is slow.
const overtime = 2

// delay is after how long another channel is asked beside an attempt before its time is
// over; 0 is not at all.
func (r *race) delay(a *attempt) time.Duration {
	if r.rules.Delay == config.Adaptive {
		return r.x.plan.Usual(a.chosen.Candidate)
	}
	return max(r.rules.Delay, time.Nanosecond)
}

// sleep is how long nothing is to be done but to wait for an attempt's end.
func (r *race) sleep(now time.Time) time.Duration {
	next := now.Add(time.Hour)
	for _, one := range r.running {
		for _, at := range [...]time.Time{one.nudge, one.due} {
			if !at.IsZero() && at.Before(next) {
				next = at
			}
		}
	}
	return next.Sub(now)
}

// look has another channel asked where an attempt is slow. One that has had its time and
// that none can be asked beside is given up.
func (r *race) look(now time.Time) {
	for _, one := range r.running {
		if !one.nudge.IsZero() && !now.Before(one.nudge) {
			one.nudge = time.Time{}
			r.early()
			return // running is another one now
		}
		if !one.due.IsZero() && !now.Before(one.due) {
			one.due, one.nudge, one.over = time.Time{}, time.Time{}, true
			if !r.another() {
				one.given = true
				one.branch.Cancel()
			}
			return
		}
	}
}

// early asks another channel before the time of those under way is over, which so many
// requests may.
func (r *race) early() {
	share := &r.x.server.hedges
	if len(r.running) >= r.rules.MaxInflight || !r.shared && !share.take() {
		return
	}
	if is := r.another(); is || r.shared {
		r.shared = true
		return
	}
	share.give()
}

// another asks a channel that was not asked yet, if there is one and a place for it.
func (r *race) another() bool {
	x := r.x
	if len(r.running) >= r.rules.MaxInflight || x.late(&x.plan) {
		return false
	}
	chosen, is := x.besides()
	if !is {
		return false
	}
	a := attempts.Get().(*attempt)
	a.inbound, a.call, a.holding = &x.inbound, x.call, new(budget.Holding)
	a.answer.Body = make([]byte, 0, 512) // what the connection keeps is the first one's
	x.turnTo(a)
	x.take(chosen)
	x.server.counters.Hedged.Add(1)
	r.start(a)
	return true
}

// forget takes out an attempt that has ended.
func (r *race) forget(one *runner) {
	for i, other := range r.running {
		if other == one {
			r.running = append(r.running[:i], r.running[i+1:]...)
			break
		}
	}
	if !one.given || one.err == nil && one.answer.Open == nil {
		return
	}
	one.answer.Close() // it has begun just then, on a connection that is closed
	one.branch.Reset() // it was not the client that left
	one.err = one.tooSlow()
}

// tooSlow is the error of an attempt that has had its time.
func (one *runner) tooSlow() error {
	one.limits.FirstByte = one.within
	return &pool.Error{Kind: pool.FirstByteTimeout, Op: "waiting", Err: fmt.Errorf("no answer within %v", one.within)}
}

// callOff ends all others when one has answered, and waits until they have let go of
// what they share with it.
func (r *race) callOff(winner *runner) {
	if winner.chosen.Number > 1 {
		r.x.server.counters.HedgesWon.Add(1)
	}
	for _, one := range r.running {
		one.branch.Cancel()
	}
	for range r.running {
		one := <-r.ended
		late := one.over && one.answer.Open == nil
		one.answer.Close()
		one.room.End()
		r.x.turnTo(one.attempt)
		if late { // a channel that hangs must rest, however soon others answer beside it
			r.x.failed(r.x.at.judge(one.tooSlow()))
			continue
		}
		r.x.outrun(time.Since(one.began))
	}
	r.running = nil
	r.x.turnTo(winner.attempt)
}

// outrun reports an attempt that another one was faster than: it is nobody's fault, and
// in the statistics neither a success nor a failure.
func (x *exchange) outrun(took time.Duration) {
	x.plan.Report(x.at.chosen, balancer.Outcome{Verdict: balancer.Over, FirstByte: took})
	x.note(statusOutrun, took)
}

// statusOutrun stands for the answer of an attempt that was not waited for.
const statusOutrun = 0

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
		x.call.Join(&one.branch)
		one.room.End()
		if a := one.attempt; a != &x.lone {
			a.reset()
			attempts.Put(a)
		}
		x.runners[i] = nil
	}
	x.runners = x.runners[:0]
}

// hedgeShare is how many requests may have attempts beside others before the time of those
// is over, in millionths of one.
type hedgeShare struct{ left atomic.Int64 }

const (
	oneHedge   = 1_000_000
	mostHedges = 10 * oneHedge // are saved up
)

// asked notes a request, of a hundred of which so many may have another attempt.
func (s *hedgeShare) asked(percent float64) {
	if more := int64(percent * oneHedge / 100); s.left.Load() < mostHedges {
		s.left.Add(more)
	}
}

func (s *hedgeShare) take() bool {
	for {
		left := s.left.Load()
		if left < oneHedge {
			return false
		}
		if s.left.CompareAndSwap(left, left-oneHedge) {
			return true
		}
	}
}

func (s *hedgeShare) give() { s.left.Add(oneHedge) }
