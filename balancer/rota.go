package balancer

import (
	"math"
	"sync/atomic"
)

// rota is the order in which the entries of a route take turns. Those that rest
// are left out before the turn is looked up (behaviour 3.2), so that what they
// would have served goes to all the others in their proportion, and not to
// whoever comes after them.
type rota struct {
	turns []int // indices of entries
	last  atomic.Pointer[lineup]
}

// lineup is a rota at a time.
type lineup struct {
	changes uint64 // the state's count when it was made
	until   int64  // when the first of those left out may be tried again
	turns   []int
}

const never = math.MaxInt64

// now is the order without those that rest. It is computed when something has
// begun to rest or is back, and found again by all requests in between.
func (o *rota) now(route *Route, s *State) []int {
	changes := s.changes.Load()
	l := o.last.Load()
	if l == nil || l.changes != changes || l.until < never && l.until <= s.now() {
		l = o.without(route, s.now())
		l.changes = changes
		o.last.Store(l)
	}
	return l.turns
}

func (o *rota) without(route *Route, now int64) *lineup {
	l := &lineup{until: never, turns: o.turns}
	away := make([]bool, len(route.entries))
	for i := range route.entries {
		if back := route.entries[i].back(route.Model, now); back > now {
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

// back is when an entry may be tried again; 0 is now.
func (e *entry) back(model string, now int64) int64 {
	if e.via == nil {
		return e.Candidate.back(now)
	}
	first := int64(never)
	inner := e.via.Find(model).entries
	for i := range inner {
		first = min(first, inner[i].back(model, now))
	}
	return first
}

func (c *Candidate) back(now int64) int64 {
	if back := c.rest.back(now); back > 0 || len(c.Provider.ring.keys) == 0 {
		return back
	}
	first := int64(never)
	for _, key := range c.Provider.ring.keys {
		if first = min(first, key.rest.back(now)); first == 0 {
			break
		}
	}
	return first
}
