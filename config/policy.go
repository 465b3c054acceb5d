package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// The fields of a request that conditions may name.
var (
	excludeMatchKeys = []string{"endpoint", "request_model", "upstream_model", "reasoning_effort", "request_type"}
	timeoutMatchKeys = []string{"endpoint", "stream", "request_type", "method", "engine", "provider", "model", "request_model", "upstream_model", "role"}
)

// conditions reads match: {field: value or list of values}. A field that does not exist is kept, beside its warning:
// without it the rule would hold for more requests than its author meant, and with it it holds for none.
func conditions(known []string) reader[[]Condition] {
	var fields []field[[]Condition]
	for _, name := range known {
		fields = append(fields, field[[]Condition]{name, func(d *decoder, n *yaml.Node, into *[]Condition) {
			if values, ok := listOf(text)(d, n); ok && len(values) > 0 {
				*into = append(*into, Condition{name, values})
			}
		}})
	}
	read := nested(fields, nil)
	return func(d *decoder, n *yaml.Node) ([]Condition, bool) {
		list, ok := read(d, n)
		for i := 0; ok && n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
			if name := n.Content[i].Value; !slices.Contains(known, name) && name != "<<" {
				list = append(list, Condition{Field: name})
			}
		}
		return list, ok
	}
}

var excludeRuleFields = []field[ExcludeRule]{
	take("match", conditions(excludeMatchKeys), func(r *ExcludeRule) *[]Condition { return &r.Match }),
	take("reason", text, func(r *ExcludeRule) *string { return &r.Reason }),
}

// excludeRules reads one rule or a list of them. A rule without conditions matches nothing and is left out.
func excludeRules(d *decoder, n *yaml.Node) ([]ExcludeRule, bool) {
	var out []ExcludeRule
	for _, item := range d.items(n) {
		var rule ExcludeRule
		if !level(d, item, "a rule of exclude_request_rules", excludeRuleFields, &rule) {
			continue
		}
		if len(rule.Match) == 0 {
			d.warn(item, "", "this rule of exclude_request_rules has no conditions and is never used; add match: with one of %s",
				strings.Join(excludeMatchKeys, ", "))
			continue
		}
		out = append(out, rule)
	}
	return out, true
}

var timeoutFields = []field[Timeouts]{
	take("connect", optional(seconds), func(t *Timeouts) **time.Duration { return &t.Connect }),
	take("write", optional(seconds), func(t *Timeouts) **time.Duration { return &t.Write }),
	take("pool", optional(seconds), func(t *Timeouts) **time.Duration { return &t.Pool }),
	take("first_byte", optional(seconds), func(t *Timeouts) **time.Duration { return &t.FirstByte }),
	take("first_token", optional(secondsOr("adaptive")), func(t *Timeouts) **time.Duration { return &t.FirstToken }),
	take("idle", optional(seconds), func(t *Timeouts) **time.Duration { return &t.Idle }),
	take("total", optional(seconds), func(t *Timeouts) **time.Duration { return &t.Total }),
}

// secondsOr reads seconds, or the word for what follows the channel.
func secondsOr(word string) reader[time.Duration] {
	return func(d *decoder, n *yaml.Node) (time.Duration, bool) {
		switch _, err := strconv.ParseFloat(n.Value, 64); {
		case isPlain(n) && n.Value == word:
			return Adaptive, true
		case isPlain(n) && err != nil:
			d.fail(n, n.Value, "%s must be a number of seconds, such as 30, or %s, not %s", d.key, word, shown(n.Value))
			return 0, false
		}
		return seconds(d, n)
	}
}

// timeouts reads a mapping of phases, or one number for the first byte.
func timeouts(d *decoder, n *yaml.Node) (Timeouts, bool) {
	if n.Kind == yaml.ScalarNode {
		v, ok := seconds(d, n)
		return Timeouts{FirstByte: &v}, ok
	}
	return nested(timeoutFields, Timeouts{})(d, n)
}

var timeoutRuleFields = []field[TimeoutRule]{
	take("match", conditions(timeoutMatchKeys), func(r *TimeoutRule) *[]Condition { return &r.Match }),
	take("timeout", timeouts, func(r *TimeoutRule) *Timeouts { return &r.Timeouts }),
}

var timeoutPolicyFields = []field[TimeoutPolicy]{
	take("default", timeouts, func(p *TimeoutPolicy) *Timeouts { return &p.Default }),
	take("rules", timeoutRules, func(p *TimeoutPolicy) *[]TimeoutRule { return &p.Rules }),
}

func timeoutRules(d *decoder, n *yaml.Node) ([]TimeoutRule, bool) {
	var out []TimeoutRule
	for _, item := range d.items(n) {
		var rule TimeoutRule
		if !level(d, item, "a rule of timeout_policy", timeoutRuleFields, &rule) {
			continue
		}
		if rule.Timeouts == (Timeouts{}) {
			d.warn(item, "", "this rule of timeout_policy sets no timeout; add timeout: with connect, write, pool, first_byte, first_token, idle or total")
		}
		out = append(out, rule)
	}
	return out, true
}

// endpoints reads request paths and gives them one spelling: "/v1/messages".
func endpoints(d *decoder, n *yaml.Node) ([]string, bool) {
	return listOf(func(d *decoder, n *yaml.Node) (string, bool) {
		s, ok := text(d, n)
		if s == "" {
			return s, ok
		}
		return "/" + strings.Trim(s, "/"), ok
	})(d, n)
}
