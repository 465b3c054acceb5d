package balancer

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"uniapi/balancer/breaker"
)

// Attempt is one try: a channel and one of its keys. It must be reported.
type Attempt struct {
	*Candidate
	Key    int           // index into the provider's keys, -1 for a provider without keys
	Number int           // 1 for the first
	Wait   time.Duration // to let pass before it; only before the same channel is tried again with the same key

	grant        Grant // of the limit of the provider's key
	at           int64 // when it was given out, on the state's clock
	try          int   // index into the plan's tries
	channelProbe bool
	keyProbe     bool
}

// Plan walks one request through its channels. Every channel has its turn once,
// in the order of the key's schedule, before any is tried again. A Plan is reused
// from request to request; it allocates only when it meets a longer route than
// before. It is used by one goroutine.
type Plan struct {
	key    *Key
	route  *Route
	lone   bool // there is one channel only: it is never left to rest
	left   int  // attempts that may still be made
	number int
	frames []frame
	marks  []bool // of frames that do not go through their entries in order
	tries  []try  // the channels tried, in the order of their first try
	barred []string
	block  Block

	// Facts of the request, for routes that ask for them; Start keeps them.
	Facts Facts

	peek bool // only looking: no turn is counted
	once bool // no channel is tried again
	same int  // of the tries, the one that is asked next, from 1; 0 is none
}

// try is what this request knows of a channel it has tried.
type try struct {
	candidate *Candidate
	count     int
	asked     uint64 // keys that it was tried with, by index; those beyond 63 are not remembered
	refused   uint64 // keys that turned out to be of no use, likewise
	closed    bool
	same      bool // it was asked once more before another (retry_same_first)
	awaited   awaited
}

// Block says why channels were left out: what the client is told if all were.
type Block struct {
	Excluded  int    // channels that do not take such a request
	Cause     Cause  // the last filter that left one out
	Resting   int    // channels and keys that were passed over because they rest after failures
	Throttled int    // of those, by limits of the provider's own
	Alone     int    // of those, after failures that only this client key has met
	Limited   int    // keys that have reached a limit of this gateway's own
	Until     int64  // when the first of them can be tried again, on the state's clock; 0 is unknown
	Reason    string // of that one
}

// Start begins a request of a key for one of its routes.
func (p *Plan) Start(key *Key, route *Route) {
	*p = Plan{
		key: key, route: route, lone: route.leaves == 1, left: route.attempts(),
		peek: p.peek, Facts: p.Facts, frames: p.frames[:0], marks: p.marks[:0], tries: p.tries[:0], barred: p.barred[:0],
	}
	if retry := key.Config.Preferences.AutoRetry; retry >= 0 {
		p.left = min(p.left, 1+retry)
	}
	p.enter(key, route)
}

// enter makes a route the one whose entries have their turn next.
func (p *Plan) enter(key *Key, route *Route) {
	f := frame{key: key, route: route, from: len(p.marks)}
	f.near = p.near(key)
	if rota := route.rota(key.Config.Preferences.Schedule); rota != nil && !f.near {
		f.turns, f.start = rota.now(route, p.key), key.turn(route, p.peek)
	}
	p.marks = append(p.marks, make([]bool, len(route.entries))...)
	p.frames = append(p.frames, f)
}

