package cluster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// limits is the limit.Store of instances that share. The fleet has the last word, by Redis; the store of this process
// counts what this instance lets in beside that, for the time when Redis does not answer.
type limits struct {
	limit.Store
	cluster *Cluster
	number  atomic.Int64              // of the quotas that were made last
	began   atomic.Pointer[time.Time] // of the clock of Take
	ahead   atomic.Int64              // by how many ms the clock of Redis is ahead of this machine's

	mu     sync.Mutex
	active map[*counter]bool // that have something to give back or to tell
	quotas map[*quotas]bool  // likewise
}

// mostActive bounds how many counters are remembered while Redis does not answer. What is counted beyond it is not told
// when it is back.
const mostActive = 1 << 16

func newLimits(c *Cluster) *limits {
	l := &limits{Store: limit.NewLocal(), cluster: c, active: map[*counter]bool{}, quotas: map[*quotas]bool{}}
	c.whenBack(l.tell)
	return l
}

// clock learns from a moment on the clock of Take when that began.
func (l *limits) clock(now int64) {
	if l.began.Load() == nil {
		began := time.Now().Add(-time.Duration(now))
		l.began.CompareAndSwap(nil, &began)
	}
}

// at is a moment on the clock of Take.
func (l *limits) at(t time.Time) int64 {
	if began := l.began.Load(); began != nil {
		return int64(t.Sub(*began))
	}
	return 0
}

func (l *limits) now() int64 { return l.at(time.Now()) }

// Limits are what the instances let in, together.
func (c *Cluster) Limits() limit.Store { return c.limits }

// Subject implements limit.Store.
func (l *limits) Subject(name string, table config.ModelTable[config.RateLimit]) limit.Limiter {
	local := l.Store.Subject(name, table)
	limited, byModel := false, false
	for model, of := range table.All() {
		limited = limited || len(of.Limits)+len(of.Quotas) > 0
		for _, q := range of.Quotas {
			byModel = byModel || model != "default" || q.Of == config.Requests
		}
	}
	if !limited {
		return local
	}
	all := &limiter{Limiter: local, limits: l, name: name, table: table, byModel: byModel}
	all.whole = newPair(newQuotas(all, "", true), nil)
	return all
}

// limiter is what a subject may do in all instances together.
type limiter struct {
	limit.Limiter // in this one
	limits        *limits
	name          string
	table         config.ModelTable[config.RateLimit]
	whole         *pair              // of all models together; nil is none
	byModel       bool               // some model has quotas of its own
	models        perModel[*counter] // nil: of a model without limits
	shared        perModel[*pair]    // likewise
}

// counter is that of a model; nil is none.
func (l *limiter) counter(model string) *counter {
	if n, known := l.models.find(model); known {
		return n
	}
	return l.models.add(model, func(model string) *counter {
		if of := limit.Of(l.table, model).Limits; len(of) > 0 {
			return newCounter(l, model, of)
		}
		return nil
	})
}

// Take implements limit.Limiter.
func (l *limiter) Take(model string, now int64) (limit.Grant, limit.Refusal, bool) {
	n := l.counter(model)
	if n == nil {
		return l.Limiter.Take(model, now)
	}
	up := l.limits.cluster.up.Load()
	if up {
		if _, ok := n.take(now); ok { // the fleet allows it, whatever the log of this instance alone says
			grant, _, _ := l.Limiter.Take(model, now)
			return grant, limit.Refusal{}, true
		}
	}
	if refusal, full := n.isFull(now); full {
		return limit.Grant{}, refusal, false
	}
	grant, refusal, ok := l.Limiter.Take(model, now)
	if !up && !l.limits.cluster.Strict() {
		if ok {
			n.owe(now)
		}
		return grant, refusal, ok
	}
	r := &request{Grant: grant, counter: n, model: model, allowed: ok, refusal: refusal}
	return limit.Grant{Record: r, Seq: grant.Seq, At: now}.IfConfirmed(), limit.Refusal{}, true
}

// Asks says whether Redis is asked for each request for a model that is let in, if it has limits of requests at all.
func (l *limiter) Asks(model string) bool {
	n := l.counter(model)
	return n == nil || n.ahead == 0
}

// Check implements limit.Limiter.
func (l *limiter) Check(model string, need limit.Need, now int64) (limit.Refusal, bool) {
	if n := l.counter(model); n != nil {
		if refusal, full := n.isFull(now); full && !n.has(now) {
			return refusal, false
		}
	}
	if p := l.quotas(model); p != nil {
		for _, q := range p.of {
			if q == nil {
				continue
			}
			if refusal, full := q.isFull(need.Bounded(), now); full {
				return refusal, false
			}
		}
	}
	return l.Limiter.Check(model, need, now)
}

// Left implements limit.Limiter. It is what Redis has told last, where that is less than this instance alone would
// have.
func (l *limiter) Left(model string, now int64) []limit.Left {
	list := l.Limiter.Left(model, now)
	l.leftOf(model, list, now)
	n := l.counter(model)
	if n == nil {
		return list
	}
	for i := range list {
		if q := list[i].Quota; q.Of == config.Requests && q.Zone == "" {
			if told, fresh := n.told(now); fresh {
				list[i].Remaining = min(list[i].Remaining, told)
			}
		}
	}
	return list
}

