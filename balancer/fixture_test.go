package balancer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

// fixture is a configuration written in a few words, on a clock that only the
// test moves.
type fixture struct {
	cfg   *config.Config
	state *State
	table *Table
	clock atomic.Int64
}

// providers makes a fixture of providers, each written as NAME=KEYS:MODEL,MODEL. A
// model may be UPSTREAM=ALIAS. Without KEYS a provider has one key, without
// models the model m.
func providers(texts ...string) *fixture {
	f := &fixture{cfg: &config.Config{}, state: NewState(Stores{})}
	f.cfg.Preferences.Cooldown, f.cfg.Preferences.MaxRetryAfter = new(time.Duration), config.DefaultMaxRetryAfter
	f.clock.Store(int64(time.Hour))
	f.state.now = f.clock.Load
	for _, text := range texts {
		f.cfg.Providers = append(f.cfg.Providers, provider(text))
	}
	return f
}

func provider(text string) *config.Provider {
	head, models, listed := strings.Cut(text, ":")
	if !listed {
		models = "m"
	}
	name, count, counted := strings.Cut(head, "=")
	keys := 1
	if counted {
		keys, _ = strconv.Atoi(count)
	}
	p := &config.Provider{Name: name, Preferences: config.ProviderPreferences{KeyQuotaCooldown: 6 * time.Hour}}
	for i := range keys {
		p.Keys = append(p.Keys, fmt.Sprint("key", i))
	}
	for model := range strings.SplitSeq(models, ",") {
		upstream, alias, renamed := strings.Cut(model, "=")
		if !renamed {
			alias = upstream
		}
		p.Models = append(p.Models, config.Model{Upstream: upstream, Alias: alias})
	}
	return p
}

// growing leaves cooldown_period out.
func (f *fixture) growing() *fixture {
	f.cfg.Preferences.Cooldown = nil
	return f
}

// rest is the breaker of a provider's model m.
func (f *fixture) breaker(provider string) *breaker.Breaker {
	for _, p := range f.table.Providers {
		if p.Config.Name == provider {
			return p.channels[slices.IndexFunc(p.Models, func(m config.Model) bool { return m.Upstream == "m" })].breaker
		}
	}
	return nil
}

// cooling sets the global cooldown_period.
func (f *fixture) cooling(d time.Duration) *fixture {
	f.cfg.Preferences.Cooldown = &d
	return f
}

// with changes a provider's preferences.
func (f *fixture) with(name string, change func(*config.ProviderPreferences)) *fixture {
	for _, p := range f.cfg.Providers {
		if p.Name == name {
			change(&p.Preferences)
		}
	}
	return f
}

// key adds a client key; without rules it may use all. Rules are as in api.yaml,
// with a weight as in "p/m: 5".
func (f *fixture) key(secret string, schedule config.Schedule, rules ...string) *fixture {
	k := &config.APIKey{Key: secret, Alias: secret}
	k.Preferences.Schedule, k.Preferences.AutoRetry = schedule, config.RetryAll
	if len(rules) == 0 {
		rules = []string{"all"}
	}
	for _, text := range rules {
		k.Rules = append(k.Rules, accessRule(text))
	}
	f.cfg.APIKeys = append(f.cfg.APIKeys, k)
	return f
}

// accessRule reads a rule; what begins with sk- is a client key.
func accessRule(text string) config.Rule {
	text, weight, weighted := strings.Cut(text, ": ")
	r := config.Rule{Text: text}
	if weighted {
		r.Weight, _ = strconv.Atoi(weight)
	}
	provider, model, slash := strings.Cut(text, "/")
	switch {
	case text == "all":
		r.Kind = config.RuleAll
	case strings.HasPrefix(text, "<"):
		r.Kind, r.Model = config.RuleModel, strings.Trim(text, "<>")
	case !slash:
		r.Kind, r.Model = config.RuleModel, text
	case strings.HasPrefix(text, "sk-") && model == "*":
		r.Kind, r.Key = config.RuleKey, provider
	case strings.HasPrefix(text, "sk-"):
		r.Kind, r.Key, r.Model = config.RuleKeyModel, provider, model
	case model == "*":
		r.Kind, r.Provider = config.RuleProvider, provider
	default:
		r.Kind, r.Provider, r.Model = config.RuleProviderModel, provider, model
	}
	return r
}

// build compiles the configuration as it is now, as a reload would.
func (f *fixture) build() *fixture {
	f.table = Build(f.cfg, f.state, func(i int) []config.Model { return f.cfg.Providers[i].Models })
	return f
}

// pass lets time pass.
func (f *fixture) pass(d time.Duration) { f.clock.Add(int64(d)) }

// start begins a request for the model m.
func (f *fixture) start(secret string) *Plan { return f.startFor(secret, "m") }

func (f *fixture) startFor(secret, model string) *Plan {
	p := new(Plan)
	key := f.table.Key(secret)
	p.Start(key, key.Find(model))
	return p
}

// first is the channel that a request is served by when all are well.
func (f *fixture) first(secret string) string { return f.firstFor(secret, "m") }

func (f *fixture) firstFor(secret, model string) string {
	p := f.startFor(secret, model)
	a, ok := p.Next()
	if !ok {
		return ""
	}
	p.Report(a, Outcome{Verdict: Served})
	return a.Provider.Config.Name
}

// firsts are the channels that serve n requests in turn.
func (f *fixture) firsts(secret string, n int) string {
	var names []string
	for range n {
		names = append(names, f.first(secret))
	}
	return strings.Join(names, " ")
}

// walk makes all the attempts of a request and tells which channels they were.
// Each ends as verdict says.
func walk(p *Plan, verdict func(Attempt) Verdict) string {
	var names []string
	for a, more := p.Next(); more; a, more = p.Next() {
		names = append(names, a.Provider.Config.Name)
		p.Report(a, Outcome{Verdict: verdict(a)})
	}
	return strings.Join(names, " ")
}

// always is a verdict for walk.
func always(v Verdict) func(Attempt) Verdict { return func(Attempt) Verdict { return v } }

// failFor makes a request of a client key whose first attempt ends as o says, and
// returns who was tried.
func (f *fixture) failFor(secret string, o Outcome) string {
	plan := f.start(secret)
	a, tried := plan.Next()
	if !tried {
		return ""
	}
	plan.Report(a, o)
	return a.Provider.Config.Name
}
