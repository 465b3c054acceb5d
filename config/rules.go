package config

import (
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
	items := d.items(n)
	if len(items) == 0 && len(n.Content) > 0 {
		d.lostRules[k] = true
		d.warn(n, "", "none of these rules is filled in, so that the key may use nothing; write what it may use, or all")
	}
	for _, item := range items {
		switch {
		case item.Kind == yaml.MappingNode:
			for _, p := range d.pairs(item) {
				d.rules[k] = append(d.rules[k], ruleNode{p.at, strings.TrimSpace(p.key), d.weight(p)})
			}
		case isPlain(item):
			d.rules[k] = append(d.rules[k], ruleNode{item, strings.TrimSpace(item.Value), 0})
		default:
			d.within(ItemRule, func() {
				d.fail(item, "", "a rule must be a text such as provider/model, or provider/model: WEIGHT, not %s", kindOf(item))
			})
			d.lostRules[k] = true
		}
	}
}

// weightNodes collects the weights that stand beside the rules, from a rule to its weight: so uni-api leaves them in
// files that it rewrites.
func (d *decoder) weightNodes(n *yaml.Node, k *APIKey) {
	d.within(ItemWeight, func() {
		if n.Kind != yaml.MappingNode {
			d.fail(n, "", "weights must be a mapping (PROVIDER/MODEL: WEIGHT), not %s", kindOf(n))
			return
		}
		for _, p := range d.pairs(n) {
			d.weights[k] = append(d.weights[k], ruleNode{p.at, strings.TrimSpace(p.key), d.weight(p)})
		}
	})
}

// weigh gives the rules of a key the weights that stand beside them. Where the key may use everything a weight needs no
// rule of its own.
func (d *decoder) weigh(k *APIKey, keys map[string]*APIKey) {
	everything := slices.ContainsFunc(k.Rules, func(r Rule) bool { return r.Kind == RuleAll })
	for _, w := range d.weights[k] {
		found := false
		for i := range k.Rules {
			if k.Rules[i].Kind != RuleAll && k.Rules[i].Kind != RuleModel && i < len(d.rules[k]) && d.rules[k][i].text == w.text {
				found = true
				if k.Rules[i].Weight == 0 {
					k.Rules[i].Weight = w.weight
				}
			}
		}
		if found || w.weight == 0 {
			continue
		}
		rule, ok := parseRule(w.text, keys)
		if !everything || !ok || rule.Kind != RuleProvider && rule.Kind != RuleProviderModel {
			d.warn(w.at, w.text, "the weight of %s is ignored: the key has no such rule under model", shown(w.text))
			continue
		}
		rule.Weight = w.weight
		k.Rules = append(k.Rules, rule)
		d.rules[k] = append(d.rules[k], w)
	}
}

func (d *decoder) weight(p pair) int {
	if isNull(p.value) {
		return 0
	}
	outer := d.key
	defer func() { d.key = outer }()
	d.key = "the weight of " + maskRule(p.key)
	w, ok := 0, false
	d.within(ItemWeight, func() { w, ok = integer(-maxWeight, maxWeight)(d, p.value) })
	if ok && w <= 0 {
		d.warn(p.value, p.value.Value, "%s must be 1 or more; it is ignored", d.key)
		return 0
	}
	return w
}

// readRules makes rules of what ruleNodes collected. keys are all client keys.
func (d *decoder) readRules(k *APIKey, keys map[string]*APIKey) {
	if len(d.rules[k]) == 0 && !d.lostRules[k] {
		k.Rules = []Rule{{Kind: RuleAll, Text: "all"}}
		if len(d.weights[k]) > 0 {
			d.rules[k] = []ruleNode{{d.keys[k], "all", 0}} // aligned with what follows
			d.weigh(k, keys)
		}
		return
	}
	at := make([]ruleNode, 0, len(d.rules[k]))
	for _, node := range d.rules[k] {
		rule, ok := parseRule(node.text, keys)
		if !ok {
			d.within(ItemRule, func() {
				d.fail(node.at, node.text, "rule %s is incomplete; write all, MODEL, PROVIDER/*, PROVIDER/MODEL or <MODEL/WITH/SLASHES>", shown(node.text))
			})
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
	d.weigh(k, keys)
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
