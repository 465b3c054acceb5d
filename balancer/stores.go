package balancer

import (
	"context"
	"errors"
	"slices"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/balancer/limit"
)

// Stores are where a State keeps what several instances may share. The zero value is an instance that is alone.
type Stores struct {
	Limits   limit.Store   // nil is limit.NewLocal
	Breakers breaker.Store // nil is breaker.Local
	// Patience is how long one request waits for a store at a time, beside Plan.Next, which never does; 0 is
	// DefaultPatience. Stores of this process are not waited for.
	Patience time.Duration
	// Strict refuses a request whose limits could not be confirmed. Else it is let in by what this instance knows, as
	// it is by one that is alone. What cannot be known of breakers never stops a request: it is asked once more than
	// necessary.
	Strict bool
	// Failed is told of each failure of a store; nil is nobody. It must not wait.
	Failed func(error)
}

// DefaultPatience is enough for a store nearby, and no more than a client forgives.
const DefaultPatience = 50 * time.Millisecond

func (s Stores) withDefaults() Stores {
	if s.Limits == nil {
		s.Limits = limit.NewLocal()
	}
	if s.Breakers == nil {
		s.Breakers = breaker.Local{}
	}
	if s.Patience <= 0 {
		s.Patience = DefaultPatience
	}
	if s.Failed == nil {
		s.Failed = func(error) {}
	}
	return s
}

// Share passes on between instances what rests, until ctx is done. It returns at once where the stores are this
// process's own.
func (s *State) Share(ctx context.Context) { s.breakers.Share(ctx, s.stores.Failed) }

// errUnconfirmed is the failure of a limit that nobody could confirm.
var errUnconfirmed = errors.New("a store of limits has not said whether a request may be made")

// confirm asks for grants that somebody else has the last word on. ok is false if one may not be used: refused is its
// index, or -1 if nobody knows and the stores are strict.
func (s *State) confirm(ctx context.Context, grants []limit.Grant) (refused int, why limit.Refusal, ok bool) {
	within, cancel := context.WithTimeout(ctx, s.stores.Patience)
	defer cancel()
	refused, why, err := s.limits.Confirm(within, grants)
	if err != nil {
		s.stores.Failed(errors.Join(errUnconfirmed, err))
		return -1, limit.Refusal{}, !s.stores.Strict
	}
	return refused, why, refused < 0
}

// Confirm asks whether an attempt that Next gave may be made where other instances have a say in that: whether a limit
// of theirs, too, allows it, and whether none of them probes already what it would probe. It is called before every
// attempt, and waits only where a store is shared. False: the attempt is not to be made and has been given back; Next
// gives another.
func (p *Plan) Confirm(ctx context.Context, a *Attempt) bool {
	if len(p.unsure) == 0 && !a.grant.Unsure() && !p.holdsUnsure(a) && !a.channelProbe && !a.keyProbe && !a.pairProbe {
		return true
	}
	return p.confirmProbes(ctx, a) && p.confirmLimits(ctx, a)
}

func (p *Plan) confirmProbes(ctx context.Context, a *Attempt) bool {
	var rests [3]*breaker.Breaker
	if a.channelProbe {
		rests[0] = a.breaker
	}
	if a.Key >= 0 {
		key := a.Provider.ring.keys[a.Key]
		if a.keyProbe {
			rests[1] = key.breaker
		}
		if a.pairProbe {
			rests[2] = a.pairs.of(key)
		}
	}
	state := p.key.state
	for _, b := range rests {
		if b == nil {
			continue
		}
		within, cancel := context.WithTimeout(ctx, state.stores.Patience)
		mine, err := b.Claim(within, a.at, p.key.client)
		cancel()
		if err != nil {
			state.stores.Failed(err)
		}
		if !mine {
			p.giveBack(a)
			return false
		}
	}
	return true
}

func (p *Plan) confirmLimits(ctx context.Context, a *Attempt) bool {
	var list [4]limit.Grant
	grants, ofClients := list[:0], len(p.unsure)
	for _, u := range p.unsure {
		grants = append(grants, u.grant)
	}
	if p.holdsUnsure(a) {
		grants = append(grants, p.holds[p.heldBy(*a)].hold.Asked())
	}
	if a.grant.Unsure() {
		grants = append(grants, a.grant)
	}
	if len(grants) == 0 {
		return true
	}
	refused, why, ok := p.key.state.confirm(ctx, grants)
	if ok {
		p.unsure = p.unsure[:0]
		return true
	}
	p.giveBack(a)
	if refused >= ofClients { // the limit of the provider's key
		p.limited(why, p.key.state.now())
		if bit := keyBit(a.Key); bit != 0 {
			p.tries[a.try].refused |= bit
		} else {
			p.tries[a.try].closed = true
		}
		return false
	}
	if refused < 0 {
		p.block.Limited++
		p.block.Reason = errUnconfirmed.Error()
	} else {
		p.limited(why, p.key.state.now())
	}
	p.tries[a.try].closed = true
	p.leaveOut(max(refused, 0))
	return false
}

// holdsUnsure says whether an attempt holds something of quotas that others have a say in.
func (p *Plan) holdsUnsure(a *Attempt) bool {
	for i := range p.holds {
		if p.holds[i].number == a.Number {
			return p.holds[i].hold.Unsure()
		}
	}
	return false
}

// leaveOut leaves out what is behind client keys in the place of channels, from one of those that were to be confirmed
// on.
func (p *Plan) leaveOut(first int) {
	if first >= len(p.unsure) {
		return
	}
	via := &p.unsure[first]
	if i := slices.IndexFunc(p.frames, func(f frame) bool { return f.key == via.key }); i >= 0 {
		p.frames = p.frames[:i]
	}
	for i := via.from; i < len(p.tries); i++ {
		p.tries[i].closed = true
	}
	for i := first; i < len(p.unsure); i++ {
		p.unsure[i].grant.Cancel()
	}
	p.unsure = p.unsure[:first] // what the request still goes by; it is asked for again
}

// unsure is what a client key that stands in the place of a channel has granted.
type unsure struct {
	grant limit.Grant
	key   *Key
	from  int // how many tries there were before it
}

// giveBack undoes an attempt that is not made.
func (p *Plan) giveBack(a *Attempt) {
	p.settle(*a, Outcome{Verdict: Over})
	a.grant.Cancel()
	p.unhold(*a)
	p.left++
	p.number--
	p.tries[a.try].count--
}
