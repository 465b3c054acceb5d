package limit

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/config"
)

// NewLocal returns the store that keeps limits in this process. It is sure of every grant.
func NewLocal() Store {
	l := &local{seed: maphash.MakeSeed(), wall: time.Now}
	l.table.Store(newCounters(minBuckets))
	return l
}

// local finds the counter of a (subject, model) without a lock. Adding one takes the mutex; that happens once for
// each pair that is in use.
type local struct {
	table atomic.Pointer[counters]
	seed  maphash.Seed

	mu         sync.Mutex
	generation uint64          // of the newest subject
	sweepAt    int             // as many counters as this, and idle ones are looked for
	restored   map[string]past // of counters that nobody has asked for yet
	wall       func() time.Time
}

// counters is a hash table with chains. Chains are only ever extended at their heads, so readers need no lock; a reader
// of a table that was replaced misses what came later, and then asks again under the mutex.
type counters struct {
	buckets []atomic.Pointer[counter]
	count   int
}

// counter counts one model of one subject.
type counter struct {
	subject, model string
	hash           uint64
	window         *limiter
	meters         *meters        // of quotas; it may have none
	generation     *atomic.Uint64 // of the subject whose limits it has
	next           *counter
}

const minBuckets = 64

func newCounters(buckets int) *counters {
	return &counters{buckets: make([]atomic.Pointer[counter], buckets)}
}

func (t *counters) bucket(hash uint64) *atomic.Pointer[counter] {
	return &t.buckets[hash&uint64(len(t.buckets)-1)]
}

func (t *counters) find(subject, model string, hash uint64) *counter {
	for c := t.bucket(hash).Load(); c != nil; c = c.next {
		if c.hash == hash && c.model == model && c.subject == subject {
			return c
		}
	}
	return nil
}

func (t *counters) add(c counter) *counter {
	head := t.bucket(c.hash)
	c.next = head.Load()
	head.Store(&c)
	t.count++
	return &c
}

// Subject implements Store. A subject without limits costs nothing.
func (l *local) Subject(name string, table config.ModelTable[config.RateLimit]) Limiter {
	limited := false
	s := &subject{limits: l, name: name, hash: maphash.String(l.seed, name), table: table, whole: WholeQuotas(table)}
	for name, limit := range table.All() {
		limited = limited || len(limit.Limits)+len(limit.Quotas) > 0
		for _, q := range limit.Quotas {
			s.byModel = s.byModel || name != "default" || q.Of == config.Requests
		}
	}
	l.mu.Lock()
	l.generation++
	s.generation = l.generation
	l.mu.Unlock()
	if !limited {
		return Unlimited{}
	}
	return s
}

// Confirm implements Store.
func (l *local) Confirm(context.Context, []Grant) (int, Refusal, error) { return -1, Refusal{}, nil }

// Counters implements Store.
func (l *local) Counters() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Load().count
}

type Unlimited struct{}

func (Unlimited) Take(string, int64) (Grant, Refusal, bool) { return Grant{}, Refusal{}, true }
func (Unlimited) Check(string, Need, int64) (Refusal, bool) { return Refusal{}, true }
func (Unlimited) Hold(string, Need, int64, bool) (Hold, Refusal, bool) {
	return Hold{}, Refusal{}, true
}
func (Unlimited) Left(string, int64) []Left { return nil }

type subject struct {
	limits     *local
	name       string
	hash       uint64
	table      config.ModelTable[config.RateLimit]
	generation uint64 // subjects of a younger configuration have a higher one

	whole   []config.Quota // of all models together
	byModel bool           // some model has quotas of its own
}

// allModels stands for all of a subject's models in the place of one.
const allModels = "\x00"

// quotasOf are those that are counted for a model, or for all of them.
func (s *subject) quotasOf(model string) []config.Quota {
	if model == allModels {
		return s.whole
	}
	return ModelQuotas(s.table, model)
}

// limitsOf are the limits of requests that are counted for a model.
func (s *subject) limitsOf(model string) []config.Limit {
	if model == allModels {
		return nil
	}
	return Of(s.table, model).Limits
}

func (s *subject) Hold(model string, need Need, now int64, also bool) (h Hold, refusal Refusal, ok bool) {
	h.need = need.bounded()
	if len(s.whole) > 0 && !also {
		if h.whole, refusal = s.take(allModels, h.need, now); h.whole == nil {
			return Hold{}, refusal, false
		}
	}
	if s.byModel {
		if h.model, refusal = s.take(model, h.need, now); h.model == nil {
			h.Cancel(now)
			return Hold{}, refusal, false
		}
	}
	return h, Refusal{}, true
}

