package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/balancer/limit"
)

// reservation is what a request holds of the quotas of a model, and of those of all models of its subject, where all
// instances see it.
type reservation struct {
	limits  *limits
	need    limit.Need
	now     int64         // when it was asked for, on the clock of Take
	allowed bool          // this instance alone would let it in
	refusal limit.Refusal // why it would not

	unsure atomic.Bool

	mu    sync.Mutex
	parts [2]reservedPart
	ended bool
}

// reservedPart is what is held of one quotas.
type reservedPart struct {
	of    *quotas
	held  bool
	waits bool // it has no answer yet
}

// answered is that it has, with the lock of its reservation held.
func (p *reservedPart) answered(held bool) {
	if p.held = held; p.waits {
		p.waits = false
		p.of.waits(-1)
	}
}

// pair is all quotas that a request is held of: those of all models of its subject together, and those of its own. A
// request that both have taken, without a question, needs nothing of its own to be held by.
type pair struct {
	of  [2]*quotas // nil is none
	own *pair      // the second alone; nil if there is none
}

func newPair(whole, own *quotas) *pair {
	if whole == nil && own == nil {
		return nil
	}
	p := &pair{of: [2]*quotas{whole, own}}
	if own != nil {
		p.own = &pair{of: [2]*quotas{nil, own}}
	}
	return p
}

// Asked implements limit.Reservation.
func (p *pair) Asked() limit.Record { return nil }

// End implements limit.Reservation.
func (p *pair) End(need, came limit.Need, undone bool) {
	for _, q := range p.of {
		if q != nil {
			q.settle(need, came.Bounded(), undone)
		}
	}
}

// Hold implements limit.Limiter.
func (l *limiter) Hold(model string, need limit.Need, now int64, also bool) (limit.Hold, limit.Refusal, bool) {
	p := l.quotas(model)
	if also && p != nil {
		p = p.own
	}
	if p == nil {
		return l.Limiter.Hold(model, need, now, also)
	}
	l.limits.clock(now)
	need = need.Bounded()
	sure := true
	var taken [2]bool
	for i, q := range p.of {
		if q == nil {
			continue
		}
		held, refusal, full := q.reserve(need, now)
		if full {
			if i > 0 && taken[0] {
				p.of[0].settle(need, limit.Need{}, true)
			}
			return limit.Hold{}, refusal, false
		}
		taken[i], sure = held, sure && held
	}
	hold, refusal, ok := l.Limiter.Hold(model, need, now, also)
	if sure {
		return hold.With(p, need), limit.Refusal{}, true // the fleet decides, whatever this instance alone says
	}
	r := &reservation{limits: l.limits, need: need, now: now, allowed: ok, refusal: refusal}
	for i, q := range p.of {
		part := &r.parts[i]
		part.of, part.held = q, taken[i]
		if q != nil && !part.held && ok {
			part.waits = true
			q.waits(1)
		}
	}
	r.unsure.Store(true)
	if c := l.limits.cluster; !c.up.Load() && !c.Strict() {
		if !ok {
			r.Cancel(0, now)
			return limit.Hold{}, refusal, false
		}
		r.owe(now)
	}
	return hold.With(r, need), limit.Refusal{}, true
}

// Asked implements limit.Reservation.
func (r *reservation) Asked() limit.Record {
	if r.unsure.Load() {
		return r
	}
	return nil
}

// End implements limit.Reservation. It is ended once; again does nothing.
func (r *reservation) End(_, came limit.Need, undone bool) { r.end(came.Bounded(), undone) }

// Cancel implements limit.Record.
func (r *reservation) Cancel(uint64, int64) { r.end(limit.Need{}, true) }

func (r *reservation) end(came limit.Need, undone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.parts {
		p := &r.parts[i]
		if p.held && !r.ended {
			p.of.settle(r.need, came, undone)
		}
		if p.waits {
			p.answered(false)
		}
	}
	r.ended = true
	r.unsure.Store(false)
}

// Quota implements limit.Record: headers tell of requests alone.
func (r *reservation) Quota(uint64, int64) limit.Quota { return limit.Quota{} }

// owe holds what Redis was not asked for; it is told when it can be.
func (r *reservation) owe(now int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.parts {
		if p := &r.parts[i]; p.of != nil && !p.held && !r.ended {
			p.of.owe(r.need, now)
			p.answered(true)
		}
	}
	r.unsure.Store(false)
}

// ask asks Redis for what is not sure, one quotas after the other.
func (r *reservation) ask(ctx context.Context, now int64) (why limit.Refusal, ok bool, err error) {
	for i := range r.parts {
		p := &r.parts[i]
		r.mu.Lock()
		sure := p.of == nil || p.held || r.ended
		r.mu.Unlock()
		if sure {
			continue
		}
		refusal, held, err := p.of.ask(ctx, r.need, now)
		if held {
			r.mu.Lock()
			p.answered(true)
			r.mu.Unlock()
			continue
		}
		if err == nil {
			return refusal, false, nil
		}
		if r.limits.cluster.Strict() {
			return why, false, err
		}
		if !r.allowed {
			return r.refusal, false, nil
		}
		if refusal, some := p.of.mayOwe(r.need); !some {
			return refusal, false, nil
		}
		r.owe(now)
		return why, true, err
	}
	r.unsure.Store(false)
	return why, true, nil
}

// quotas is those that hold for a model; nil is none.
func (l *limiter) quotas(model string) *pair {
	if !l.byModel {
		return l.whole
	}
	if p, known := l.shared.find(model); known {
		return p
	}
	return l.shared.add(model, func(model string) *pair {
		var whole *quotas
		if l.whole != nil {
			whole = l.whole.of[0]
		}
		return newPair(whole, newQuotas(l, model, false))
	})
}

// leftOf has a list say no more than what all instances together have left.
func (l *limiter) leftOf(model string, list []limit.Left, now int64) {
	p := l.quotas(model)
	if p == nil {
		return
	}
	for i := range list {
		q := p.of[0]
		if list[i].Model != "" {
			q = p.of[1]
		}
		if q == nil {
			continue
		}
		if told, fresh := q.toldLeft(list[i].Quota, now); fresh {
			list[i].Remaining = min(list[i].Remaining, told)
		}
	}
}

// quotaTerm is how long an instance may use what it was given of quotas, and how long what it holds is held for one
// that is gone; one that lives asks again in time. What was taken ahead and is not used goes back after unusedAfter.
const (
	quotaTerm   = 3 * time.Second
	quotaAgain  = quotaTerm / 2
	quotaEvery  = 250 * time.Millisecond
	unusedAfter = 400 * time.Millisecond
)
