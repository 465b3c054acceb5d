// Package limit counts requests against rate limits.
package limit

import (
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/config"
)

// Store keeps the rate limits of the gateway. What it counts is kept by names, so a configuration that is loaded again
// finds its counters. The form here lives in one process; a store that several instances share can take its place.
type Store interface {
	// Subject returns the limiter of one subject: an API key, one key of a provider, the gateway as a whole. table says
	// what each model may use. The newest Subject of a name decides: requests that still hold an older one are counted
	// together with the new ones, by the new limits.
	Subject(name string, table config.ModelTable[config.RateLimit]) Limiter
	// Counters is how many pairs of a subject and a model are being counted.
	Counters() int
}

// Limiter limits the requests of one subject, each model by itself. now is in nanoseconds of a clock that
// does not go back, such as the time since the program began. It is safe for concurrent use.
type Limiter interface {
	// Take records a request if every limit of the model allows one more in the window that ends now, and only then. If
	// not, the refusal says which limit was in the way and for how long.
	Take(model string, now int64) (Grant, Refusal, bool)
	// Check says what Take would, and records nothing.
	Check(model string, now int64) (Refusal, bool)
}

// Grant is a request that was allowed. The zero Grant is of a subject without limits.
type Grant struct {
	record grantRecord
	seq    uint64
	at     int64
}

// grantRecord is where a store of limits keeps its requests.
type grantRecord interface {
	cancel(seq uint64, at int64)
	quota(seq uint64, at int64) Quota
}

// Cancel takes the request back, once: it never reached the provider. Its place is free again at once. Only limits of more
// than 4096 go on counting it until its window has passed.
func (g Grant) Cancel() {
	if g.record != nil {
		g.record.cancel(g.seq, g.at)
	}
}

// Quota says what was left right after the request was allowed.
func (g Grant) Quota() Quota {
	if g.record == nil {
		return Quota{}
	}
	return g.record.quota(g.seq, g.at)
}

// Quota is what x-ratelimit headers tell of the limit that is nearest to its end. Limit.Count is 0 if there is no limit.
type Quota struct {
	Limit     config.Limit
	Remaining int64
	Reset     time.Duration // until the oldest request leaves the window, and with it Remaining begins to grow
}

// Refusal is why a request was not allowed.
type Refusal struct {
	Limit config.Limit  // the one that holds longest
	After time.Duration // when a request will be allowed, unless others come first; for Retry-After
}

// windowNames are the words of messages for the windows people use.
var windowNames = map[time.Duration]string{
	time.Second: "second", time.Minute: "minute", time.Hour: "hour", 24 * time.Hour: "day",
	30 * 24 * time.Hour: "month", 365 * 24 * time.Hour: "year",
}

// String is the limit in the words of a message: "15 requests per minute".
func (r Refusal) String() string {
	name := windowNames[r.Limit.Window]
	if name == "" {
		name = r.Limit.Window.String()
	}
	plural := "s"
	if r.Limit.Count == 1 {
		plural = ""
	}
	return strconv.FormatInt(r.Limit.Count, 10) + " request" + plural + " per " + name
}

// Of is the limit that a table sets for a model: that of its name, of the first part of its name, or the default.
func Of(table config.ModelTable[config.RateLimit], model string) config.RateLimit {
	limit, found := table.Find(model)
	if !found {
		limit, _ = table.Default()
	}
	return limit
}

// NewLocal returns limits that are kept in this process.
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
	generation uint64 // of the newest subject
	sweepAt    int    // as many counters as this, and idle ones are looked for
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
