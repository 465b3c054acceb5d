package balancer

import (
	"slices"

	"uniapi/config"
)

// maxKeyDepth bounds how far keys may name keys as their channels. A cycle is a
// configuration error already; this also keeps a long chain from costing much.
const maxKeyDepth = 8

// matcher resolves the access rules of behaviour 3.1 against the models that
// the providers have at this moment.
type matcher struct {
	providers []*Provider
	byName    map[string][]*Provider
	keys      map[string]*config.APIKey
	aliases   []map[string]string // per provider: alias → upstream model
}

func newMatcher(cfg *config.Config, providers []*Provider) *matcher {
	m := &matcher{
		providers: providers,
		byName:    make(map[string][]*Provider, len(providers)),
		keys:      make(map[string]*config.APIKey, len(cfg.APIKeys)),
		aliases:   make([]map[string]string, len(providers)),
	}
	for i, p := range providers {
		m.byName[p.Config.Name] = append(m.byName[p.Config.Name], p)
		m.aliases[i] = make(map[string]string, len(p.Models))
		for _, model := range p.Models {
			m.aliases[i][model.Alias] = model.Upstream // the last of equal aliases wins
		}
	}
	for _, k := range cfg.APIKeys {
		m.keys[k.Key] = k
	}
	return m
}

// routes evaluates a key's rules in their order. The order of candidates in a
// route is the order of the rules, then that of the providers.
func (m *matcher) routes(rules []config.Rule) *Routes {
	set := &Routes{byModel: make(map[string]*Route)}
	m.walk(rules, 0, func(alias string, p *Provider) {
		route := set.byModel[alias]
		if route == nil {
			route = &Route{Model: alias}
			set.byModel[alias] = route
			set.Models = append(set.Models, alias)
		}
		upstream := m.aliases[p.Index][alias]
		same := func(c Candidate) bool { return c.Provider == p && c.Upstream == upstream }
		if !slices.ContainsFunc(route.Candidates, same) { // overlapping rules name a channel twice
			route.Candidates = append(route.Candidates, Candidate{Provider: p, Upstream: upstream})
		}
	})
	return set
}

// walk calls found for every (alias, provider) that the rules give, in order.
func (m *matcher) walk(rules []config.Rule, depth int, found func(string, *Provider)) {
	for _, r := range rules {
		switch r.Kind {
		case config.RuleAll:
			for _, p := range m.providers {
				m.every(p, found)
			}
		case config.RuleModel:
			for _, p := range m.providers {
				m.one(p, r.Model, found)
			}
		case config.RuleProvider:
			for _, p := range m.byName[r.Provider] {
				m.every(p, found)
			}
		case config.RuleProviderModel:
			for _, p := range m.byName[r.Provider] {
				m.one(p, r.Model, found)
			}
		case config.RuleKey, config.RuleKeyModel:
			inner := m.keys[r.Key]
			if inner == nil || depth == maxKeyDepth {
				continue
			}
			m.walk(inner.Rules, depth+1, func(alias string, p *Provider) {
				if r.Kind == config.RuleKey || alias == r.Model {
					found(alias, p)
				}
			})
		}
	}
}

func (m *matcher) every(p *Provider, found func(string, *Provider)) {
	for _, model := range p.Models {
		found(model.Alias, p)
	}
}

func (m *matcher) one(p *Provider, alias string, found func(string, *Provider)) {
	if _, has := m.aliases[p.Index][alias]; has {
		found(alias, p)
	}
}
