package balancer

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/balancer/schedule"
	"uniapi/config"
)

// maxKeyDepth bounds how far keys may name keys as their channels. A cycle is a
// configuration error already; this also keeps a long chain from costing much.
const maxKeyDepth = 8

// matcher resolves the access rules of client keys against the models that
// the providers have at this moment. It numbers the models.
type matcher struct {
	providers []*Provider
	byName    map[string][]*Provider
	models    []string
	numbers   map[string]int
	offers    [][]*Candidate // by model number, in the order of the providers
	has       [][]int        // by provider: the numbers of its models, in its order

	state   *State
	affine  bool // if a key says nothing
	configs map[string]*config.APIKey
	keys    map[string]*Key
	shared  map[string]*Routes // keys with equal rules and the same schedule share their routes
}

func newMatcher(cfg *config.Config, state *State, providers []*Provider) *matcher {
	m := &matcher{
		providers: providers,
		byName:    make(map[string][]*Provider, len(providers)),
		numbers:   make(map[string]int),
		has:       make([][]int, len(providers)),
		state:     state,
		affine:    cfg.Preferences.Affinity,
		configs:   make(map[string]*config.APIKey, len(cfg.APIKeys)),
		keys:      make(map[string]*Key, len(cfg.APIKeys)),
		shared:    make(map[string]*Routes),
	}
	for i, p := range providers {
		m.byName[p.Config.Name] = append(m.byName[p.Config.Name], p)
		for n, model := range p.Models {
			m.offer(i, m.number(model.Alias), newCandidate(cfg, p, n))
		}
	}
	for _, k := range cfg.APIKeys {
		m.configs[k.Key] = k
	}
	return m
}

// Candidate is a provider's channel for one of its models, by its number, for who asks it beside all routes and plans.
func (p *Provider) Candidate(cfg *config.Config, model int) *Candidate {
	return newCandidate(cfg, p, model)
}

func newCandidate(cfg *config.Config, p *Provider, number int) *Candidate {
	model := p.Models[number]
	return &Candidate{
		Provider: p, Upstream: model.Upstream, id: schedule.IDOf("channel", p.Config.Name, model.Upstream),
		Timeout:   cfg.ModelTimeout(p.Config, model.Alias, model.Upstream),
		keepalive: cfg.KeepaliveInterval(p.Config, model.Alias, model.Upstream),

		price:        blended(cfg.ChannelPrice(p.Config, model.Alias, model.Upstream)),
		channelState: p.channels[number],
	}
}

// blended is what 3 million tokens of a prompt and 1 million of an answer cost, in dollars: agents and chats read more
// than they write.
func blended(p config.Price) float64 {
	const microDollars = 1e6
	return (3*float64(p.Input) + float64(p.Output)) / microDollars
}

func (m *matcher) number(model string) int {
	n, known := m.numbers[model]
	if !known {
		n = len(m.models)
		m.numbers[model] = n
		m.models = append(m.models, model)
		m.offers = append(m.offers, nil)
	}
	return n
}

// offer notes that a provider has a model. The last of equal aliases wins.
func (m *matcher) offer(provider, number int, c *Candidate) {
	known := m.offers[number]
	if n := len(known); n > 0 && known[n-1].Provider == c.Provider {
		known[n-1] = c
		return
	}
	m.offers[number] = append(known, c)
	m.has[provider] = append(m.has[provider], number)
}

// key resolves an API key, and first those it names as channels. Rules that lead
// back to a key they come from, or too far, are left out.
func (m *matcher) key(k *config.APIKey) *Key {
	if known := m.keys[k.Key]; known != nil {
		return known
	}
	key := &Key{Config: k, state: m.state, client: m.state.client(k.Key), only: len(m.configs) == 1, affine: m.affine}
	if k.Preferences.Affinity != nil {
		key.affine = *k.Preferences.Affinity
	}
	m.keys[k.Key] = key // of depth 0 as long as its rules are followed
	rules, deepest := make([]config.Rule, 0, len(k.Rules)), 0
	for _, r := range k.Rules {
		if r.Kind == config.RuleKey || r.Kind == config.RuleKeyModel {
			inner := m.configs[r.Key]
			if inner == nil {
				continue
			}
			depth := m.key(inner).depth
			if depth == 0 || depth == maxKeyDepth {
				continue
			}
			deepest = max(deepest, depth)
		}
		rules = append(rules, r)
	}
	key.depth = deepest + 1
	key.turns = newPagedArray[atomic.Uint64](len(m.models))
	id := string(k.Preferences.Schedule) + "\n" + ruleText(rules)
	if m.shared[id] == nil {
		m.shared[id] = &Routes{matcher: m, rules: rules, schedule: k.Preferences.Schedule, found: newPagedArray[atomic.Pointer[Route]](len(m.models))}
	}
	key.Routes = m.shared[id]
	return key
}

// ruleText is equal for rules that mean the same. Rule.Text is not: it masks keys.
func ruleText(rules []config.Rule) string {
	var text []byte
	for _, r := range rules {
		text = fmt.Appendf(text, "%d %q %q %q %d\n", r.Kind, r.Provider, r.Model, r.Key, r.Weight)
	}
	return string(text)
}

// Routes are the models that a set of access rules gives. Of the many that a
// key may use most are never asked for, so a route is made for the first request
// for its model: a thousand keys with rules of their own load as fast as one.
type Routes struct {
	matcher  *matcher
	rules    []config.Rule
	schedule config.Schedule
	found    *pagedArray[atomic.Pointer[Route]] // by model number
	listing  sync.Once
	list     []string
}

