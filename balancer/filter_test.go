package balancer

import (
	"strings"
	"testing"
	"time"

	"uniapi/config"
)

func match(pairs ...string) []config.Condition {
	var out []config.Condition
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, config.Condition{Field: pairs[i], Values: strings.Split(pairs[i+1], "|")})
	}
	return out
}

func TestFiltersLeaveOutWhatTheyName(t *testing.T) {
	chat := Attributes{Endpoint: "/v1/chat/completions", Method: "POST", Model: "GPT-5", Effort: "high", BodyBytes: 1000, PromptTokens: 250}
	compact := Attributes{Endpoint: "/v1/responses/compact", Model: "gpt-5", Compaction: true}
	tokens := func(n int64) config.ProviderPreferences {
		var p config.ProviderPreferences
		p.KeyRateLimit.Set("gpt-5-2025", config.RateLimit{TokensPerRequest: n})
		p.KeyRateLimit.Set("default", config.RateLimit{TokensPerRequest: 1})
		return p
	}
	rules := func(r ...[]config.Condition) config.Provider {
		var p config.Provider
		for _, m := range r {
			p.ExcludeRules = append(p.ExcludeRules, config.ExcludeRule{Match: m})
		}
		return p
	}
	for _, c := range []struct {
		name       string
		provider   config.Provider
		attributes Attributes
		want       Cause
	}{
		{"nothing is set", config.Provider{}, chat, NotExcluded},
		{"the endpoint", config.Provider{ExcludeEndpoints: []string{"/v1/chat/completions"}}, chat, EndpointExcluded},
		{"the endpoint, with a slash at the end", config.Provider{ExcludeEndpoints: []string{"v1/chat/completions/"}}, chat, EndpointExcluded},
		{"only the start of the endpoint", config.Provider{ExcludeEndpoints: []string{"/v1/chat"}}, chat, NotExcluded},
		{"a type it is not", config.Provider{ExcludeRequestTypes: []string{"compaction"}}, chat, NotExcluded},
		{"the type it is", config.Provider{ExcludeRequestTypes: []string{"compaction"}}, compact, TypeExcluded},
		{"only another type", config.Provider{OnlyRequestTypes: []string{"compaction"}}, chat, TypeExcluded},
		{"only its type", config.Provider{OnlyRequestTypes: []string{"compaction"}}, compact, NotExcluded},
		{"a rule on the request model, any case", rules(match("request_model", "gpt-5")), chat, RuleExcluded},
		{"a rule on the upstream model, by prefix", rules(match("upstream_model", "gpt-5-*")), chat, RuleExcluded},
		{"a rule with one of several values", rules(match("reasoning_effort", "low|high")), chat, RuleExcluded},
		{"a rule with none of its values", rules(match("reasoning_effort", "low|medium")), chat, NotExcluded},
		{"a rule of which one condition fails", rules(match("reasoning_effort", "high", "endpoint", "/v1/responses")), chat, NotExcluded},
		{"a star fits anything", rules(match("reasoning_effort", "*")), chat, RuleExcluded},
		{"a star does not fit nothing", rules(match("reasoning_effort", "*")), compact, NotExcluded},
		{"an endpoint by prefix", rules(match("endpoint", "/v1/chat/*")), chat, RuleExcluded},
		{"the prefix of an endpoint ends at its slash", rules(match("endpoint", "/v1/chat/completions/*")), chat, NotExcluded},
		{"a rule on the request type", rules(match("request_type", "compaction")), compact, RuleExcluded},
		{"a rule on an unknown field never holds", rules(match("colour", "*", "request_model", "gpt-5")), chat, NotExcluded},
		{"a rule without conditions never holds", rules(match()), chat, NotExcluded},
		{"the second rule", rules(match("request_model", "x"), match("request_model", "GPT*")), chat, RuleExcluded},
		{"a body of the allowed size", config.Provider{Preferences: config.ProviderPreferences{MaxRequestBody: 1000}}, chat, NotExcluded},
		{"a body that is larger", config.Provider{Preferences: config.ProviderPreferences{MaxRequestBody: 999}}, chat, BodyTooLarge},
		{"a prompt of the allowed length", config.Provider{Preferences: tokens(250)}, chat, NotExcluded},
		{"a prompt that is longer", config.Provider{Preferences: tokens(249)}, chat, PromptTooLong},
		{"the first filter is told", config.Provider{ExcludeEndpoints: []string{"/v1/chat/completions"}, Preferences: tokens(2)}, chat, EndpointExcluded},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := NewFilter(&c.provider, []config.Model{{Upstream: "gpt-5-2025", Alias: "gpt-5"}})
			got, out := f.Exclude(&c.attributes, Destination{Provider: "p", Upstream: "gpt-5-2025"})
			if got.Cause != c.want || out != (c.want != NotExcluded) || out != (got.Reason != "") {
				t.Errorf("got %v %+v, want %v", out, got, c.want)
			}
		})
	}
}

