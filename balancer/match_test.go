package balancer

import (
	"slices"
	"strings"
	"testing"

	"uniapi/config"
)

// routing describes a configuration in a few words: providers as "name:alias,alias"
// (an alias may be upstream=alias), rules as in api.yaml.
func routing(t *testing.T, providers []string, keys map[string][]string) *Table {
	t.Helper()
	cfg := &config.Config{}
	for _, text := range providers {
		name, models, _ := strings.Cut(text, ":")
		p := &config.Provider{Name: name, Keys: []string{"k"}}
		for model := range strings.SplitSeq(models, ",") {
			upstream, alias, renamed := strings.Cut(model, "=")
			if !renamed {
				alias = upstream
			}
			p.Models = append(p.Models, config.Model{Upstream: upstream, Alias: alias})
		}
		cfg.Providers = append(cfg.Providers, p)
	}
	for key, rules := range keys {
		k := &config.APIKey{Key: key}
		for _, text := range rules {
			k.Rules = append(k.Rules, rule(text))
		}
		cfg.APIKeys = append(cfg.APIKeys, k)
	}
	return Build(cfg, NewState(), func(i int) []config.Model { return cfg.Providers[i].Models })
}

func rule(text string) config.Rule {
	provider, model, slash := strings.Cut(text, "/")
	switch {
	case text == "all":
		return config.Rule{Kind: config.RuleAll}
	case strings.HasPrefix(text, "<"):
		return config.Rule{Kind: config.RuleModel, Model: strings.Trim(text, "<>")}
	case !slash:
		return config.Rule{Kind: config.RuleModel, Model: text}
	case strings.HasPrefix(text, "sk-") && model == "*":
		return config.Rule{Kind: config.RuleKey, Key: provider}
	case strings.HasPrefix(text, "sk-"):
		return config.Rule{Kind: config.RuleKeyModel, Key: provider, Model: model}
	case model == "*":
		return config.Rule{Kind: config.RuleProvider, Provider: provider}
	}
	return config.Rule{Kind: config.RuleProviderModel, Provider: provider, Model: model}
}

func TestRulesGiveCandidatesInTheirOrder(t *testing.T) {
	providers := []string{"p:m,a", "q:m,z", "r:real=m,x/y", "x:y"}
	for _, test := range []struct {
		name  string
		rules []string
		model string
		want  string // provider/upstream …
	}{
		{"all is every provider in the file's order", []string{"all"}, "m", "p/m q/m r/real"},
		{"a bare model is every provider that has it", []string{"m"}, "m", "p/m q/m r/real"},
		{"a bare model gives no other", []string{"m"}, "a", ""},
		{"a provider and a model", []string{"q/m"}, "m", "q/m"},
		{"a provider and a star", []string{"q/*"}, "z", "q/z"},
		{"a provider and a star give nothing it does not have", []string{"q/*"}, "a", ""},
		{"the rules' order is the priority", []string{"r/*", "p/*"}, "m", "r/real p/m"},
		{"overlapping rules name a channel once", []string{"q/m", "all"}, "m", "q/m p/m r/real"},
		{"angle brackets hold a model's whole name", []string{"<x/y>"}, "x/y", "r/x/y"},
		{"angle brackets do not look at a provider of that name", []string{"<x/y>"}, "y", ""},
		{"a slash splits provider and model", []string{"x/y"}, "y", "x/y"},
		{"a slash does not name the model with a slash", []string{"x/y"}, "x/y", ""},
		{"only the first slash splits", []string{"r/x/y"}, "x/y", "r/x/y"},
		{"a renamed model is known by its alias", []string{"r/*"}, "m", "r/real"},
		{"a renamed model's own name is gone", []string{"r/*"}, "real", ""},
		{"a key as a channel gives what that key may use", []string{"sk-sub/*", "r/m"}, "m", "q/m p/m r/real"},
		{"a key and a model give that model only", []string{"sk-sub/z"}, "m", ""},
		{"a key and a model", []string{"sk-sub/z"}, "z", "q/z"},
		{"a chain of keys", []string{"sk-chain/*"}, "z", "q/z"},
		{"an unknown provider gives nothing", []string{"nobody/*"}, "m", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			table := routing(t, providers, map[string][]string{
				"sk-test": test.rules, "sk-sub": {"q/*", "p/*"}, "sk-chain": {"sk-sub/*"},
			})
			var got []string
			if route := table.Routes("sk-test").Find(test.model); route != nil {
				for _, c := range route.Candidates {
					got = append(got, c.Provider.Config.Name+"/"+c.Upstream)
				}
			}
			if text := strings.Join(got, " "); text != test.want {
				t.Errorf("candidates %q, want %q", text, test.want)
			}
		})
	}
}

func TestKeysThatNameEachOtherEnd(t *testing.T) {
	table := routing(t, []string{"p:m"}, map[string][]string{"sk-a": {"sk-b/*", "p/m"}, "sk-b": {"sk-a/*"}})
	if route := table.Routes("sk-a").Find("m"); route == nil || len(route.Candidates) != 1 {
		t.Errorf("route %v, want p alone", route)
	}
}

func TestAModelIsListedOnceInTheOrderOfTheRules(t *testing.T) {
	table := routing(t, []string{"p:a,b", "q:b,c"}, map[string][]string{"sk-test": {"q/*", "p/*"}})
	if got := table.Routes("sk-test").Models; !slices.Equal(got, []string{"b", "c", "a"}) {
		t.Errorf("models %q", got)
	}
}