// Find returns the route of a model, nil if the rules give none.
func (r *Routes) Find(model string) *Route {
	number, known := r.matcher.numbers[model]
	if !known {
		return nil
	}
	found := r.found.at(number)
	route := found.Load()
	if route == nil {
		found.CompareAndSwap(nil, r.route(number))
		route = found.Load()
	}
	if len(route.entries) == 0 {
		return nil
	}
	return route
}

// Models lists the models in the order of the rules, each once. It belongs to
// the table and must not be changed.
func (r *Routes) Models() []string {
	r.listing.Do(func() {
		listed := make([]bool, len(r.matcher.models))
		for _, rule := range r.rules {
			for _, number := range r.matcher.given(rule) {
				if !listed[number] {
					listed[number] = true
					r.list = append(r.list, r.matcher.models[number])
				}
			}
		}
	})
	return r.list
}

// given are the models of one rule, as numbers; some may come twice.
func (m *matcher) given(r config.Rule) []int {
	var numbers []int
	switch r.Kind {
	case config.RuleAll:
		for _, has := range m.has {
			numbers = append(numbers, has...)
		}
	case config.RuleProvider:
		for _, p := range m.byName[r.Provider] {
			numbers = append(numbers, m.has[p.Index]...)
		}
	case config.RuleKey:
		for _, model := range m.keys[r.Key].Models() {
			numbers = append(numbers, m.numbers[model])
		}
	default: // one model
		number, known := m.numbers[r.Model]
		if known && len(m.entries(r, number)) > 0 {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// entries are what one rule gives for a model, in the order of the providers.
func (m *matcher) entries(r config.Rule, number int) []entry {
	if r.Model != "" && r.Model != m.models[number] {
		return nil
	}
	if r.Kind == config.RuleKey || r.Kind == config.RuleKeyModel {
		via := m.keys[r.Key] // instead of a channel
		if via.Find(m.models[number]) == nil {
			return nil
		}
		return []entry{{via: via, id: schedule.IDOf("key", r.Key)}}
	}
	var entries []entry
	for _, c := range m.offers[number] {
		if r.Provider == "" || r.Provider == c.Provider.Config.Name {
			entries = append(entries, entry{Candidate: c, weight: r.Weight, id: c.id})
		}
	}
	return entries
}

// route evaluates the rules in their order for one model.
func (r *Routes) route(number int) *Route {
	route := &Route{Model: r.matcher.models[number], number: number}
	for _, rule := range r.rules {
		for _, e := range r.matcher.entries(rule, number) {
			route.add(e)
		}
	}
	route.finish(r.schedule)
	return route
}

// add appends an entry. Overlapping rules name a channel twice: it keeps its
// first place, and its last weight.
func (r *Route) add(e entry) {
	same := func(o entry) bool { return o.via == e.via && o.Candidate == e.Candidate }
	if i := slices.IndexFunc(r.entries, same); i >= 0 {
		if e.weight > 0 {
			r.entries[i].weight = e.weight
		}
		return
	}
	r.entries = append(r.entries, e)
}

// finish computes what each request would otherwise compute again.
func (r *Route) finish(name config.Schedule) {
	r.places = make([]schedule.Place, len(r.entries))
	for i, e := range r.entries {
		r.places[i] = schedule.Place{ID: e.id, Weight: e.weight}
		place := &r.places[i]
		if e.via == nil {
			place.Reckon(&e.load, e.price)
			continue
		}
		r.entries[i].channels(r.Model, func(c *Candidate) { place.Reckon(&c.load, c.price) })
	}
	r.policy, r.rotation.turns = schedule.OfChannels(name, r.places)
	r.near = schedule.NearChannels(r.policy, name)
	seen := make(map[*Candidate]bool, len(r.entries))
	r.channels(func(c *Candidate) {
		if seen[c] { // reached by way of two keys, it is tried once
			return
		}
		seen[c] = true
		r.leaves++
		r.keys += len(c.Provider.Config.Keys)
		r.affine = r.affine || c.Provider.ring.affine != nil && *c.Provider.ring.affine
		r.AsksAttributes = r.AsksAttributes || c.Provider.filter != nil || c.Provider.timeouts != nil
		effort, compaction, tokens := c.Provider.filter.Needs()
		r.AsksEffort, r.AsksTokens = r.AsksEffort || effort, r.AsksTokens || tokens
		r.AsksCompaction = r.AsksCompaction || compaction || c.Provider.timeouts.Needs()
		// One that is not shorter than the timeout can never come to anything.
		if c.keepalive < c.Timeout {
			r.hear(c.keepalive)
		}
	})
}

// Each visits the channels of a route, those behind other keys included.
func (r *Route) Each(visit func(*Candidate)) { r.channels(visit) }

// channels visits the channels of a route, those behind other keys included.
func (r *Route) channels(visit func(*Candidate)) {
	for i := range r.entries {
		r.entries[i].channels(r.Model, visit)
	}
}

func (e *entry) channels(model string, visit func(*Candidate)) {
	if e.via == nil {
		visit(e.Candidate)
		return
	}
	e.via.Find(model).channels(visit)
}

// hear takes a channel's keepalive interval into account.
func (r *Route) hear(every time.Duration) {
	if every > 0 && (r.Keepalive == 0 || every < r.Keepalive) {
		r.Keepalive = every
	}
}