func TestProviderWithoutExclusionsHasNoFilter(t *testing.T) {
	p := config.Provider{Preferences: config.ProviderPreferences{KeySchedule: "random"}}
	p.Preferences.KeyRateLimit.Set("default", config.RateLimit{Limits: []config.Limit{{Count: 1, Window: time.Second}}})
	p.ExcludeRules = []config.ExcludeRule{{Reason: "never holds"}}
	if f := NewFilter(&p, []config.Model{{Upstream: "m", Alias: "m"}}); f != nil {
		t.Errorf("got %+v", f)
	}
}

func TestReasonsNameTheSetting(t *testing.T) {
	p := config.Provider{ExcludeRules: []config.ExcludeRule{
		{Match: match("request_model", "a"), Reason: "too dear"},
		{Match: match("request_model", "b|c", "reasoning_effort", "high")},
	}}
	p.Preferences.MaxRequestBody = 20_000_000
	f := NewFilter(&p, nil)
	for _, c := range []struct {
		attributes Attributes
		want       string
	}{
		{Attributes{Model: "a"}, "exclude_request_rules: too dear"},
		{Attributes{Model: "c", Effort: "high"}, "exclude_request_rules: request_model is b or c, reasoning_effort is high"},
		{Attributes{BodyBytes: 20_000_001}, "max_request_body_bytes: the body is larger than 20000000 bytes"},
	} {
		if got, _ := f.Exclude(&c.attributes, Destination{}); got.Reason != c.want {
			t.Errorf("got %q, want %q", got.Reason, c.want)
		}
	}
}

func TestOnlySizesMakeA413(t *testing.T) {
	for cause, want := range map[Cause]string{
		BodyTooLarge:     "The request body is too large for all available providers: m",
		PromptTooLong:    "The request body is too long, No available providers at the moment: m",
		RuleExcluded:     "",
		TypeExcluded:     "",
		EndpointExcluded: "",
	} {
		if got, tooLarge := cause.TooLarge("m"); got != want || tooLarge != (want != "") {
			t.Errorf("cause %d: %q %v", cause, got, tooLarge)
		}
	}
}

func TestOnlyWhatIsAskedNeedsTheBody(t *testing.T) {
	var limited config.Provider
	limited.Preferences.KeyRateLimit.Set("default", config.RateLimit{TokensPerRequest: 5})
	for _, c := range []struct {
		name                       string
		provider                   config.Provider
		effort, compaction, prompt bool
	}{
		{"nothing", config.Provider{}, false, false, false},
		{"an endpoint", config.Provider{ExcludeEndpoints: []string{"/v1/x"}}, false, false, false},
		{"a type", config.Provider{OnlyRequestTypes: []string{"compaction"}}, false, true, false},
		{"an effort", config.Provider{ExcludeRules: []config.ExcludeRule{{Match: match("reasoning_effort", "high")}}}, true, false, false},
		{"tokens", limited, false, false, true},
	} {
		effort, compaction, prompt := NewFilter(&c.provider, []config.Model{{Upstream: "m", Alias: "m"}}).Needs()
		if effort != c.effort || compaction != c.compaction || prompt != c.prompt {
			t.Errorf("%s: got %v %v %v", c.name, effort, compaction, prompt)
		}
	}
}

// first is a policy entry that sets the first byte, and idle that sets silence.
func first(d time.Duration) config.Timeouts { return config.Timeouts{FirstByte: &d} }
func idle(d time.Duration) config.Timeouts  { return config.Timeouts{Idle: &d} }

