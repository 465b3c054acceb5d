package config

import (
	"maps"
	"slices"
)

// offers are what the providers of a file have, for judging its rules: each by a
// few look-ups, however many rules and models there are.
type offers struct {
	keys      map[string]*APIKey
	open      bool                       // a provider is asked for its models: it may have any
	models    map[string]bool            // of all providers
	providers map[string]map[string]bool // by name: the models; nil is any

	steps       int // that may still be taken along keys that name keys
	suggestions int // that may still be looked for
}

const (
	// mostSteps is enough for any file that somebody wrote. The rules that it is
	// not enough for are not judged.
	mostSteps = 1_000_000
	// mostSuggestions is how many misspelt rules are compared with what there is,
	// and mostNames with how much of it at most. Who has more to mend looks it up.
	mostSuggestions = 30
	mostNames       = 2000
)

func (d *decoder) offers(keys map[string]*APIKey) *offers {
	o := &offers{
		keys: keys, models: map[string]bool{}, providers: make(map[string]map[string]bool, len(d.cfg.Providers)),
		steps: mostSteps, suggestions: mostSuggestions,
	}
	for _, p := range d.cfg.Providers {
		known, named := o.providers[p.Name]
		switch {
		case p.Models == nil:
			o.open, o.providers[p.Name] = true, nil
			continue
		case !named:
			known = make(map[string]bool, len(p.Models))
			o.providers[p.Name] = known
		}
		for _, m := range p.Models {
			o.models[m.Alias] = true
			if known != nil { // else another one of that name may have any
				known[m.Alias] = true
			}
		}
	}
	return o
}

// provider tells whether a provider may have a model; "" is any provider.
func (o *offers) provider(name, model string) bool {
	if name == "" {
		return o.open || o.models[model]
	}
	models, known := o.providers[name]
	return known && (models == nil || models[model])
}

// checkRules warns of rules that let nothing through.
func (d *decoder) checkRules(k *APIKey, o *offers) {
	for i, r := range k.Rules {
		node := d.rules[k]
		if len(node) == 0 {
			return // the rule "all" that nobody wrote
		}
		if o.serve(r) {
			continue
		}
		d.warn(node[i].at, node[i].text, "rule %s names nothing that exists%s", shown(node[i].text), o.hint(r))
	}
}

// hint says why a rule names nothing.
func (o *offers) hint(r Rule) string {
	_, known := o.providers[r.Provider]
	switch {
	case r.Kind == RuleModel && r.Model == "*":
		return ": write all"
	case r.Provider != "" && o.models[r.Provider+"/"+r.Model]:
		return ": to name a model with a slash write <" + r.Provider + "/" + r.Model + ">"
	case r.Kind == RuleKeyModel:
		return ": the key it names may not use this model"
	case r.Provider != "" && !known:
		hint := ": there is no provider " + shown(r.Provider)
		if len(r.Provider) > 2 && r.Provider[:3] == "sk-" {
			hint = ": this key is not in api_keys"
		}
		return hint + suggest(o, r.Provider, o.providers)
	case r.Provider != "":
		return ": provider " + shown(r.Provider) + " has no such model" + suggest(o, r.Model, o.providers[r.Provider])
	}
	return ": no provider has this model" + suggest(o, r.Model, o.models)
}

// suggest is the clause of didYouMean, as long as there may be one.
func suggest[V any](o *offers, word string, known map[string]V) string {
	if o.suggestions == 0 || len(known) > mostNames {
		return ""
	}
	o.suggestions--
	return didYouMean(word, slices.Sorted(maps.Keys(known)))
}

// serve tells whether a rule lets any model through.
func (o *offers) serve(r Rule) bool {
	switch r.Kind {
	case RuleAll, RuleKey:
		return true
	case RuleKeyModel:
		return o.key(r.Key, r.Model)
	case RuleProvider:
		_, known := o.providers[r.Provider]
		return known
	}
	return o.provider(r.Provider, r.Model)
}

// key tells whether a client key may use a model. There are no cycles of keys when it is called.
func (o *offers) key(key, model string) bool {
	for _, r := range o.keys[key].Rules {
		if o.steps--; o.steps < 0 {
			return true
		}
		switch {
		case r.Model != "" && r.Model != model:
		case r.Key != "":
			if o.key(r.Key, model) {
				return true
			}
		case o.provider(r.Provider, model):
			return true
		}
	}
	return false
}
