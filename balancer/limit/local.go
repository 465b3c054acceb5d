package limit

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"uniapi/config"
)

// NewLocal returns the store that keeps limits in this process. It is sure of every grant.
func NewLocal() Store {
	l := &local{seed: maphash.MakeSeed()}
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
	for _, limit := range table.All() {
		limited = limited || len(limit.Limits) > 0
	}
	l.mu.Lock()
	l.generation++
	s := &subject{limits: l, name: name, hash: maphash.String(l.seed, name), table: table, generation: l.generation}
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
func (Unlimited) Check(string, int64) (Refusal, bool)       { return Refusal{}, true }

type subject struct {
	limits     *local
	name       string
	hash       uint64
	table      config.ModelTable[config.RateLimit]
	generation uint64 // subjects of a younger configuration have a higher one
}

func (s *subject) Take(model string, now int64) (Grant, Refusal, bool) {
	hash := s.hashOf(model)
	for window := s.find(model, hash, now); ; window = s.renew(model, hash, now) {
		if grant, refusal, result := window.take(now, true); result != retired {
			return grant, refusal, result == granted
		}
	}
}

func (s *subject) Check(model string, now int64) (Refusal, bool) {
	hash := s.hashOf(model)
	for window := s.find(model, hash, now); ; window = s.renew(model, hash, now) {
		if _, refusal, result := window.take(now, false); result != retired {
			return refusal, result == granted
		}
	}
}

func (s *subject) hashOf(model string) uint64 {
	return s.hash*31 + maphash.String(s.limits.seed, model)
}

func (s *subject) find(model string, hash uint64, now int64) *limiter {
	c := s.limits.table.Load().find(s.name, model, hash)
	if c == nil || c.generation.Load() < s.generation {
		return s.renew(model, hash, now)
	}
	return c.window
}

// renew is find for a counter that is missing, was dropped, or has the limits of an older configuration.
func (s *subject) renew(model string, hash uint64, now int64) *limiter {
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
			window: newLimiter(Of(s.table, model).Limits), generation: new(atomic.Uint64),
		})
		l.recall(c, now)
		c.generation.Store(s.generation)
	} else if c.generation.Load() < s.generation {
		c.window.adapt(Of(s.table, model).Limits)
		c.generation.Store(s.generation)
	}
	return c.window
}

// sweep drops the counters whose requests have all left their windows: a new one says the same. It runs when their number
// has doubled, so a table is at most twice as large as what is in use. Called with the mutex held.
func (l *local) sweep(now int64) *counters {
	old := l.table.Load()
	var live []*counter
	for i := range old.buckets {
		for c := old.buckets[i].Load(); c != nil; c = c.next {
			if !c.window.retire(now) {
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
