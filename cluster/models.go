package cluster

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/balancer/limit"
)

// mostModels bounds how many models of one subject are known: clients may make them up.
const mostModels = 4096

// perModel is what holds for each model that a subject asks for. There are two generations: what is asked for stays in
// the newer one, and when that has half of what there may be, it becomes the older one, whose place it takes. So those
// are forgotten that nobody has asked for since, and no more. What a forgotten one holds in Redis is given back in its
// time, as whoever looks after that knows it still.
type perModel[T any] struct {
	last          atomic.Pointer[known[T]] // that was asked for: most often the next one too, which then takes no lock
	mu            sync.RWMutex
	newer, before map[string]*known[T]
}

// known is what holds for a model.
type known[T any] struct {
	model string
	of    T
}

// find is what is known of a model.
func (p *perModel[T]) find(model string) (of T, found bool) {
	if k := p.last.Load(); k != nil && k.model == model {
		return k.of, true
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	k := p.newer[model]
	if k == nil {
		return of, false
	}
	p.last.Store(k)
	return k.of, true
}

// add takes over what was known of a model, or has it made of a name that may be kept: the caller's may be part of a
// request's body.
func (p *perModel[T]) add(model string, made func(model string) T) T {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.newer[model]; k != nil {
		return k.of
	}
	k := p.before[model]
	if k == nil {
		model = strings.Clone(model)
		k = &known[T]{model, made(model)}
	}
	if len(p.newer) >= mostModels/2 {
		p.before, p.newer = p.newer, nil
		p.last.Store(nil) // it is to be among the newer ones as long as it is asked for
	}
	if p.newer == nil {
		p.newer = make(map[string]*known[T])
	}
	p.newer[k.model] = k
	return k.of
}

// fullness is that Redis has nothing left, or not enough.
type fullness struct {
	again, until int64 // when it is worth asking, and when there is more unless somebody gives back
	why          limit.Refusal
}

// fullFor is that Redis has nothing for some time from now on.
func fullFor(now int64, after time.Duration, why limit.Refusal) *fullness {
	return &fullness{again: now + int64(min(after, askAgain)), until: now + int64(after), why: why}
}

// holds says whether that is still believed: of a Redis that can be asked for not as long.
func (f *fullness) holds(ask bool, now int64) (limit.Refusal, bool) {
	if f == nil {
		return limit.Refusal{}, false
	}
	until := f.until
	if ask {
		until = f.again
	}
	if now >= until {
		return limit.Refusal{}, false
	}
	return f.refusal(now), true
}

func (f *fullness) refusal(now int64) limit.Refusal {
	why := f.why
	why.After = max(time.Duration(f.until-now), time.Millisecond)
	return why
}