// request is one that only Redis can let in.
type request struct {
	limit.Grant // of this instance
	counter     *counter
	model       string
	allowed     bool          // this instance alone would let it in
	refusal     limit.Refusal // why it would not

	mu    sync.Mutex
	stamp int64 // as of when it counts in Redis; 0 does not
	owed  bool  // it was let in without asking
}

// Cancel implements limit.Record.
func (r *request) Cancel(uint64, int64) {
	r.Grant.Cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stamp > 0 {
		r.counter.giveBack(r.stamp, 1)
	} else if r.owed {
		r.counter.forgive()
	}
	r.stamp, r.owed = 0, false
}

// ask asks Redis, once.
func (r *request) ask(ctx context.Context, now int64) (why limit.Refusal, ok bool, err error) {
	r.mu.Lock()
	sure := r.stamp > 0 || r.owed
	r.mu.Unlock()
	if sure {
		return why, true, nil
	}
	stamp, why, err := r.counter.ask(ctx, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil && stamp > 0:
		r.stamp = stamp
		return why, true, nil
	case err == nil:
		return why, false, nil
	case r.counter.limits.cluster.Strict():
		return why, false, err
	case !r.allowed:
		return r.refusal, false, nil
	}
	if refusal, some := r.counter.mayOwe(now); !some {
		return refusal, false, nil
	}
	r.owed = true
	r.counter.owe(now)
	return why, true, err
}

// Quota implements limit.Record.
func (r *request) Quota(uint64, int64) limit.Quota {
	q := r.Grant.Quota()
	if told, fresh := r.counter.told(r.At); fresh && q.Limit.Count > 0 {
		q.Remaining = min(q.Remaining, told)
	}
	return q
}

// Confirm implements limit.Store: each counter is asked at the same time, and what comes after a refusal is given back
// by whoever asked.
func (l *limits) Confirm(ctx context.Context, grants []limit.Grant) (refused int, why limit.Refusal, err error) {
	type answer struct {
		at  int
		why limit.Refusal
		err error
	}
	ask := func(i int) answer {
		switch r := grants[i].Record.(type) {
		case *request:
			if why, ok, err := r.ask(ctx, grants[i].At); !ok && err == nil {
				return answer{i, why, nil}
			} else {
				return answer{-1, why, err}
			}
		case *reservation:
			if why, ok, err := r.ask(ctx, r.now); !ok && err == nil {
				return answer{i, why, nil}
			} else {
				return answer{-1, why, err}
			}
		}
		return answer{at: -1}
	}
	answers := make([]answer, len(grants))
	var all sync.WaitGroup
	for i := 1; i < len(grants); i++ {
		all.Go(func() { answers[i] = ask(i) })
	}
	if len(grants) > 0 {
		answers[0] = ask(0)
	}
	all.Wait()
	refused = -1
	if i := slices.IndexFunc(answers, func(a answer) bool { return a.at >= 0 }); i >= 0 {
		return i, answers[i].why, nil
	}
	for _, a := range answers {
		err = errors.Join(err, a.err)
	}
	return refused, why, err
}

// remember has a counter looked after until it has nothing to give back or to tell. It may be called with the counter's
// lock held: nobody holds the lock of limits and waits for one of theirs.
func (l *limits) remember(n *counter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active[n] || len(l.active) < mostActive {
		l.active[n] = true
	}
}

// rememberQuotas is remember for quotas.
func (l *limits) rememberQuotas(q *quotas) {
	if q.kept.Swap(true) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.quotas) >= mostActive {
		q.kept.Store(false)
		return
	}
	l.quotas[q] = true
}

func (l *limits) all() []*counter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.active))
}

func (l *limits) allQuotas() []*quotas {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.quotas))
}

// keepEvery is how often it is looked whether what was taken ahead has not been used.
const keepEvery = 100 * time.Millisecond

// keep ends what was taken ahead and is over, and forgets counters that have nothing to tell.
func (l *limits) keep() {
	for _, n := range l.all() {
		if !n.look(false) {
			continue
		}
		l.mu.Lock()
		delete(l.active, n)
		l.mu.Unlock()
		if !n.idle() { // something has come meanwhile
			l.remember(n)
		}
	}
}

// keepQuotas is keep for quotas.
func (l *limits) keepQuotas() {
	for _, q := range l.allQuotas() {
		if !q.look(false) {
			continue
		}
		l.mu.Lock()
		delete(l.quotas, q)
		l.mu.Unlock()
		if q.kept.Store(false); !q.look(false) {
			l.rememberQuotas(q)
		}
	}
}

// tell has Redis told what was let in while it did not answer.
func (l *limits) tell() {
	for _, n := range l.all() {
		n.look(false)
	}
	l.keepQuotas()
}

// giveAllBack gives back what was taken ahead, at the end.
func (l *limits) giveAllBack(ctx context.Context) {
	var all sync.WaitGroup
	for _, n := range l.all() {
		all.Go(func() {
			for !n.look(true) && l.cluster.up.Load() && ctx.Err() == nil {
				n.settled(ctx)
			}
		})
	}
	for _, q := range l.allQuotas() {
		all.Go(func() { q.giveAllBack(ctx) })
	}
	all.Wait()
}
