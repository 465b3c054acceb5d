package balancer

import (
	"math"
	"sync/atomic"

	"uniapi/balancer/breaker"
)

// rotation is the order in which the entries of a route take turns, if its schedule is
// one that moves on with each request. Those that rest
// are left out before the turn is looked up, so that what they
// would have served goes to all the others in their proportion, and not to
// whoever comes after them.
type rotation struct {
	turns []int // indices of entries; nil if they take no turns
	last  atomic.Pointer[lineup]
}

// lineup is a rotation at a time.
type lineup struct {
	changes uint64 // the state's count when it was made
	until   int64  // when the first of those left out may be tried again
	turns   []int
}

const never = math.MaxInt64

// now is the order without those that rest. It is computed when something has
// begun to rest or is back, and found again by all requests in between.
func (o *rotation) now(route *Route, key *Key) []int {
	if key.client.Named() {
		return o.own(route, key)
	}
	s := key.state
	changes := s.breakers.Changes()
	l := o.last.Load()
	if l == nil || l.stale(changes, s) {
		next := o.without(route, s.now(), nil)
		next.changes = changes
		l = &next
		o.last.Store(l)
	}
	return l.turns
}

// own is the order for a client key for which something rests that serves others.
func (o *rotation) own(route *Route, key *Key) []int {
	s := key.state
	changes, own := s.breakers.Changes(), key.client.Changes()
	place := &key.lineups[route.number%ownLineups]
	l := place.Load()
	if l == nil || l.of != o || l.own != own || l.stale(changes, s) {
		l = &ownLineup{lineup: o.without(route, s.now(), key.client), of: o, own: own}
		l.changes = changes
		place.Store(l)
	}
	return l.turns
}

func (l *lineup) stale(changes uint64, s *State) bool {
	return l.changes != changes || l.until < never && l.until <= s.now()
}

func (o *rotation) without(route *Route, now int64, c *breaker.Client) lineup {
	l := lineup{until: never, turns: o.turns}
	away := make([]bool, len(route.entries))
	for i := range route.entries {
		if back := route.entries[i].back(route.Model, now, c); back > now {
			away[i] = true
			l.until = min(l.until, back)
		}
	}
	if l.until == never {
		return l
	}
	var turns []int
	for _, i := range o.turns {
		if !away[i] {
			turns = append(turns, i)
		}
	}
	if len(turns) > 0 { // else all rest: who is asked first makes no difference
		l.turns = turns
	}
	return l
}

// back is when a client may try an entry again; 0 is now.
func (e *entry) back(model string, now int64, c *breaker.Client) int64 {
	if e.via == nil {
		return e.Candidate.back(now, c)
	}
	first := int64(never)
	inner := e.via.Find(model).entries
	for i := range inner {
		first = min(first, inner[i].back(model, now, c))
	}
	return first
}

func (c *Candidate) back(now int64, by *breaker.Client) int64 {
	if back := c.breaker.Back(now, by); back > 0 || len(c.Provider.ring.keys) == 0 {
		return back
	}
	first := int64(never)
	for _, key := range c.Provider.ring.keys {
		if first = min(first, c.keyBack(key, now, by)); first == 0 {
			break
		}
	}
	return first
}

// keyBack is when a client may try a key of the provider again here; 0 is now.
func (c *Candidate) keyBack(key *keyState, now int64, by *breaker.Client) int64 {
	return max(key.breaker.Back(now, by), c.pairs.of(key).Back(now, by))
}
