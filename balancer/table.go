// Package balancer decides who serves a request: which channels a key may use
// for a model, in what order they are tried, with which of their keys, and what
// a failure means for the next attempt. It decides only; it does no I/O.
package balancer

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/balancer/limit"
	"uniapi/balancer/schedule"
	"uniapi/config"
)

// Table is the routing of one configuration and of the model lists known when
// it was built. It is immutable; what must survive a reload lives in State.
type Table struct {
	Providers []*Provider
	keys      map[string]*Key
}

// Provider is one provider as the balancer sees it.
type Provider struct {
	Index  int // position in the configuration, the same in every room that keeps a list
	Config *config.Provider
	Models []config.Model
	Engine string // what it speaks, for rules that ask; whoever knows sets it before the table is used

	filter      *Filter        // nil if it takes every request
	timeouts    *TimeoutPolicy // nil without timeout_policy
	ring        *keyRing
	channels    []*channelState // by the index of the model
	cooldown    *time.Duration  // of a channel that failed; nil grows with each failure, 0 is none
	longest     time.Duration   // that its own word counts
	persistence persistence
}

// Key is a client key: what it may use, and whose turn it is.
type Key struct {
	Config *config.APIKey
	*Routes
	// OutOfCredit says that the books let the key spend nothing more; nil is never. It
	// is set before the table is used.
	OutOfCredit func() bool
	state       *State
	client      *breaker.Client
	only        bool // there is no other client key
	affine      bool // its requests are kept where their conversation was

	limiter, global, models limit.Limiter
	mixed                   bool // other instances have a say in its own limits, and in shared ones
	doubts                  doubts
	turns                   *pagedArray[atomic.Uint64] // by model number
	lineups                 [ownLineups]atomic.Pointer[ownLineup]
	depth                   int // how many keys it is away from a provider; 1 without keys among its rules
}

// Route is the list of channels that can serve one model for one key, in
// priority order.
type Route struct {
	Model    string
	number   int // of the model, in this table
	entries  []entry
	places   []schedule.Place // of the entries
	policy   schedule.Policy
	near     schedule.Policy // for conversations that are to be kept where they were; nil if the policy holds for them too
	rotation rotation
	leaves   int // channels, those behind other keys included

	// Keepalive is how long a stream's client may go without a byte; 0 is for as
	// long as it takes. The shortest of the channels' counts.
	Keepalive time.Duration
	keys      int  // provider keys of all leaves
	affine    bool // a channel's keys are chosen by the conversation

	// AsksAttributes says that a channel looks at more of a request than its model:
	// Plan.Attributes must be set. AsksEffort, AsksCompaction and AsksTokens are for
	// those that cost reading the body.
	AsksAttributes, AsksEffort, AsksCompaction, AsksTokens bool
}

// entry is one place in a route: a channel, or another key whose own route for
// the model takes this place.
type entry struct {
	*Candidate
	via    *Key
	weight int
	id     uint64
}

// Candidate is one channel: a provider and the model's name there. All routes
// that lead to it share it, so pointers tell whether two are the same.
type Candidate struct {
	Provider  *Provider
	Upstream  string
	Timeout   time.Duration // to the first byte, and between bytes
	keepalive time.Duration
	id        uint64  // for affinity
	price     float64 // see schedule.Place
	*channelState
}

// channel is the candidate in the words of filters and timeouts.
func (c *Candidate) channel() Destination {
	return Destination{Provider: c.Provider.Config.Name, Engine: c.Provider.Engine, Upstream: c.Upstream}
}

// Deadlines are the times of an attempt; 0 is no limit.
type Deadlines struct {
	FirstByte, Idle time.Duration
	Total           time.Duration // of the whole request, from its arrival to the end of the answer
}

// Deadlines are model_timeout, and over it timeout_policy. A total or an idle time stands in for the first byte's where
// the policy has none.
func (c *Candidate) Deadlines(attributes *Attributes) Deadlines {
	d := Deadlines{FirstByte: c.Timeout, Idle: c.Timeout}
	t := c.Provider.timeouts.Find(attributes, c.channel())
	for _, over := range [...]*time.Duration{t.Idle, t.Total, t.FirstByte} { // the last that is set holds
		if over != nil {
			d.FirstByte = *over
		}
	}
	if t.Idle != nil {
		d.Idle = *t.Idle
	}
	if t.Total != nil {
		d.Total = *t.Total
	}
	return d
}

// Total is the longest that a request may take as a whole on any of the route's channels; 0 is as long as it likes.
func (r *Route) Total(attributes *Attributes) (longest time.Duration) {
	unlimited := false
	r.channels(func(c *Candidate) {
		total := c.Deadlines(attributes).Total
		unlimited = unlimited || total <= 0
		longest = max(longest, total)
	})
	if unlimited {
		return 0
	}
	return longest
}

