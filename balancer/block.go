package balancer

import (
	"time"

	"uniapi/balancer/breaker"
	"uniapi/balancer/limit"
)

// Block says why channels were left out: what the client is told if all were.
type Block struct {
	Excluded  int    // channels that do not take such a request
	Cause     Cause  // the last filter that left one out
	Resting   int    // channels and keys that were passed over because they rest after failures
	Throttled int    // of those, by limits of the provider's own
	Alone     int    // of those, after failures that only this client key has met
	Limited   int    // keys that have reached a limit of this gateway's own
	Denied    int    // keys in the place of a channel that may not be used now, or from where the request comes
	Until     int64  // when the first of them may be tried again by somebody, on the state's clock; 0 is unknown
	Reason    string // of that one
}

// limited notes that something was passed over because it has reached a limit of
// this gateway's own.
func (p *Plan) limited(r limit.Refusal, now int64) {
	p.block.Limited++
	if until := now + int64(r.After); p.block.Until == 0 || until < p.block.Until {
		p.block.Until, p.block.Reason = until, r.String()
	}
}

// leftOut notes why a channel was passed over.
func (p *Plan) leftOut(t *try, now int64) {
	c := t.candidate
	if !p.lone && p.rests(c.breaker.Look(now, p.key.client), now) {
		return
	}
	ring := c.Provider.ring
	for i, key := range ring.keys {
		if t.refused&keyBit(i) != 0 || p.rests(key.breaker.Look(now, p.key.client), now) || p.rests(c.pairs.of(key).Look(now, p.key.client), now) {
			continue
		}
		if ring.limits != nil {
			if refusal, ok := ring.limits[i].Check(c.Upstream, p.Attributes.Need, now); !ok {
				p.limited(refusal, now)
			}
		}
	}
}

// rests notes that something was passed over because it rests.
func (p *Plan) rests(v breaker.View, now int64) bool {
	if v.State != breaker.Open {
		return false
	}
	p.block.Resting++
	if v.Limit {
		p.block.Throttled++
	}
	if v.Alone {
		p.block.Alone++
	}
	// By then a request asks, if there is nobody else, whatever it rests for.
	until := min(v.Until, max(v.Held, now+int64(time.Second)))
	if p.block.Until == 0 || until < p.block.Until {
		p.block.Until, p.block.Reason = until, v.Reason
	}
	return true
}

// Blocked tells why there was no attempt, and after how long there may be one.
func (p *Plan) Blocked() (b Block, wait time.Duration) {
	if p.block.Until > 0 {
		wait = max(0, time.Duration(p.block.Until-p.key.state.now()))
	}
	return p.block, wait
}
