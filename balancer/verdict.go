package balancer

import (
	"time"

	"uniapi/balancer/breaker"
	"uniapi/balancer/limit"
)

// Verdict is what the relay learned from an attempt, in the terms that decide
// about the next one. The table stands in docs/configuration.md, under failures and cooling.
type Verdict int

// The verdicts, from best to worst for the request.
const (
	Served      Verdict = iota
	Unavailable         // no connection, timeout, 5xx, an answer that is none: try elsewhere, then here again
	RateLimited         // 429 and its like: this key rests
	OutOfQuota          // no money or quota left: this key rests for long
	KeyRefused          // 401, 403: this key is of no use
	NoModel             // 404: this channel does not have the model
	Mistaken            // 400, 422: the client's mistake, unless another channel is more lenient
	TooLong             // 413, context length, content policy: the same model will say the same again
	Broken              // the answer broke off after the client had got some of it: no further attempt
	Over                // the client left, or the time of the whole is over: no further attempt
	Ended               // what was Served has come to its end: Whole is known
	Unfit               // not here, and nothing is wrong: no such endpoint, a file of another account, more than the account may send at once
)

// Outcome is how an attempt ended.
type Outcome struct {
	Verdict    Verdict
	FirstByte  time.Duration // until the answer began, or one that was Hurried was left; 0 is unknown
	Whole      time.Duration // until it was over; 0 while it goes on, and where it is unknown
	RetryAfter time.Duration // what the provider asked for; 0 if it did not
	Unsent     bool          // the request never reached the provider, so no limit counts it
	Sure       bool          // no request can bring it about: what rests does so for all client keys at once
	Answered   bool          // it came with an answer, which costs
	Crowded    bool          // requests of others at the same time may have: it says nothing to other client keys
	Hurried    bool          // it was left after FirstToken, before its time was over
	Status     int           // that the provider answered with; 0 if it did not
	Came       limit.Need    // what the attempt came to; of one that was Served or Broken it is told with Ended
	Unsettled  bool          // that is told later, with Ended, although the attempt is over
	Final      bool          // whatever the verdict, no further attempt follows
	Reason     string        // for people: logs, explain, the answer when all rest
}

// Report tells the plan how an attempt ended: it decides what rests, and Next
// leaves out what cannot help. It is called for every attempt; for one that was Served
// without saying how long it took it is called again, with Ended, before which it may
// have been with Broken.
func (p *Plan) Report(a Attempt, o Outcome) {
	p.measure(&a, &o)
	switch {
	case o.Unsent:
		p.unhold(a)
	case o.Verdict != Served && o.Verdict != Broken && !o.Unsettled:
		p.Settle(a, o.Came)
	}
	if o.Verdict == Ended {
		return
	}
	t := &p.tries[a.try]
	p.settle(a, o)
	if o.Unsent {
		a.grant.Cancel()
	}
	if o.Final {
		p.left = 0
	}
	if o.Answered && o.Verdict != Served {
		p.paidFor(t)
	}
	comesBack := p.repeat(a, &o)
	switch o.Verdict {
	case Served, Broken, Over:
		p.left = 0
	case KeyRefused, RateLimited, OutOfQuota:
		if a.Key < 0 {
			t.closed = !comesBack
			break
		}
		t.refused |= keyBit(a.Key)
	case NoModel, Unfit:
		t.closed = true
	case Mistaken:
		t.closed = true
		p.left = min(p.left, 1) // once elsewhere, then it is the client's
	case TooLong:
		p.barred = append(p.barred, a.Upstream)
	case Unavailable:
	}
}

// How often a request is repeated whose answer had begun, and was of no use: each is paid for.
const (
	mostAnswers      = 1 + 3 // of all channels together
	mostAnswersOfOne = 1 + 1
)

// paidFor notes that a channel has answered in vain.
func (p *Plan) paidFor(t *try) {
	t.answers++
	p.answers++
	t.closed = t.closed || t.answers >= mostAnswersOfOne
	if p.answers >= mostAnswers {
		p.left = 0
	}
}

// settle puts to rest what failed and lets go of what was probed.
func (p *Plan) settle(a Attempt, o Outcome) {
	now := int64(0)
	if o.Verdict != Served { // then nothing rests, and no time is noted
		now = p.key.state.now()
	}
	o.Sure = o.Sure || p.key.only // nobody else is there to meet it
	channel, key, pair := a.cooldowns(&o)
	if p.lone {
		channel = cooldown{}
	}
	if o.Verdict.blames() {
		a.breaker.Note(now, o.Reason)
	}
	p.report(a.breaker, channel, a.channelProbe, a.at, now, &o)
	if a.Key < 0 {
		return
	}
	state := a.Provider.ring.keys[a.Key]
	p.report(state.breaker, key, a.keyProbe, a.at, now, &o)
	ours := a.pairs.of(state)
	if ours == nil && pair != (cooldown{}) {
		ours = a.pairs.make(state)
	}
	if pair != (cooldown{}) {
		ours.Note(now, o.Reason)
	}
	p.report(ours, pair, a.pairProbe, a.at, now, &o)
	switch o.Verdict {
	case Served:
		state.served.Add(1)
	case Unavailable, RateLimited, OutOfQuota, KeyRefused, Broken:
		state.failed.Add(1)
		state.breaker.Note(now, o.Reason)
	}
}

// report tells a breaker how an attempt ended.
func (p *Plan) report(b *breaker.Breaker, rests cooldown, probe bool, at, now int64, o *Outcome) {
	switch {
	case o.Verdict == Served:
		b.Served(at, p.key.client)
	case rests != (cooldown{}):
		failures := 1 + b.Failures(now, at, p.key.client)
		length := rests.length(failures)
		next := breaker.Pause{
			Began: now, Until: now + int64(length), Guess: rests.asked == 0, Failures: failures,
			Sure: o.Sure, Crowded: o.Crowded, Broken: o.Verdict == Broken,
			Limit: o.Verdict == RateLimited || o.Verdict == OutOfQuota, Reason: o.Reason,
		}
		switch {
		case rests.dead:
			next.Held = next.Until
		case rests.asked > 0:
			next.Held = now + int64(rests.asked)
		}
		b.Failed(&next, p.key.client, at)
	case probe:
		b.Release(at, p.key.client)
	}
}

// blames says whether a verdict is a failure of the channel or its key, and not
// of the client.
func (v Verdict) blames() bool {
	switch v {
	case Unavailable, RateLimited, OutOfQuota, KeyRefused, NoModel, Broken:
		return true
	}
	return false
}
