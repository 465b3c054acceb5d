package balancer

import (
	"time"

	"uniapi/balancer/breaker"
)

// attempt takes the right to try a channel and one of its keys, if both may be
// tried now. force asks them before their time.
func (p *Plan) attempt(index int, now int64, force bool) (Attempt, bool) {
	t := &p.tries[index]
	c, asking := t.candidate, asking{p.key.client, now, force, p.since(t, now), false}
	channel := breaker.Closed
	if !p.lone {
		if channel = p.take(c.breaker, &asking); channel == breaker.Open {
			return Attempt{}, false
		}
	}
	a := Attempt{Candidate: c, Key: -1, at: now, try: index, channelProbe: channel == breaker.HalfOpen}
	asking.anyway = p.lone
	if len(c.Provider.ring.keys) > 0 && !p.takeKey(&a, t, &asking) {
		if channel == breaker.HalfOpen {
			c.breaker.Release(now, p.key.client)
		}
		return Attempt{}, false
	}
	if bit := keyBit(a.Key); t.count > 0 && (bit == 0 || t.asked&bit != 0) {
		if a.Wait = p.backoff(t.count); t.awaited.key == a.Key {
			a.Wait = max(a.Wait, time.Duration(t.awaited.at-now))
			t.awaited = awaited{}
		}
	} else {
		t.asked |= bit
	}
	return p.made(t, a), true
}

// asking is how a request asks for what may rest.
type asking struct {
	client *breaker.Client
	now    int64
	force  bool
	since  int64
	anyway bool
}

// since is from when on a failure says what would become of this request, too.
func (p *Plan) since(t *try, now int64) int64 {
	if t.count > 0 {
		return p.began
	}
	return max(p.began, now-int64(breaker.Patience))
}

func (p *Plan) take(b *breaker.Breaker, k *asking) breaker.State {
	if !k.force {
		return b.Take(k.now, k.client)
	}
	state, probed := b.Force(k.now, k.client, k.since, k.anyway)
	p.probed = p.probed || probed
	return state
}

// may is take without taking.
func (p *Plan) may(b *breaker.Breaker, k *asking) bool {
	may, probed := b.MayForce(k.now, k.client, k.since, k.anyway)
	p.probed = p.probed || probed
	return may
}

// takeKey takes the first of the provider's keys, in the order of its ring, that
// is fit and that this request has not found useless. By force it takes the one
// that is due first.
func (p *Plan) takeKey(a *Attempt, t *try, k *asking) bool {
	ring := t.candidate.Provider.ring
	if k.force {
		best, first := -1, int64(never)
		for i, key := range ring.keys {
			if t.refused&keyBit(i) != 0 || !p.may(key.breaker, k) || !p.may(t.candidate.pairs.of(key), k) {
				continue
			}
			if due := p.keyDue(t.candidate, key, k.now); due < first && p.hasLimit(ring, i, t.candidate.Upstream, k.now) {
				best, first = i, due
			}
		}
		return best >= 0 && p.takeOne(a, t, best, k)
	}
	from := len(p.marks)
	defer func() { p.marks = p.marks[:from] }()
	policy := ring.walk(p)
	for key := policy.Pick(&p.keys); key >= 0; key = policy.Pick(&p.keys) {
		if t.refused&keyBit(key) == 0 && p.takeOne(a, t, key, k) {
			return true
		}
	}
	return false
}

// takeOne takes one of the provider's keys: the key, what is known of it for this
// model, and its limit.
func (p *Plan) takeOne(a *Attempt, t *try, index int, k *asking) bool {
	key := t.candidate.Provider.ring.keys[index]
	if !k.force && p.spentUntil(t.candidate, key, k.now) > 0 {
		return false
	}
	whole := p.take(key.breaker, k)
	if whole == breaker.Open {
		return false
	}
	pair := t.candidate.pairs.of(key)
	half := p.take(pair, k)
	if half != breaker.Open {
		if p.takeLimit(a, t.candidate.Provider.ring, index, t.candidate.Upstream, k.now) {
			a.Key = index
			a.keyProbe, a.pairProbe = whole == breaker.HalfOpen, half == breaker.HalfOpen
			return true
		}
	}
	if whole == breaker.HalfOpen {
		key.breaker.Release(k.now, k.client)
	}
	if half == breaker.HalfOpen {
		pair.Release(k.now, k.client)
	}
	return false
}

// due is when a channel and one of its keys are fit again; never if the request
// cannot use any.
func (p *Plan) due(t *try, now int64) int64 {
	c, channel := t.candidate, int64(0)
	if !p.lone {
		channel = c.breaker.Back(now, p.key.client)
	}
	ring := c.Provider.ring
	if len(ring.keys) == 0 {
		return channel
	}
	first := int64(never)
	for i, key := range ring.keys {
		if t.refused&keyBit(i) == 0 {
			first = min(first, p.keyDue(c, key, now))
		}
	}
	return max(channel, first)
}

// takeLimit counts an attempt against the limit of one of a provider's keys, and
// holds what it may need of the key's quotas, if they allow it.
func (p *Plan) takeLimit(a *Attempt, ring *keyRing, key int, upstream string, now int64) bool {
	if ring.limits == nil {
		return true
	}
	hold, _, ok := ring.limits[key].Hold(upstream, p.Attributes.Need, now, false)
	if !ok {
		return false
	}
	grant, _, ok := ring.limits[key].Take(upstream, now) // last: not always can it be taken back
	if !ok {
		hold.Cancel(now)
		return false
	}
	a.grant, a.hold = grant, hold
	return true
}

// hasLimit says whether takeLimit would.
func (p *Plan) hasLimit(ring *keyRing, key int, upstream string, now int64) bool {
	if ring.limits == nil {
		return true
	}
	_, ok := ring.limits[key].Check(upstream, p.Attributes.Need, now)
	return ok
}

// keyBit is a key's, 0 for those that are not remembered and where there is none.
func keyBit(key int) uint64 {
	if key < 0 || key > 63 {
		return 0
	}
	return 1 << key
}

const (
	shortestBackoff = 50 * time.Millisecond
	longestBackoff  = 400 * time.Millisecond
)

// backoff is how long to wait before a channel is tried again: somewhere in a
// doubling time, so that the requests that failed together do not come back
// together.
func (p *Plan) backoff(tries int) time.Duration {
	most := min(shortestBackoff<<min(tries, 8), longestBackoff)
	return shortestBackoff/2 + time.Duration(p.key.state.chance(int(most)))
}
