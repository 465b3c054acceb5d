package balancer

import (
	"slices"
	"time"

	"uniapi/balancer/limit"
	"uniapi/balancer/schedule"
	"uniapi/config"
)

// Attempt is one try: a channel and one of its keys. It must be reported.
type Attempt struct {
	*Candidate
	Key      int // index into the provider's keys, -1 for a provider without keys
	Number   int // 1 for the first
	Affinity Affinity
	Wait     time.Duration // to let pass before it; only before the same channel is tried again with the same key

	grant        limit.Grant // of the limit of the provider's key
	hold         limit.Hold  // of its quotas, until the attempt is made
	at           int64       // when it was given out, on the state's clock
	try          int         // index into the plan's tries
	channelProbe bool
	keyProbe     bool
	pairProbe    bool
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
	frames []frame
	marks  []bool        // the room of all walks
	keys   schedule.Walk // through a provider's keys
	tries  []try         // the channels tried, and those left out because they rest, in the order of the schedules
	barred []string
	block  Block
	course
	counts

	// Attributes of the request, for routes that ask for them; Start keeps them.
	Attributes Attributes

	peek bool // only looking: no turn is counted
	once bool // no channel is tried again
	same int  // of the tries, the one that is asked next, from 1; 0 is none
}

// course is how far a plan has come.
type course struct {
	number  int
	answers int    // that were of no use
	began   int64  // when the first attempt was asked for
	probed  bool   // of what rests something is being probed, and nothing else could serve
	open    uint64 // the attempts under way, each the bit of its number
	spared  int    // attempts that are left for channels which were not tried
}

// counts is what a plan has taken of limits.
type counts struct {
	unsure []unsure     // of client keys in the place of channels: what Confirm has to ask for
	holds  []held       // of quotas of the providers' keys, by attempts that have not ended
	vias   []limit.Hold // of quotas of client keys in the place of channels
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
	answers   int   // that were of no use: each costs
	passed    bool  // it was not to be had in this round
	due       int64 // when it is fit again; never if that does not hang on what rests
}

// Start begins a request of a key for one of its routes.
func (p *Plan) Start(key *Key, route *Route) {
	*p = Plan{
		key: key, route: route, lone: route.leaves == 1, left: route.attempts(),
		peek: p.peek, Attributes: p.Attributes, frames: p.frames[:0], marks: p.marks[:0], tries: p.tries[:0], barred: p.barred[:0], counts: counts{unsure: p.unsure[:0], holds: p.holds[:0], vias: p.vias[:0]},
	}
	if retry := key.Config.Preferences.AutoRetry; retry >= 0 {
		p.left = min(p.left, 1+retry)
	}
	p.enter(key, route)
}

// enter makes a route the one whose entries have their turn next.
func (p *Plan) enter(key *Key, route *Route) {
	f := frame{key: key, route: route, policy: route.policy}
	f.walk.Places, f.walk.Marks, f.walk.Chance = route.places, p.room(len(route.places)), key.state.chance
	switch {
	case p.near(route) && route.near != route.policy:
		f.policy, f.walk.Conversation = route.near, p.Attributes.Conversation
	case route.rotation.turns != nil:
		f.walk.Turns, f.walk.Start = route.rotation.now(route, p.key), key.turn(route, p.peek)
		if p.near(route) { // who rests has its place in that order, too
			f.walk.Turns, f.walk.Conversation = route.rotation.turns, p.Attributes.Conversation
		}
		if _, timed := route.policy.(schedule.LeastLatency); timed {
			f.walk.Now = key.state.now()
		}
	}
	p.frames = append(p.frames, f)
}

// room is for the marks of a walk through so many places.
func (p *Plan) room(places int) []bool {
	from := len(p.marks)
	p.marks = append(p.marks, make([]bool, places)...)
	return p.marks[from:len(p.marks):len(p.marks)]
}

// frame is a plan's place in one route. A key used as a channel has a frame of its
// own above that of the key that named it.
type frame struct {
	key    *Key
	route  *Route
	policy schedule.Policy
	walk   schedule.Walk
}

