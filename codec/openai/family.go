package openai

import (
	"slices"
	"strings"

	"uniapi/codec/alias"
)

// family is a kind of upstream that speaks the chat format with an accent of its own (wire formats 1.6 and 2).
type family struct {
	hosts []string // ends of host names
	// limit is the one name under which the length of the answer is limited; "" takes either.
	limit string
	// system says that there is no role "developer".
	system bool
	drop   []string          // members that are refused
	rename map[string]string // members that have another name
	choice map[string]string // words of tool_choice that have another
	// thoughts is the name under which earlier thinking is taken back; "" takes reasoning_content.
	thoughts string
	// callID is the exact length of ids of calls; 0 is up to maxCallID.
	callID int
}

const (
	maxCallID     = 64
	maxTokens     = "max_tokens"
	maxCompletion = "max_completion_tokens"
)

// families in the order in which they are tried. Hosts that are not here are people's own servers and resellers, about which nothing is
// known: to them everything goes as the client wrote it.
var families = []family{
	{hosts: []string{"api.openai.com", "openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"}},
	{hosts: []string{"api.x.ai"}, system: true, drop: []string{"stream_options", "presence_penalty", "frequency_penalty"}},
	{hosts: []string{"api.mistral.ai"}, limit: maxTokens, system: true, callID: 9,
		rename: map[string]string{"seed": "random_seed"}, choice: map[string]string{"required": "any"},
		drop: []string{"stream_options", "user", "logprobs", "top_logprobs", "logit_bias", "service_tier", "store", "metadata"}},
	{hosts: []string{"api.groq.com"}, system: true, thoughts: "reasoning", drop: []string{"logprobs", "top_logprobs", "logit_bias"}},
	{hosts: []string{"api.cerebras.ai"}, system: true, thoughts: "reasoning", drop: []string{"frequency_penalty", "presence_penalty", "logit_bias"}},
	{hosts: []string{"api.deepseek.com"}, limit: maxTokens, system: true, choice: map[string]string{"required": "auto"}},
	{hosts: []string{"api.perplexity.ai"}, limit: maxTokens, system: true, drop: []string{"tools", "tool_choice", "parallel_tool_calls"}},
	{hosts: []string{"api.z.ai", "open.bigmodel.cn"}, limit: maxTokens, system: true, choice: map[string]string{"required": "auto"}},
	{hosts: []string{"api.moonshot.ai", "api.moonshot.cn", "api.together.xyz", "api.together.ai", "api.fireworks.ai", "router.huggingface.co",
		"dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "api.minimaxi.com", "api.siliconflow.cn"}, limit: maxTokens, system: true},
}

// generation is how OpenAI's models of a name are asked. The first part that a name begins with counts.
type generation struct {
	part string
	// thinks always, or unless told not to: then sampling cannot be set.
	always, byDefault bool
	// least is the weakest effort that is taken.
	least    string
	noSystem bool // neither a system's nor a developer's words
}

var generations = []generation{
	{part: "o1-mini", always: true, noSystem: true},
	{part: "o1-preview", always: true, noSystem: true},
	{part: "o1", always: true, least: "low"},
	{part: "o3", always: true, least: "low"},
	{part: "o4", always: true, least: "low"},
	{part: "gpt-5-chat", least: ""},
	{part: "gpt-5.6", byDefault: true, least: "none"},
	{part: "gpt-5.5", byDefault: true, least: "none"},
	{part: "gpt-5.1", least: "none"}, {part: "gpt-5.2", least: "none"}, {part: "gpt-5.3", least: "none"}, {part: "gpt-5.4", least: "none"},
	{part: "gpt-5", always: true, least: "minimal"},
}

// generationOf finds how a model is asked, by its name behind any publisher's; nil for one that does not think.
func generationOf(model string) *generation {
	model = strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	for i := range generations {
		if rest, is := strings.CutPrefix(model, generations[i].part); is && (rest == "" || strings.ContainsAny(rest[:1], "-.@:")) {
			return &generations[i]
		}
	}
	return nil
}

// sampling are the members that a model which thinks refuses.
var sampling = []string{"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"}

// Rules are what must be changed in a request for one model of one upstream.
type Rules struct {
	family
	generation *generation
	// effort is what the request model's name wishes (behaviour 8.2).
	effort string
	// temperature is the one to use if the client sets none.
	temperature string
	known       bool // the family is
}

// RulesFor returns the rules for requests for a model, nil if there are none: then nothing need be read. Request is the name that
// clients use, upstream the provider's.
func RulesFor(host, request, upstream string) *Rules {
	r := &Rules{generation: generationOf(upstream)}
	host = strings.ToLower(host)
	for _, f := range families {
		if slices.ContainsFunc(f.hosts, func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) }) {
			r.family, r.known = f, true
			break
		}
	}
	low := strings.ToLower(upstream)
	if r.generation != nil || strings.Contains(low, "grok-3-mini") || strings.Contains(low, "gpt-oss") {
		r.effort = alias.Read(request, upstream).Effort
	}
	if strings.Contains(low, "deepseek-r") {
		r.temperature = "0.6" // DeepSeek's own advice, which uni-api follows
	}
	if r.generation != nil {
		r.limit = maxCompletion
	}
	if !r.known && r.generation == nil && r.effort == "" && r.temperature == "" {
		return nil
	}
	return r
}
