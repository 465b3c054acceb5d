package balancer

import (
	"time"

	"uniapi/balancer/breaker"
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
	Unfit               // not here, and nothing is wrong: no such endpoint, a file of another account, more than the account may send at once
)

// Outcome is how an attempt ended.
type Outcome struct {
	Verdict    Verdict
	RetryAfter time.Duration // what the provider asked for; 0 if it did not
	Unsent     bool          // the request never reached the provider, so no limit counts it
	Sure       bool          // no request can bring it about: what rests does so for all client keys at once
	Crowded    bool          // requests of others at the same time may have: it says nothing to other client keys
	Status     int           // that the provider answered with; 0 if it did not
	Final      bool          // whatever the verdict, no further attempt follows
	Reason     string        // for people: logs, explain, the answer when all rest
}

// Report tells the plan how an attempt ended: it decides what rests, and Next
// leaves out what cannot help. It is called for every attempt; after a stream
// that was Served it may be called once more, with Broken.
func (p *Plan) Report(a Attempt, o Outcome) {
	t := &p.tries[a.try]
	p.settle(a, o)
	if o.Unsent {
		a.grant.Cancel()
	}
	if o.Final {
		p.left = 0
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

// settle puts to rest what failed and lets go of what was probed.
func (p *Plan) settle(a Attempt, o Outcome) {
	now := int64(0)
	if o.Verdict != Served { // then nothing rests, and no time is noted
		now = p.key.state.now()
	}
	var key *keyState
	if a.Key >= 0 {
		key = a.Provider.ring.keys[a.Key]
	}
	channelRests, keyRests := p.pauses(a, o)
	o.Sure = o.Sure || p.key.only // nobody else is there to meet it
	client := p.key.client
	if o.Verdict.blames() {
		a.rest.Note(now, o.Reason)
	}

	switch {
	case channelRests > 0 && !p.lone:
		a.rest.Failed(o.pause(now, channelRests), client, a.at)
	case o.Verdict == Served:
		a.rest.Served(a.at, client)
	case a.channelProbe:
		a.rest.Release(a.at, client)
	}
	if key == nil {
		return
	}
	switch {
	case keyRests > 0:
		next := o.pause(now, keyRests)
		next.Refusals = key.rest.Refusals(a.at, client)
		// A provider's only key is asked again by a route that has no other channel: nothing else could serve.
		several := len(a.Provider.ring.keys) > 1
		next.Hard = several && (o.Verdict == KeyRefused || o.Verdict == OutOfQuota) || o.Verdict == RateLimited && o.RetryAfter > 0
		if o.Verdict == KeyRefused {
			next.Refusals++
		}
		key.rest.Failed(next, client, a.at)
	case o.Verdict == Served:
		key.rest.Served(a.at, client)
	case a.keyProbe:
		key.rest.Release(a.at, client)
	}
	switch o.Verdict {
	case Served:
		key.served.Add(1)
	case Unavailable, RateLimited, OutOfQuota, KeyRefused, Broken:
		key.failed.Add(1)
		key.rest.Note(now, o.Reason)
	}
}

// pause is how long what failed at a moment rests for it.
func (o *Outcome) pause(now int64, length time.Duration) *breaker.Pause {
	return &breaker.Pause{
		Began: now, Until: now + int64(length), Sure: o.Sure, Crowded: o.Crowded, Broken: o.Verdict == Broken,
		Limit: o.Verdict == RateLimited || o.Verdict == OutOfQuota, Reason: o.Reason,
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

const (
	deadKeyRest  = time.Minute // a refused key's first rest; four times as long each time it is refused again
	deadKeyMost  = 4 * time.Hour
	loneKeyMost  = 5 * time.Minute // of a provider's only key: whoever pays the bill does not want to wait for hours
	longestRetry = 24 * time.Hour  // of a provider's Retry-After
)

// pauses says for how long the channel and the key rest; 0 is not at all.
func (p *Plan) pauses(a Attempt, o Outcome) (channel, key time.Duration) {
	prefs := &a.Provider.Config.Preferences
	several := len(a.Provider.ring.keys) > 1
	asked := min(o.RetryAfter, longestRetry)
	switch o.Verdict {
	case Unavailable, Broken:
		channel = a.Provider.cooldown
		if several {
			key = prefs.KeyCooldown
		}
	case NoModel:
		channel = a.Provider.cooldown
	case RateLimited:
		key = asked
		if key == 0 {
			key = prefs.KeyCooldown
		}
		if key == 0 && several {
			key = prefs.KeyRateLimitCooldown
		}
		if key == 0 {
			key = a.Provider.cooldown
		}
	case OutOfQuota:
		key = max(prefs.KeyQuotaCooldown, asked)
	case KeyRefused:
		key = min(deadKeyRest<<(2*min(p.refusals(a), 4)), deadKeyMost)
	}
	if !several {
		key = min(key, max(loneKeyMost, asked))
	}
	if a.Key < 0 && key > 0 { // a provider without keys rests as a whole
		channel, key = max(channel, key), 0
	}
	return channel, key
}

// refusals is how often in a row an attempt's key had been refused before it.
func (p *Plan) refusals(a Attempt) int {
	if a.Key < 0 {
		return 0
	}
	return a.Provider.ring.keys[a.Key].rest.Refusals(a.at, p.key.client)
}