// near says whether the channels of a route go by the conversation.
func (p *Plan) near(route *Route) bool {
	return p.Attributes.Conversation != 0 && p.key.affine && route.near != nil
}

// Conversation makes the number by which a request's conversation is known; 0 is none.
func Conversation(sum uint64) uint64 { return schedule.Conversation(sum) }

// Near says whether requests for a route are to be kept where their conversation
// was: Attributes.Conversation must be set then.
func (k *Key) Near(route *Route) bool { return k.affine || route.affine }

// Next returns the attempt to make now, false when there is none left. It may be
// called again then, if Probed.
func (p *Plan) Next() (Attempt, bool) {
	if p.left <= 0 {
		p.probed = false
		return Attempt{}, false
	}
	now := p.key.state.now()
	if p.began == 0 {
		p.began = now
	}
	if same := p.same; same > 0 && !p.once {
		p.same = 0
		if a, ok := p.await(same-1, now); ok {
			return a, true
		}
	}
	if a, ok := p.fresh(now); ok {
		return a, true
	}
	// Every channel has had its turn: again, from the one tried least.
	for p.spared = p.untried(now); ; p.spared = 0 {
		if a, ok := p.again(now, false); ok {
			return a, true
		}
		if a, ok := p.early(now); ok || p.probed || p.spared == 0 {
			return a, ok
		}
	}
}

// untried is how many channels were left out so far because they rest: each is to have an attempt when it is fit,
// before those that have failed use up all there are.
func (p *Plan) untried(now int64) (n int) {
	for i := range p.tries {
		if t := &p.tries[i]; t.count == 0 && p.mayRepeat(t) {
			if due := p.due(t, now); due > 0 && due < never {
				n++
			}
		}
	}
	return n
}

// Beside returns an attempt to make beside those under way: at a channel that the
// request was not sent to. False if there is none. It is confirmed and reported like
// any other.
func (p *Plan) Beside() (Attempt, bool) {
	if p.left <= 0 {
		return Attempt{}, false
	}
	return p.fresh(p.key.state.now())
}

// fresh gives an attempt at a channel that has not had its turn.
func (p *Plan) fresh(now int64) (Attempt, bool) {
	for c := p.advance(); c != nil; c = p.advance() {
		if p.isBarred(c) || p.tried(c) || !p.isTaken(c) {
			continue
		}
		p.tries = append(p.tries, try{candidate: c})
		if a, ok := p.attempt(len(p.tries)-1, now, false); ok {
			return a, true
		}
		p.leftOut(&p.tries[len(p.tries)-1], now)
	}
	return Attempt{}, false
}

// early gives an attempt at what rests, where nothing else could serve: what is due first is asked before its time.
func (p *Plan) early(now int64) (Attempt, bool) {
	for i := range p.tries {
		p.tries[i].due = p.due(&p.tries[i], now)
	}
	p.probed = false
	return p.again(now, true)
}

// again gives an attempt at a channel that was tried or left out before: the one tried least, of those tried as often
// one that need not be waited for; by force, of those tried as often, the one that is due first. Those that were tried
// leave as many attempts as are spared for others.
func (p *Plan) again(now int64, force bool) (Attempt, bool) {
	for i := range p.tries {
		p.tries[i].passed = false
	}
	for range p.tries {
		best := -1
		for i := range p.tries {
			t := &p.tries[i]
			switch {
			case t.passed, !p.mayRepeat(t), t.count > 0 && p.left <= p.spared, force && (t.due == 0 || t.due == never || t.answers > 0):
			case best < 0, force && t.dueBefore(&p.tries[best]), !force && t.before(&p.tries[best]):
				best = i
			}
		}
		if best < 0 {
			break
		}
		if a, ok := p.attempt(best, now, force); ok {
			return a, true
		}
		if !force && p.tries[best].awaited.at > 0 { // nothing is left that was tried as seldom
			if a, ok := p.early(now); ok {
				return a, true
			}
			if a, ok := p.await(best, now); ok {
				return a, true
			}
		}
		p.tries[best].passed = true
	}
	return Attempt{}, false
}

