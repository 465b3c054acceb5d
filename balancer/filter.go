package balancer

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// Attributes are what filters and timeouts may ask about a request. They hold for all of its attempts.
type Attributes struct {
	Endpoint     string // the request's path: "/v1/chat/completions"
	Method       string // "POST"
	Model        string // as the client asked for it
	Role         string // of the API key
	Effort       string // reasoning_effort, or reasoning.effort; "" = not given
	Stream       bool
	Compaction   bool  // an agent asks to compact its conversation
	BodyBytes    int64 // of the body as it came, inflated
	PromptTokens int64 // estimated: the characters of all that it says, by four

	Client netip.Addr // where it comes from, for keys in the place of channels; whoever explains knows none

	Need limit.Need // what it may take of quotas, estimated; nothing where there are none

	Conversation uint64 // what requests that should meet the same cache have in common; 0 is nothing
}

// Destination is what filters and timeouts may ask about where an attempt goes.
type Destination struct {
	Provider, Engine string
	Upstream         string // model name there
}

// compactionType is the only request type there is.
const compactionType = "compaction"

func (f *Attributes) requestType() string {
	if f.Compaction {
		return compactionType
	}
	return ""
}

// Cause says which filter left a channel out. The greatest cause of a route's channels is the one to tell the client
// when all were left out, as the filters work one after the other.
type Cause int

// The causes, in the order of the filters.
const (
	NotExcluded Cause = iota
	EndpointExcluded
	TypeExcluded
	RuleExcluded
	BodyTooLarge
	PromptTooLong
)

// TooLarge is the message of the 413 for a request that is too large for every channel of its model. False for other
// causes: then no channel is meant for such a request.
func (c Cause) TooLarge(model string) (string, bool) {
	switch c {
	case BodyTooLarge:
		return "The request body is too large for all available providers: " + model, true
	case PromptTooLong:
		return "The request body is too long, No available providers at the moment: " + model, true
	}
	return "", false
}

// Exclusion is why a channel is left out.
type Exclusion struct {
	Cause  Cause
	Reason string // for explain and logs: names the setting
}

// Filter keeps requests away from the channels of one provider. Nil excludes nothing.
type Filter struct {
	endpoints []string
	types     []string
	only      []string
	rules     []excludeRule
	maxBody   int64
	bodyText  string
	tpr       map[string]tokenLimit // by upstream model
}

type excludeRule struct {
	match  []condition
	reason string
}

type tokenLimit struct {
	tokens int64
	reason string
}

// NewFilter compiles the exclusions of a provider that has these models. It is nil if there are none.
func NewFilter(p *config.Provider, models []config.Model) *Filter {
	f := &Filter{
		types: p.ExcludeRequestTypes, only: p.OnlyRequestTypes,
		maxBody: p.Preferences.MaxRequestBody,
	}
	for _, endpoint := range p.ExcludeEndpoints {
		f.endpoints = append(f.endpoints, trimEndpoint(endpoint))
	}
	for _, r := range p.ExcludeRules {
		if match := compileMatch(r.Match); match != nil {
			reason := "exclude_request_rules: " + cmp.Or(r.Reason, describeMatch(r.Match))
			f.rules = append(f.rules, excludeRule{match, reason})
		}
	}
	if f.maxBody > 0 {
		f.bodyText = "max_request_body_bytes: the body is larger than " + strconv.FormatInt(f.maxBody, 10) + " bytes"
	}
	for _, m := range models {
		most := limit.Of(p.Preferences.KeyRateLimit, m.Upstream).TokensPerRequest
		if most == 0 {
			continue
		}
		if f.tpr == nil {
			f.tpr = make(map[string]tokenLimit)
		}
		f.tpr[m.Upstream] = tokenLimit{most, "api_key_rate_limit: the prompt is longer than " + strconv.FormatInt(most, 10) + " tokens per request (tpr)"}
	}
	if len(f.endpoints)+len(f.types)+len(f.only)+len(f.rules)+len(f.tpr) == 0 && f.maxBody == 0 {
		return nil
	}
	return f
}

// Needs says which attributes the filter looks at that cost reading the body.
func (f *Filter) Needs() (effort, compaction, promptTokens bool) {
	if f == nil {
		return false, false, false
	}
	for _, r := range f.rules {
		e, c := matchNeeds(r.match)
		effort, compaction = effort || e, compaction || c
	}
	return effort, compaction || len(f.types)+len(f.only) > 0, f.tpr != nil
}