// Next returns the attempt to make now, false when there is none left.
func (p *Plan) Next() (Attempt, bool) {
	if p.left <= 0 {
		return Attempt{}, false
	}
	now := p.key.state.now()
	if same := p.same; same > 0 {
		p.same = 0
		if a, ok := p.await(same-1, now); ok {
			return a, true
		}
	}
	for c := p.advance(); c != nil; c = p.advance() {
		if p.isBarred(c) || p.tried(c) || !p.isTaken(c) {
			continue
		}
		p.tries = append(p.tries, try{candidate: c})
		if a, ok := p.attempt(len(p.tries)-1, now); ok {
			return a, true
		}
		p.tries = p.tries[:len(p.tries)-1]
	}
	if p.once {
		return Attempt{}, false
	}
	// Every channel has had its turn: again, from the one tried least. Of those tried as often, one that must be waited for comes last.
	for range p.tries {
		best := -1
		for i, t := range p.tries {
			if !t.closed && !p.isBarred(t.candidate) && (best < 0 || t.before(&p.tries[best])) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		if a, ok := p.attempt(best, now); ok {
			return a, true
		}
		if a, ok := p.await(best, now); ok {
			return a, true
		}
		p.tries[best].closed = true
	}
	return Attempt{}, false
}

// before says whether a channel is asked again before another.
func (t *try) before(other *try) bool {
	if t.count != other.count {
		return t.count < other.count
	}
	return t.awaited.at < other.awaited.at
}

// Once has no channel tried again from now on. Those that were not tried yet are.
func (p *Plan) Once() { p.once = true }

// Patience is what the channels that were tried may take together until their answers begin, each once; 0 is any time.
func (p *Plan) Patience() (sum time.Duration) {
	for i := range p.tries {
		within := p.tries[i].candidate.Deadlines(&p.Facts).FirstByte
		if within <= 0 {
			return 0
		}
		sum += within
	}
	return sum
}

// Tried is how many channels were.
func (p *Plan) Tried() int { return len(p.tries) }

// advance gives the next channel in the order of the schedules, nil after the
// last. A key in the place of a channel is gone through before what follows it.
func (p *Plan) advance() *Candidate {
	for len(p.frames) > 0 {
		f := &p.frames[len(p.frames)-1]
		i := p.pick(f)
		if i < 0 {
			p.frames = p.frames[:len(p.frames)-1]
			continue
		}
		e := &f.route.entries[i]
		if e.via == nil {
			return e.Candidate
		}
		if !e.via.hasCredit() {
			p.block.Limited++
			p.block.Reason = "a key in the place of a channel has no credit"
			continue
		}
		if refusal, ok := p.admit(e.via); !ok { // its own limit holds for it here too
			p.limited(refusal, p.key.state.now())
			continue
		}
		p.enter(e.via, e.via.Find(p.route.Model))
	}
	return nil
}

// admit counts the request against the limit of a key that stands in the place of a channel.
func (p *Plan) admit(via *Key) (refusal Refusal, ok bool) {
	now := p.key.state.now()
	if p.peek {
		return via.limiter.Check(p.route.Model, now)
	}
	_, refusal, ok = via.limiter.Take(p.route.Model, now)
	return refusal, ok
}

// attempt takes the right to try a channel and one of its keys, if both may be
// tried now.
func (p *Plan) attempt(index int, now int64) (Attempt, bool) {
	t := &p.tries[index]
	c := t.candidate
	channel := breaker.Closed
	if !p.lone {
		if channel = c.rest.Take(now, p.key.client); channel == breaker.Open {
			p.leftOut(c.rest, now)
			return Attempt{}, false
		}
	}
	key, keyStanding, grant := p.takeKey(t, now)
	if keyStanding == breaker.Open {
		if channel == breaker.HalfOpen {
			c.rest.Release(now, p.key.client)
		}
		return Attempt{}, false
	}
	a := Attempt{Candidate: c, Key: key, at: now, grant: grant, try: index, channelProbe: channel == breaker.HalfOpen, keyProbe: keyStanding == breaker.HalfOpen}
	if bit := keyBit(key); t.count > 0 && (bit == 0 || t.asked&bit != 0) {
		if a.Wait = backoff(t.count); t.awaited.key == key {
			a.Wait = max(a.Wait, time.Duration(t.awaited.at-now))
			t.awaited = awaited{}
		}
	} else {
		t.asked |= bit
	}
	return p.made(t, a), true
}

// takeKey takes the first of the provider's keys, in the order of its ring, that
// is fit and that this request has not found useless.
func (p *Plan) takeKey(t *try, now int64) (int, breaker.State, Grant) {
	ring := t.candidate.Provider.ring
	if len(ring.keys) == 0 {
		return -1, breaker.Closed, Grant{}
	}
	soft, softUntil := -1, int64(math.MaxInt64)
	walk := ring.walk(p)
	for key := walk.next(); key >= 0; key = walk.next() {
		if t.refused&keyBit(key) != 0 {
			continue
		}
		state := ring.keys[key]
		if s := state.rest.Take(now, p.key.client); s != breaker.Open {
			grant, ok := p.takeLimit(ring, key, t.candidate.Upstream, now)
			if ok {
				return key, s, grant
			}
			if s == breaker.HalfOpen {
				state.rest.Release(now, p.key.client)
			}
			continue
		}
		if v := p.leftOut(state.rest, now); v.State == breaker.Open && !v.Hard && v.Until < softUntil {
			soft, softUntil = key, v.Until
		}
	}
	if p.lone && soft >= 0 { // nobody else could serve, and nobody said that this key cannot
		if grant, ok := p.takeLimit(ring, soft, t.candidate.Upstream, now); ok {
			return soft, breaker.Closed, grant
		}
	}
	return 0, breaker.Open, Grant{}
}

// takeLimit counts an attempt against the limit of one of a provider's keys, if
// it allows it.
func (p *Plan) takeLimit(ring *keyRing, key int, upstream string, now int64) (Grant, bool) {
	if ring.limits == nil {
		return Grant{}, true
	}
	grant, refusal, ok := ring.limits[key].Take(upstream, now)
	if !ok {
		p.limited(refusal, now)
	}
	return grant, ok
}

// limited notes that something was passed over because it has reached a limit of
// this gateway's own.
func (p *Plan) limited(r Refusal, now int64) {
	p.block.Limited++
	if until := now + int64(r.After); p.block.Until == 0 || until < p.block.Until {
		p.block.Until, p.block.Reason = until, r.String()
	}
}

// keyBit is a key's, 0 for those that are not remembered and where there is none.
func keyBit(key int) uint64 {
	if key < 0 || key > 63 {
		return 0
	}
	return 1 << key
}

// leftOut notes that something was passed over because it rests, and returns what
// that means for this request.
func (p *Plan) leftOut(r *breaker.Breaker, now int64) breaker.View {
	v := r.Look(now, p.key.client)
	if v.State != breaker.Open {
		return v // it has just ended
	}
	p.block.Resting++
	if v.Limit {
		p.block.Throttled++
	}
	if v.Alone {
		p.block.Alone++
	}
	if p.block.Until == 0 || v.Until < p.block.Until {
		p.block.Until, p.block.Reason = v.Until, v.Reason
	}
	return v
}

// Blocked tells why there was no attempt, and after how long there may be one.
func (p *Plan) Blocked() (b Block, wait time.Duration) {
	if p.block.Until > 0 {
		wait = max(0, time.Duration(p.block.Until-p.key.state.now()))
	}
	return p.block, wait
}

// tried says whether the request has had a channel already: two keys may lead to
// the same.
func (p *Plan) tried(c *Candidate) bool {
	return slices.ContainsFunc(p.tries, func(t try) bool { return t.candidate == c })
}

// isTaken says whether a channel takes such a request at all.
func (p *Plan) isTaken(c *Candidate) bool {
	why, out := c.Provider.filter.Exclude(&p.Facts, c.channel())
	if out {
		p.block.Excluded++
		p.block.Cause = max(p.block.Cause, why.Cause)
	}
	return !out
}

func (p *Plan) isBarred(c *Candidate) bool {
	return len(p.barred) > 0 && slices.Contains(p.barred, c.Upstream)
}

const (
	shortestBackoff = 50 * time.Millisecond
	longestBackoff  = 400 * time.Millisecond
)

// backoff is how long to wait before a channel is tried again: somewhere in a
// doubling time, so that the requests that failed together do not come back
// together.
func backoff(tries int) time.Duration {
	most := min(shortestBackoff<<min(tries, 8), longestBackoff)
	return shortestBackoff/2 + rand.N(most)
}