// mayRepeat says whether a channel may be asked again, or at last.
func (p *Plan) mayRepeat(t *try) bool {
	return !t.closed && !(p.once && t.count > 0) && !p.isBarred(t.candidate)
}

// before says whether a channel is asked again before another.
func (t *try) before(other *try) bool {
	if t.count != other.count {
		return t.count < other.count
	}
	return t.awaited.at < other.awaited.at
}

// dueBefore says whether a channel that rests is asked before another.
func (t *try) dueBefore(other *try) bool {
	if t.count != other.count {
		return t.count < other.count
	}
	return t.due < other.due
}

// Probed says, after Next gave nothing, that all that could serve rests and that
// another request is finding out whether something is fit again. It is worth to
// wait for that, for a moment, and to call Next once more.
func (p *Plan) Probed() bool { return p.probed }

// Once has no channel tried again from now on. Those that were not tried yet are.
func (p *Plan) Once() { p.once = true }

// Patience is what the channels that were tried may take together until their answers begin, each once; 0 is any time.
func (p *Plan) Patience() (sum time.Duration) {
	for i := range p.tries {
		if p.tries[i].count == 0 {
			continue // it rests
		}
		within := p.tries[i].candidate.Deadlines(&p.Attributes).FirstByte
		if within <= 0 {
			return 0
		}
		sum += within
	}
	return sum
}

// Tried is how many channels were.
func (p *Plan) Tried() (n int) {
	for i := range p.tries {
		n += min(p.tries[i].count, 1)
	}
	return n
}

// advance gives the next channel in the order of the schedules, nil after the
// last. A key in the place of a channel is gone through before what follows it.
func (p *Plan) advance() *Candidate {
	for len(p.frames) > 0 {
		f := &p.frames[len(p.frames)-1]
		i := f.policy.Pick(&f.walk)
		if i < 0 {
			p.frames = p.frames[:len(p.frames)-1]
			continue
		}
		e := &f.route.entries[i]
		if e.via == nil {
			return e.Candidate
		}
		if e.via.denies(p.Attributes.Client, p.peek) != config.NotDenied {
			p.block.Denied++
			continue
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
func (p *Plan) admit(via *Key) (refusal limit.Refusal, ok bool) {
	now := p.key.state.now()
	if p.peek {
		return via.limiter.Check(p.route.Model, p.Attributes.Need, now)
	}
	hold, refusal, ok := via.limiter.Hold(p.route.Model, p.Attributes.Need, now, false)
	if !ok {
		return refusal, false
	}
	grant, refusal, ok := via.limiter.Take(p.route.Model, now) // last: not always can it be taken back
	if !ok {
		hold.Cancel(now)
		return refusal, false
	}
	if hold.Holds() {
		p.vias = append(p.vias, hold)
	}
	if hold.Unsure() {
		p.unsure = append(p.unsure, unsure{hold.Asked(), via, len(p.tries)})
	}
	if grant.Unsure() {
		p.unsure = append(p.unsure, unsure{grant, via, len(p.tries)})
	}
	return refusal, true
}

// tried says whether the request has had a channel already: two keys may lead to
// the same.
func (p *Plan) tried(c *Candidate) bool {
	return slices.ContainsFunc(p.tries, func(t try) bool { return t.candidate == c })
}

// isTaken says whether a channel takes such a request at all.
func (p *Plan) isTaken(c *Candidate) bool {
	why, out := c.Provider.filter.Exclude(&p.Attributes, c.channel())
	if out {
		p.block.Excluded++
		p.block.Cause = max(p.block.Cause, why.Cause)
	}
	return !out
}

func (p *Plan) isBarred(c *Candidate) bool {
	return len(p.barred) > 0 && slices.Contains(p.barred, c.Upstream)
}