// take holds a need of one counter's quotas; nil if they refuse it.
func (s *subject) take(model string, need Need, now int64) (*meters, Refusal) {
	for c := s.counter(model, now); ; c = s.renew(model, s.hashOf(model), now) {
		switch refusal, result := c.meters.take(need, now); result {
		case granted:
			return c.meters, Refusal{}
		case refused:
			return nil, refusal
		}
	}
}

func (s *subject) Left(model string, now int64) (list []Left) {
	if len(s.whole) > 0 {
		list = s.counter(allModels, now).meters.left(now)
	}
	hash := s.hashOf(model)
	c := s.find(model, hash, now)
	if s.byModel {
		for _, l := range c.meters.left(now) {
			l.Model = model
			list = append(list, l)
		}
	}
	for ; ; c = s.renew(model, hash, now) {
		if requests, ok := c.window.remaining(model, now); ok {
			return append(list, requests...)
		}
	}
}

func (s *subject) Take(model string, now int64) (Grant, Refusal, bool) {
	hash := s.hashOf(model)
	for window := s.find(model, hash, now).window; ; window = s.renew(model, hash, now).window {
		if grant, refusal, result := window.take(now, true); result != retired {
			return grant, refusal, result == granted
		}
	}
}

func (s *subject) Check(model string, need Need, now int64) (Refusal, bool) {
	hash := s.hashOf(model)
	c := s.find(model, hash, now)
	for window := c.window; ; window = s.renew(model, hash, now).window {
		if _, refusal, result := window.take(now, false); result == refused {
			return refusal, false
		} else if result == granted {
			break
		}
	}
	if s.byModel {
		if refusal, ok := c.meters.wouldTake(need.bounded(), now); !ok {
			return refusal, false
		}
	}
	if len(s.whole) > 0 {
		return s.counter(allModels, now).meters.wouldTake(need.bounded(), now)
	}
	return Refusal{}, true
}

func (s *subject) counter(model string, now int64) *counter {
	return s.find(model, s.hashOf(model), now)
}

func (s *subject) hashOf(model string) uint64 {
	return s.hash*31 + maphash.String(s.limits.seed, model)
}

func (s *subject) find(model string, hash uint64, now int64) *counter {
	c := s.limits.table.Load().find(s.name, model, hash)
	if c == nil || c.generation.Load() < s.generation {
		return s.renew(model, hash, now)
	}
	return c
}

// renew is find for a counter that is missing, was dropped, or has the limits of an older configuration.
func (s *subject) renew(model string, hash uint64, now int64) *counter {
	l := s.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.table.Load()
	c := t.find(s.name, model, hash)
	if c == nil {
		if t.count >= l.sweepAt {
			t = l.sweep(now)
		}
		c = t.add(counter{
			subject: strings.Clone(s.name), model: strings.Clone(model), hash: hash, // the model may be part of a request's body
			window: newLimiter(s.limitsOf(model)), meters: newMeters(s.quotasOf(model), l.wall), generation: new(atomic.Uint64),
		})
		l.recall(c, now)
		c.generation.Store(s.generation)
	} else if c.generation.Load() < s.generation {
		c.window.adapt(s.limitsOf(model))
		c.meters.adapt(s.quotasOf(model))
		c.generation.Store(s.generation)
	}
	return c
}

// sweep drops the counters whose requests have all left their windows: a new one says the same. It runs when their
// number has doubled, so a table is at most twice as large as what is in use. Called with the mutex held.
func (l *local) sweep(now int64) *counters {
	old := l.table.Load()
	var live []*counter
	for i := range old.buckets {
		for c := old.buckets[i].Load(); c != nil; c = c.next {
			if !c.meters.retire(now) {
				live = append(live, c)
			} else if !c.window.retire(now) {
				c.meters.revive()
				live = append(live, c)
			}
		}
	}
	l.sweepAt = max(minBuckets, 2*len(live))
	size := minBuckets
	for size < l.sweepAt {
		size *= 2
	}
	t := newCounters(size)
	for _, c := range live {
		t.add(*c)
	}
	l.table.Store(t)
	return t
}

// strictest leaves out the limits that others imply and sorts the rest, so that both windows and counts grow.
func strictest(limits []config.Limit) []config.Limit {
	var out []config.Limit
	for i, l := range limits {
		implied := func(o config.Limit) bool { return o.Window >= l.Window && o.Count <= l.Count }
		same := slices.Index(limits, l) < i
		if l.Window > 0 && !same && !slices.ContainsFunc(limits, func(o config.Limit) bool { return o != l && implied(o) }) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b config.Limit) int { return int(min(1, max(-1, a.Window-b.Window))) })
	return out
}
