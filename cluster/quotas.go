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

// Hold implements limit.Limiter.
func (l *limiter) Hold(model string, need limit.Need, now int64, also bool) (limit.Hold, limit.Refusal, bool) {
	whole, own := l.whole, l.quotas(model)
	if also {
		whole = nil
	}
	if whole == nil && own == nil {
		return l.Limiter.Hold(model, need, now, also)
	}
	l.limits.clock(now)
	c := l.limits.cluster
	up := c.up.Load()
	r := &reservation{limits: l.limits, need: need.Bounded(), now: now, parts: [2]reservedPart{{of: whole}, {of: own}}}
	unsure := false
	for i := range r.parts {
		p := &r.parts[i]
		if p.of == nil {
			continue
		}
		held, refusal, full := p.of.reserve(r.need, now)
		if full {
			r.Cancel(0, now)
			return limit.Hold{}, refusal, false
		}
		p.held, unsure = held, unsure || !held
	}
	hold, refusal, ok := l.Limiter.Hold(model, need, now, also)
	r.allowed, r.refusal = ok, refusal
	for i := range r.parts {
		if p := &r.parts[i]; unsure && p.of != nil && !p.held && ok {
			p.waits = true
			p.of.waits(1)
		}
	}
	r.unsure.Store(unsure)
	if !up && !c.Strict() {
		if !ok {
			return hold, refusal, false
		}
		r.owe(now)
	}
	return hold.With(r), limit.Refusal{}, true // the fleet decides, whatever this instance alone says
}

// Unsure implements limit.Reservation.
func (r *reservation) Unsure() bool { return r.unsure.Load() }

// Settle implements limit.Reservation.
func (r *reservation) Settle(came limit.Need) { r.end(came.Bounded(), false) }

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

// quotas is those that hold for a model by itself; nil is none.
func (l *limiter) quotas(model string) *quotas {
	if !l.byModel {
		return nil
	}
	if q, known := l.shared.find(model); known {
		return q
	}
	return l.shared.add(model, func(model string) *quotas { return newQuotas(l, model, false) })
}

// leftOf has a list say no more than what all instances together have left.
func (l *limiter) leftOf(model string, list []limit.Left, now int64) {
	own := l.quotas(model)
	for i := range list {
		q := l.whole
		if list[i].Model != "" {
			q = own
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
