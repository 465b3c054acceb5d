package config

import (
	"maps"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// maxWeight bounds the ring of a weighted schedule, whose length is the sum of the weights.
const maxWeight = 10_000

// ruleNode is a rule as it is written. It can be read only when all client keys are known.
type ruleNode struct {
	at     *yaml.Node
	text   string
	weight int
}

// ruleNodes collects the rules of a key: texts, and mappings from a text to its weight.
func (d *decoder) ruleNodes(n *yaml.Node, k *APIKey) {
	for _, item := range d.items(n) {
		switch {
		case item.Kind == yaml.MappingNode:
			for _, p := range d.pairs(item) {
				d.rules[k] = append(d.rules[k], ruleNode{p.at, strings.TrimSpace(p.key), d.weight(p)})
			}
		case isPlain(item):
			d.rules[k] = append(d.rules[k], ruleNode{item, strings.TrimSpace(item.Value), 0})
		default:
			d.fail(item, "", "a rule must be a text such as provider/model, or provider/model: WEIGHT, not %s", kindOf(item))
		}
	}
}

func (d *decoder) weight(p pair) int {
	if isNull(p.value) {
		return 0
	}
	outer := d.key
	defer func() { d.key = outer }()
	d.key = "the weight of " + maskRule(p.key)
	w, _ := integer(-maxWeight, maxWeight)(d, p.value)
	if w <= 0 && isPlain(p.value) {
		d.warn(p.value, p.value.Value, "%s must be 1 or more; it is ignored", d.key)
		return 0
	}
	return w
}

// readRules makes rules of what ruleNodes collected. keys are all client keys.
func (d *decoder) readRules(k *APIKey, keys map[string]*APIKey) {
	if len(d.rules[k]) == 0 {
		k.Rules = []Rule{{Kind: RuleAll, Text: "all"}}
		return
	}
	at := make([]ruleNode, 0, len(d.rules[k]))
	for _, node := range d.rules[k] {
		rule, ok := parseRule(node.text, keys)
		if !ok {
			d.fail(node.at, node.text, "rule %s is incomplete; write all, MODEL, PROVIDER/*, PROVIDER/MODEL or <MODEL/WITH/SLASHES>", shown(node.text))
			continue
		}
		if rule.Key == k.Key && rule.Key != "" {
			d.warn(node.at, node.text, "rule %s names the key it belongs to; it is ignored", shown(node.text))
			continue
		}
		rule.Weight = node.weight
		if node.weight > 0 && (rule.Kind == RuleAll || rule.Kind == RuleModel) {
			d.warn(node.at, node.text, "the weight of rule %s is ignored: weights belong to a provider; write PROVIDER/MODEL: WEIGHT", shown(node.text))
			rule.Weight = 0
		}
		k.Rules = append(k.Rules, rule)
		at = append(at, node)
	}
	d.rules[k] = at // as k.Rules
}

// parseRule reads one rule; false if a part of it is empty.
func parseRule(text string, keys map[string]*APIKey) (Rule, bool) {
	r := Rule{Text: maskRule(text)}
	if text == "all" {
		return r, true
	}
	if inner, ok := strings.CutPrefix(text, "<"); ok && strings.HasSuffix(inner, ">") {
		r.Kind, r.Model = RuleModel, strings.TrimSuffix(inner, ">")
		return r, r.Model != ""
	}
	head, model, slash := strings.Cut(text, "/")
	if !slash {
		r.Kind, r.Model = RuleModel, text
		return r, text != ""
	}
	whole, one := RuleProvider, RuleProviderModel
	if strings.HasPrefix(head, "sk-") && keys[head] != nil {
		whole, one = RuleKey, RuleKeyModel
		r.Key = head
	} else {
		r.Provider = head
	}
	r.Kind = whole
	if model != "*" {
		r.Kind, r.Model = one, model
	}
	return r, head != "" && model != ""
}

// checkRules warns of rules that let nothing through.
func (d *decoder) checkRules(k *APIKey, keys map[string]*APIKey) {
	for i, r := range k.Rules {
		node := d.rules[k]
		if len(node) == 0 {
			return // the rule "all" that nobody wrote
		}
		if d.serves(r, keys) {
			continue
		}
		d.warn(node[i].at, node[i].text, "rule %s names nothing that exists%s", shown(node[i].text), d.ruleHint(r, keys))
	}
}

func (d *decoder) ruleHint(r Rule, keys map[string]*APIKey) string {
	if r.Kind == RuleModel && r.Model == "*" {
		return ": write all"
	}
	aliases := map[string]bool{}
	names := map[string]bool{}
	for _, p := range d.cfg.Providers {
		names[p.Name] = true
		for _, m := range p.Models {
			if r.Provider == p.Name || r.Kind == RuleModel {
				aliases[m.Alias] = true
			}
			if m.Alias == r.Provider+"/"+r.Model {
				return ": to name a model with a slash write <" + m.Alias + ">"
			}
		}
	}
	switch {
	case r.Kind == RuleKeyModel:
		return ": the key it names may not use this model"
	case r.Provider != "" && !names[r.Provider]:
		hint := ": there is no provider " + shown(r.Provider)
		if strings.HasPrefix(r.Provider, "sk-") {
			hint = ": this key is not in api_keys"
		}
		return hint + didYouMean(r.Provider, slices.Sorted(maps.Keys(names)))
	case r.Provider != "":
		return ": provider " + shown(r.Provider) + " has no such model" + didYouMean(r.Model, slices.Sorted(maps.Keys(aliases)))
	}
	return ": no provider has this model" + didYouMean(r.Model, slices.Sorted(maps.Keys(aliases)))
}

// serves tells whether a rule lets any model through. A provider that is asked for its models may have any.
func (d *decoder) serves(r Rule, keys map[string]*APIKey) bool {
	switch r.Kind {
	case RuleAll, RuleKey:
		return true
	case RuleKeyModel:
		return slices.ContainsFunc(keys[r.Key].Rules, func(inner Rule) bool { return d.servesModel(inner, r.Model, keys) })
	case RuleModel:
		return slices.ContainsFunc(d.cfg.Providers, func(p *Provider) bool { return p.mayHave(r.Model) })
	}
	return slices.ContainsFunc(d.cfg.Providers, func(p *Provider) bool {
		return p.Name == r.Provider && (r.Kind == RuleProvider || p.mayHave(r.Model))
	})
}

// servesModel tells whether a rule lets one model through. There are no cycles of keys when it is called.
func (d *decoder) servesModel(r Rule, model string, keys map[string]*APIKey) bool {
	if r.Model != "" && r.Model != model {
		return false
	}
	if r.Key != "" {
		return slices.ContainsFunc(keys[r.Key].Rules, func(inner Rule) bool { return d.servesModel(inner, model, keys) })
	}
	return slices.ContainsFunc(d.cfg.Providers, func(p *Provider) bool {
		return (r.Provider == "" || r.Provider == p.Name) && p.mayHave(model)
	})
}

func (p *Provider) mayHave(alias string) bool {
	return p.Models == nil || slices.ContainsFunc(p.Models, func(m Model) bool { return m.Alias == alias })
}
