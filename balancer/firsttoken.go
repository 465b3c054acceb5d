package balancer

import (
	"math/bits"
	"sync/atomic"
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// pace is how long the streams of a channel took to begin: a histogram whose steps are
// a quarter longer at most than those before. It takes no lock, and is made for the
// first stream.
type pace struct {
	counts [paceSteps]atomic.Uint32
	total  atomic.Uint32
	slow   atomic.Int64 // see slowAfter; 0 while too little is known
	usual  atomic.Int64 // see Usual; likewise
}

const (
	paceSteps = 84 // from a millisecond to 70 minutes

	fewBegun  = 50   // with fewer nothing is known
	manyBegun = 1000 // so many count half from then on, so that what was long ago fades

	slowTimes = 3 // what is so many times as slow as all but one of a hundred is left for another channel
	slowLeast = 10 * time.Second
)

// note counts a stream that began, or was left, after a time.
func (p *pace) note(d time.Duration) {
	p.counts[stepOf(d)].Add(1)
	n := p.total.Add(1)
	if n >= manyBegun && p.total.CompareAndSwap(n, n/2) {
		for i := range p.counts {
			count := &p.counts[i]
			for old := count.Load(); !count.CompareAndSwap(old, old/2); old = count.Load() {
			}
		}
	}
	if n >= fewBegun && (n-fewBegun)%8 == 0 {
		p.slow.Store(int64(max(slowTimes*p.within(99), slowLeast)))
		p.usual.Store(int64(p.within(95)))
	}
}

// within is the time in which so many of a hundred began, at most a quarter too long.
func (p *pace) within(percent uint32) time.Duration {
	total := uint32(0)
	for i := range p.counts {
		total += p.counts[i].Load()
	}
	beyond := total * (100 - percent) / 100
	for i := paceSteps - 1; i > 0; i-- {
		n := p.counts[i].Load()
		if n > beyond {
			return endOf(i)
		}
		beyond -= n
	}
	return endOf(0)
}

// stepOf is the step that a time belongs to. Below 4 ms each has one of its own; above,
// there are four to a doubling.
func stepOf(d time.Duration) int {
	ms := min(uint64(max(d.Milliseconds(), 0)), 1<<22-1)
	if ms < 4 {
		return int(ms)
	}
	doubling := bits.Len64(ms) - 1
	return (doubling-1)*4 + int(ms>>(doubling-2)&3)
}

// endOf is the time at which a step ends.
func endOf(step int) time.Duration {
	if step < 4 {
		return time.Duration(step+1) * time.Millisecond
	}
	doubling, quarter := step/4+1, step%4
	return time.Duration(4+quarter+1) << (doubling - 2) * time.Millisecond
}

// began notes how long an answer of the channel took to begin, which is until it was
// whole if it is no stream.
func (c *channelState) began(stream bool, after time.Duration) {
	at := c.paceOf(stream)
	p := at.Load()
	if p == nil {
		at.CompareAndSwap(nil, new(pace))
		p = at.Load()
	}
	p.note(after)
}

func (c *channelState) paceOf(stream bool) *atomic.Pointer[pace] {
	if stream {
		return &c.pace
	}
	return &c.wholes
}

// Usual is the time in which all but one of twenty answers of a channel to such
// requests began of late; 0 is unknown.
func (p *Plan) Usual(c *Candidate) time.Duration {
	if pace := c.paceOf(p.Attributes.Stream).Load(); pace != nil {
		return time.Duration(pace.usual.Load())
	}
	return 0
}

// slowAfter is how long a stream takes that is slow for the channel; 0 is unknown.
func (c *channelState) slowAfter() time.Duration {
	if p := c.pace.Load(); p != nil {
		return time.Duration(p.slow.Load())
	}
	return 0
}

// FirstToken is how long a request's stream may take to begin at a channel before it is
// left for another one, if there is one that could serve it; 0 is as long as its
// deadline. It is first_token of timeout_policy.
func (c *Candidate) FirstToken(attributes *Attributes) time.Duration {
	if !attributes.Stream {
		return 0
	}
	set := c.Provider.timeouts.Find(attributes, c.channel()).FirstToken
	if set == nil || *set == config.Adaptive {
		return c.slowAfter()
	}
	return *set
}

// FirstToken is how long the attempt that was given last may take to begin, so that
// another channel, which is left and could serve, is asked; 0 is as long as its
// deadline.
func (p *Plan) FirstToken(c *Candidate) time.Duration {
	within := c.FirstToken(&p.Attributes)
	if within == 0 || p.left <= 0 || !p.another(p.route, p.key.state.now()) {
		return 0
	}
	return within
}

// another says whether a route has a channel that was not asked yet and could serve
// the request now.
func (p *Plan) another(route *Route, now int64) bool {
	for i := range route.entries {
		e := &route.entries[i]
		if e.via != nil {
			if e.via.denies(p.Attributes.Client, p.peek) == config.NotDenied && e.via.hasCredit() && p.another(e.via.Find(p.route.Model), now) {
				return true
			}
			continue
		}
		if p.isBarred(e.Candidate) || p.asked(e.Candidate) || !e.Candidate.fit(now, p.key) {
			continue
		}
		if _, out := e.Provider.filter.Exclude(&p.Attributes, e.Candidate.channel()); !out {
			return true
		}
	}
	return false
}

// asked says whether an attempt was made at a channel.
func (p *Plan) asked(c *Candidate) bool {
	for i := range p.tries {
		if p.tries[i].candidate == c && p.tries[i].count > 0 {
			return true
		}
	}
	return false
}

// fit says whether a channel and one of its keys could serve a client key now.
func (c *Candidate) fit(now int64, key *Key) bool {
	if c.back(now, key.client) > 0 {
		return false
	}
	ring := c.Provider.ring
	for i := range ring.limits {
		if _, ok := ring.limits[i].Check(c.Upstream, limit.Need{}, now); ok && c.keyBack(ring.keys[i], now, key.client) == 0 {
			return true
		}
	}
	return len(ring.limits) == 0
}
