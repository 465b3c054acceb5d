// Package balancer decides who serves a request: which channels a key may use
// for a model, in what order they are tried, with which of their keys, and what
// a failure means for the next attempt. It decides only; it does no I/O.
package balancer

import (
	"fmt"
	"sync/atomic"
	"time"

	"uniapi/config"
)

// Table is the routing of one configuration and of the model lists known when
// it was built. It is immutable; what must survive a reload lives in State.
type Table struct {
	Providers []*Provider
	routes    map[string]*Routes // by API key
}

// Provider is one provider as the balancer sees it.
type Provider struct {
	Index  int // position in the configuration, the same in every room that keeps a list
	Config *config.Provider
	Models []config.Model
	ring   *keyRing
}

// Routes are the models one set of access rules gives.
type Routes struct {
	Models  []string // in the order of the rules, each once
	byModel map[string]*Route
}

// Route is the list of channels that can serve one model for one key, in
// priority order.
type Route struct {
	Model      string
	Candidates []Candidate
	attempts   int // at most, behaviour 4.1
}

// Candidate is one channel: a provider and the model's name there.
type Candidate struct {
	Provider *Provider
	Upstream string
	Timeout  time.Duration // to the first byte, and between bytes
}

// State is what outlives a configuration: the turn of each provider's keys,
// and, as they come, cooling and limits. It is keyed by names, so a reload that
// keeps a provider's name keeps its state.
type State struct {
	turns map[string]*atomic.Uint32
}

// NewState returns an empty state.
func NewState() *State { return &State{turns: make(map[string]*atomic.Uint32)} }

// Build compiles the routing of cfg. models gives what the provider at an index
// serves: its configured list, or what was discovered, or nothing while it
// cannot be used. Calls with the same state must not overlap; requests may go on
// meanwhile.
func Build(cfg *config.Config, state *State, models func(index int) []config.Model) *Table {
	t := &Table{routes: make(map[string]*Routes, len(cfg.APIKeys))}
	for i, pc := range cfg.Providers {
		t.Providers = append(t.Providers, &Provider{Index: i, Config: pc, Models: models(i), ring: state.ring(pc)})
	}
	m := newMatcher(cfg, t.Providers)
	shared := make(map[string]*Routes) // keys with equal rules share their routes
	for _, k := range cfg.APIKeys {
		text := ruleText(k.Rules)
		if shared[text] == nil {
			shared[text] = m.routes(k.Rules)
			shared[text].finish(cfg)
		}
		t.routes[k.Key] = shared[text]
	}
	return t
}

// ruleText is equal for rules that mean the same. Rule.Text is not: it masks keys.
func ruleText(rules []config.Rule) string {
	var text []byte
	for _, r := range rules {
		text = fmt.Appendf(text, "%d %q %q %q %d\n", r.Kind, r.Provider, r.Model, r.Key, r.Weight)
	}
	return string(text)
}

// finish computes what the route's requests would otherwise compute each time.
func (r *Routes) finish(cfg *config.Config) {
	for _, route := range r.byModel {
		for i := range route.Candidates {
			c := &route.Candidates[i]
			c.Timeout = cfg.ModelTimeout(c.Provider.Config, route.Model, c.Upstream)
		}
		route.attempts = attemptLimit(route.Candidates)
	}
}

// attemptLimit is how often a request may be tried, as in uni-api (behaviour
// 4.1): every channel once, and then as many times more as there are keys to
// try with, within reason.
func attemptLimit(candidates []Candidate) int {
	keys := 0
	for _, c := range candidates {
		keys += len(c.Provider.Config.Keys)
	}
	if len(candidates) == 1 && keys > 1 {
		return 1 + keys
	}
	return len(candidates) + min(10, 2*keys)
}

// Routes returns what the API key may use. The key must be one of the
// configuration's.
func (t *Table) Routes(key string) *Routes { return t.routes[key] }

// Find returns the route of a model, nil if the rules give none.
func (r *Routes) Find(model string) *Route { return r.byModel[model] }