// Exclude says whether a request is to be kept from a channel, and why. It does not allocate.
func (f *Filter) Exclude(attributes *Attributes, channel Destination) (Exclusion, bool) {
	if f == nil {
		return Exclusion{}, false
	}
	for _, endpoint := range f.endpoints {
		if endpoint == trimEndpoint(attributes.Endpoint) {
			return Exclusion{EndpointExcluded, "exclude_endpoints has this endpoint"}, true
		}
	}
	kind := attributes.requestType()
	for _, t := range f.types {
		if t == kind {
			return Exclusion{TypeExcluded, "exclude_request_types has this type of request"}, true
		}
	}
	if len(f.only) > 0 && !slices.Contains(f.only, kind) {
		return Exclusion{TypeExcluded, "only_request_types does not have this type of request"}, true
	}
	for i := range f.rules {
		if holds(f.rules[i].match, attributes, channel) {
			return Exclusion{RuleExcluded, f.rules[i].reason}, true
		}
	}
	if f.maxBody > 0 && attributes.BodyBytes > f.maxBody {
		return Exclusion{BodyTooLarge, f.bodyText}, true
	}
	if limit, limited := f.tpr[channel.Upstream]; limited && attributes.PromptTokens > limit.tokens {
		return Exclusion{PromptTooLong, limit.reason}, true
	}
	return Exclusion{}, false
}

// trimEndpoint is a path without the slashes around it, which is how paths are compared.
func trimEndpoint(path string) string { return strings.Trim(path, "/") }

// TimeoutPolicy finds the timeouts of an attempt at one provider. Nil sets none.
type TimeoutPolicy struct {
	defaults config.Timeouts // the provider's over the global ones
	global   []timeoutRule
	provider []timeoutRule
}

type timeoutRule struct {
	match    []condition
	timeouts config.Timeouts
}

// NewTimeoutPolicy compiles the global policy and that of a provider. It is nil if both are empty.
func NewTimeoutPolicy(global, provider config.TimeoutPolicy) *TimeoutPolicy {
	p := &TimeoutPolicy{
		defaults: overlay(global.Default, provider.Default),
		global:   compileTimeouts(global.Rules),
		provider: compileTimeouts(provider.Rules),
	}
	if p.defaults == (config.Timeouts{}) && len(p.global)+len(p.provider) == 0 {
		return nil
	}
	return p
}

func compileTimeouts(rules []config.TimeoutRule) []timeoutRule {
	var out []timeoutRule
	for _, r := range rules {
		if match := compileMatch(r.Match); match != nil {
			out = append(out, timeoutRule{match, r.Timeouts})
		}
	}
	return out
}

// Needs says which attributes the policy looks at that cost reading the body.
func (p *TimeoutPolicy) Needs() (compaction bool) {
	if p == nil {
		return false
	}
	for _, rules := range [...][]timeoutRule{p.global, p.provider} {
		for _, r := range rules {
			_, c := matchNeeds(r.match)
			compaction = compaction || c
		}
	}
	return compaction
}

// Find returns the timeouts of an attempt: the global default, over it the provider's, the best global rule and the
// best rule of the provider, phase by phase. A phase that nobody sets is nil; 0 is no limit. It does not allocate.
func (p *TimeoutPolicy) Find(attributes *Attributes, channel Destination) config.Timeouts {
	if p == nil {
		return config.Timeouts{}
	}
	return overlay(overlay(p.defaults, best(p.global, attributes, channel)), best(p.provider, attributes, channel))
}

// best returns the timeouts of the rule with the most conditions that all hold, of the first of such rules.
func best(rules []timeoutRule, attributes *Attributes, channel Destination) config.Timeouts {
	var found config.Timeouts
	most := 0
	for i := range rules {
		if r := &rules[i]; len(r.match) > most && holds(r.match, attributes, channel) {
			most, found = len(r.match), r.timeouts
		}
	}
	return found
}

func overlay(t, over config.Timeouts) config.Timeouts {
	return config.Timeouts{
		Connect:   cmp.Or(over.Connect, t.Connect),
		Write:     cmp.Or(over.Write, t.Write),
		Pool:      cmp.Or(over.Pool, t.Pool),
		FirstByte: cmp.Or(over.FirstByte, t.FirstByte),

		FirstToken: cmp.Or(over.FirstToken, t.FirstToken),

		Idle:  cmp.Or(over.Idle, t.Idle),
		Total: cmp.Or(over.Total, t.Total),
	}
}