func TestTimeoutPolicyGoesFromTheGeneralToTheParticular(t *testing.T) {
	attributes := Attributes{Endpoint: "/v1/chat/completions", Method: "POST", Model: "alias", Role: "team", Stream: true}
	channel := Destination{Provider: "p", Engine: "gpt", Upstream: "up-model"}
	rule := func(t config.Timeouts, pairs ...string) config.TimeoutRule {
		return config.TimeoutRule{Match: match(pairs...), Timeouts: t}
	}
	policy := func(d config.Timeouts, rules ...config.TimeoutRule) config.TimeoutPolicy {
		return config.TimeoutPolicy{Default: d, Rules: rules}
	}
	none := config.Timeouts{}
	for _, c := range []struct {
		name        string
		global, own config.TimeoutPolicy
		first, idle time.Duration // -1: not set
	}{
		{"nothing", policy(none), policy(none), -1, -1},
		{"the global default", policy(first(1)), policy(none), 1, -1},
		{"the provider's default over it", policy(first(1)), policy(first(2)), 2, -1},
		{"phases are laid over each other one by one", policy(first(1)), policy(idle(2)), 1, 2},
		{"a global rule over the provider's default", policy(none, rule(first(3), "stream", "true")), policy(first(2)), 3, -1},
		{"a provider's rule over all", policy(first(1), rule(first(3), "stream", "true")), policy(first(2), rule(first(4), "engine", "GPT")), 4, -1},
		{"the rule with more conditions", policy(none, rule(first(1), "stream", "true"), rule(first(2), "method", "post", "role", "te*")), policy(none), 2, -1},
		{"the first of equals", policy(none, rule(first(1), "stream", "true"), rule(first(2), "method", "post")), policy(none), 1, -1},
		{"only the best rule of a level", policy(none, rule(idle(1), "stream", "true"), rule(first(2), "method", "post", "role", "team")), policy(none), 2, -1},
		{"a rule that does not hold", policy(none, rule(first(1), "stream", "false")), policy(none), -1, -1},
		{"either name is the model", policy(none, rule(first(1), "model", "up-model")), policy(none, rule(idle(2), "model", "alias")), 1, 2},
		{"each name by its own", policy(none, rule(first(1), "request_model", "up-model")), policy(none, rule(idle(2), "upstream_model", "up-*")), -1, 2},
		{"the provider's name", policy(none, rule(first(1), "provider", "q|p")), policy(none), 1, -1},
		{"0 is no limit and no absence", policy(first(1)), policy(first(0)), 0, -1},
		{"a rule without conditions never holds", policy(first(1), rule(first(2))), policy(none), 1, -1},
		{"the type of request", policy(first(1), rule(first(2), "request_type", "*")), policy(none), 1, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := NewTimeoutPolicy(c.global, c.own).Find(&attributes, channel)
			for _, phase := range []struct {
				name string
				got  *time.Duration
				want time.Duration
			}{{"first byte", got.FirstByte, c.first}, {"idle", got.Idle, c.idle}, {"total", got.Total, -1}} {
				if set := phase.got != nil; set != (phase.want >= 0) || set && *phase.got != phase.want {
					t.Errorf("%s: got %v, want %v", phase.name, phase.got, phase.want)
				}
			}
		})
	}
}

func BenchmarkExclude(b *testing.B) {
	p := config.Provider{
		ExcludeEndpoints: []string{"/v1/images/generations"},
		ExcludeRules:     []config.ExcludeRule{{Match: match("request_model", "claude-*", "reasoning_effort", "high|xhigh")}},
	}
	p.Preferences.MaxRequestBody = 20_000_000
	p.Preferences.KeyRateLimit.Set("default", config.RateLimit{TokensPerRequest: 100_000})
	filter := NewFilter(&p, []config.Model{{Upstream: "gpt-5-2025", Alias: "gpt-5"}})
	attributes := Attributes{Endpoint: "/v1/chat/completions", Model: "claude-4", BodyBytes: 1000, PromptTokens: 250}
	channel := Destination{Provider: "p", Engine: "gpt", Upstream: "gpt-5-2025"}
	b.Run("filters", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, out := filter.Exclude(&attributes, channel); out {
				b.Fatal("left out")
			}
		}
	})
	b.Run("no filters", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			(*Filter)(nil).Exclude(&attributes, channel)
		}
	})
	policy := NewTimeoutPolicy(config.TimeoutPolicy{Default: first(1), Rules: []config.TimeoutRule{{Match: match("model", "gpt-5*", "stream", "true"), Timeouts: first(2)}}},
		config.TimeoutPolicy{Default: idle(3)})
	b.Run("timeouts", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			policy.Find(&attributes, channel)
		}
	})
}