// State is what outlives a configuration: whose turn it is and who rests. It is
// keyed by names, so a reload that keeps a name keeps its state.
type State struct {
	now    func() int64    // a clock that never goes back, in nanoseconds
	chance func(n int) int // draws from 0 to below n
	limits limit.Store

	stores    Stores
	breakers  *breaker.Group
	building  sync.Mutex                 // held by Build, which alone changes what follows
	turns     map[string]*atomic.Uint32  // of a provider's keys, by its id
	providers map[string]*providerState  // by the provider's id
	clients   map[string]*breaker.Client // by API key
	last      map[string]*Key            // of the table built last, by API key
	names     []string                   // of that table's models, by their numbers
}

// NewState returns an empty state.
func NewState(stores Stores) *State {
	begin := time.Now().Add(-limit.LongestWindow) // what processes before this one have counted has times, too
	stores = stores.withDefaults()
	s := &State{
		now:    func() int64 { return int64(time.Since(begin)) },
		chance: rand.IntN,
		limits: stores.Limits,
		stores: stores,
		turns:  make(map[string]*atomic.Uint32),

		providers: make(map[string]*providerState),
		clients:   make(map[string]*breaker.Client),
	}
	s.breakers = breaker.NewGroup(stores.Breakers, func() int64 { return s.now() }, s.breaker)
	return s
}

// LimitCounters is how many rate limits are being counted: pairs of a subject and
// a model.
func (s *State) LimitCounters() int { return s.limits.Counters() }

// LimitChanges are what is to outlive this process of the limits that have changed since it was called last.
func (s *State) LimitChanges() map[string][]byte { return s.limits.Changes(s.now(), time.Now()) }

// RestoreLimits is told what LimitChanges gave to processes before this one, before any Build.
func (s *State) RestoreLimits(kept map[string][]byte) (unreadable int) {
	return s.limits.Restore(kept, s.now(), time.Now())
}

// Build compiles the routing of cfg. models gives what the provider at an index
// serves: its configured list, or what was discovered, or nothing while it
// cannot be used. Calls with the same state must not overlap; requests may go on
// meanwhile.
func Build(cfg *config.Config, state *State, models func(index int) []config.Model) *Table {
	state.building.Lock()
	defer state.building.Unlock()
	t := &Table{keys: make(map[string]*Key, len(cfg.APIKeys))}
	named, providers := make(map[string]int, len(cfg.Providers)), make(map[string]*providerState, len(cfg.Providers))
	for i, pc := range cfg.Providers {
		id := pc.Name
		if n := named[pc.Name]; n > 0 { // two accounts under one name: neither rests for the other
			id = fmt.Sprintf("%s\x00%d", pc.Name, n)
		}
		named[pc.Name]++
		kept := state.provider(id, cfg, pc)
		providers[id] = kept
		p := &Provider{
			Index: i, Config: pc, Models: models(i), filter: NewFilter(pc, models(i)), timeouts: NewTimeoutPolicy(cfg.Preferences.TimeoutPolicy, pc.Preferences.TimeoutPolicy),
			ring: state.ring(id, pc, kept), cooldown: cmp.Or(pc.Preferences.Cooldown, cfg.Preferences.Cooldown), longest: cfg.Preferences.MaxRetryAfter, persistence: persistenceOf(cfg, pc),
		}
		for _, model := range p.Models {
			p.channels = append(p.channels, kept.channel(state, model.Upstream))
		}
		t.Providers = append(t.Providers, p)
	}
	state.providers = providers
	m := newMatcher(cfg, state, t.Providers)
	global, ofModels := state.globalLimit(cfg.Preferences.RateLimit), state.modelLimits(cfg.Preferences.ModelRateLimit)
	for _, k := range cfg.APIKeys {
		t.keys[k.Key] = m.key(k)
		state.limit(t.keys[k.Key], global, ofModels)
	}
	state.keep(t, m.models)
	return t
}

// Key returns a client key by its secret, nil if the configuration has none like
// it.
func (t *Table) Key(secret string) *Key { return t.keys[secret] }

// keep takes the turns of the table before over into t, which takes its place.
// While the models stay the same, both count together, so that not even the
// requests of that moment are lost.
func (s *State) keep(t *Table, models []string) {
	same := slices.Equal(s.names, models)
	numbers := make(map[string]int)
	if !same {
		for i, model := range models {
			numbers[model] = i
		}
	}
	for secret, k := range t.keys {
		before := s.last[secret]
		switch {
		case before == nil:
		case same:
			k.turns = before.turns
		default:
			for old, count := range before.turns.all() {
				if count.Load() == 0 {
					continue
				}
				if number, still := numbers[s.names[old]]; still {
					k.turns.at(number).Store(count.Load())
				}
			}
		}
	}
	for secret := range s.clients {
		if t.keys[secret] == nil {
			delete(s.clients, secret)
		}
	}
	s.last, s.names = t.keys, models
}

// turn counts a request for a route and returns how many came before it. peek
// leaves the count as it is.
func (k *Key) turn(r *Route, peek bool) uint64 {
	count := k.turns.at(r.number)
	if peek {
		return count.Load()
	}
	return count.Add(1) - 1
}

// attempts is how often a request may be tried, as in uni-api:
// every channel once, and then as many times more as there are keys to try with,
// within reason.
func (r *Route) attempts() int {
	if r.leaves == 1 && r.keys > 1 {
		return 1 + r.keys
	}
	return r.leaves + min(10, 2*r.keys)
}
