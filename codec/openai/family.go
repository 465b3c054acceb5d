package openai

import (
	"regexp"
	"slices"
	"strings"

	"uniapi/codec/alias"
)

// family is a kind of upstream that speaks the chat format with an accent of its own.
type family struct {
	hosts []string // ends of host names
	// official is OpenAI itself, or Azure's copy of it.
	official bool
	// limit is the one name under which the length of the answer is limited; "" takes either.
	limit  string
	system bool              // there is no role "developer"
	drop   []string          // members that are refused
	rename map[string]string // members that have another name
	single bool              // more than one answer is refused
	// choice are words of tool_choice that have another, and named is the word for a tool by its name; "" takes it.
	choice map[string]string
	named  string
	// unsaid are members of messages that are refused, most of them because they are none of a request but of an answer, which clients
	// send back.
	unsaid []string
	// thoughts is the name under which earlier thinking is taken back; "" takes reasoning_content, and "-" takes none.
	thoughts string
	// echo wants earlier thinking back with the calls that it led to, be it empty.
	echo bool
	// plain are beginnings of the names of models that do not think, for which choice, named and echo do not hold.
	plain []string
	// callID is the exact length of ids of calls; 0 is up to maxCallID.
	callID int
	// models are those that are asked in another way here than elsewhere.
	models []generation
}

const (
	maxCallID     = 64
	maxTokens     = "max_tokens"
	maxCompletion = "max_completion_tokens"
)

// answered are the members of answers' messages that strict servers refuse in a request's.
var answered = []string{"refusal", "annotations", "audio", "images", "thinking_blocks", "reasoning_details", "cache_control"}

// ossEfforts are those of gpt-oss, which always thinks.
var ossEfforts = generation{name: named(`gpt-oss`), words: map[string]string{"none": "low", "minimal": "low", "xhigh": "high", "max": "high"}}

// families in the order in which they are tried. Hosts that are not here are people's own servers and resellers, about which nothing is
// known: to them everything goes as the client wrote it.
var families = []family{
	{hosts: []string{"api.openai.com", "openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"}, official: true, drop: []string{"top_k"},
		models: []generation{{name: named(`(?:ft:)?(?:gpt-3\.5|gpt-4|gpt-4o|gpt-4\.1|gpt-4\.5)`), drop: []string{"reasoning_effort"}}}},
	// xAI tells what a stream cost without being asked.
	{hosts: []string{"api.x.ai"}, system: true, drop: []string{"stream_options", "presence_penalty", "frequency_penalty"}, models: []generation{
		{name: named(`grok-3-mini`), drop: []string{"stop"}, words: map[string]string{"none": "low", "minimal": "low", "medium": "high", "xhigh": "high", "max": "high"}},
		{name: regexp.MustCompile(`non-reasoning`)},
		{name: named(`grok-(?:[4-9]|code).*`), drop: []string{"stop"}},
	}},
	// Mistral answers 422 to every member that it does not know.
	{hosts: []string{"api.mistral.ai"}, limit: maxTokens, system: true, callID: 9, thoughts: "-", unsaid: answered,
		rename: map[string]string{"seed": "random_seed"}, choice: map[string]string{"required": "any"},
		drop: []string{"stream_options", "user", "logprobs", "top_logprobs", "logit_bias", "service_tier", "store", "metadata", "verbosity",
			"modalities", "audio", "top_k", "thinking", "reasoning", "web_search_options", "prompt_cache_key", "prompt_cache_retention",
			"safety_identifier"}},
	{hosts: []string{"api.groq.com"}, system: true, thoughts: "reasoning", single: true, unsaid: append(slices.Clone(answered), "name"),
		drop: []string{"logprobs", "top_logprobs", "logit_bias", "top_k"}, models: []generation{ossEfforts}},
	{hosts: []string{"api.cerebras.ai"}, system: true, thoughts: "reasoning", unsaid: answered,
		drop: []string{"frequency_penalty", "presence_penalty", "logit_bias", "top_k"}, models: []generation{ossEfforts}},
	{hosts: []string{"api.deepseek.com"}, limit: maxTokens, system: true, choice: map[string]string{"required": "auto"}, named: "auto",
		echo: true, plain: []string{"deepseek-chat"}},
	{hosts: []string{"api.perplexity.ai"}, limit: maxTokens, system: true, drop: []string{"tools", "tool_choice", "parallel_tool_calls"}},
	{hosts: []string{"api.z.ai", "open.bigmodel.cn"}, limit: maxTokens, system: true, choice: map[string]string{"required": "auto"}, named: "auto"},
	{hosts: []string{"api.moonshot.ai", "api.moonshot.cn"}, limit: maxTokens, system: true, echo: true,
		plain: []string{"moonshot-", "kimi-k2-0", "kimi-k2-turbo", "kimi-latest"}},
	{hosts: []string{"api.together.xyz", "api.together.ai", "api.fireworks.ai", "router.huggingface.co", "dashscope.aliyuncs.com",
		"dashscope-intl.aliyuncs.com", "api.minimaxi.com", "api.siliconflow.cn"}, limit: maxTokens, system: true},
}

// generation is how models of a name are asked.
type generation struct {
	name *regexp.Regexp
	// always thinks, or byDefault does unless it is told not to: then sampling cannot be set.
	always, byDefault bool
	// words are efforts that are not taken, with those that stand for them.
	words map[string]string
	// noSystem takes neither a system's nor a developer's words; preface begins them.
	noSystem bool
	preface  string
	drop     []string // members that are refused
	// toolsAwake cannot think and have tools at once in this format.
	toolsAwake bool
}

// named is the pattern for names that begin so, and then end or go on with a variant or a date.
func named(start string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + start + `)(?:[-@:].*)?$`) }

// toolMembers are those that speak of tools, and parallel the one that older models do not know.
var (
	toolMembers = []string{"tools", "tool_choice", "parallel_tool_calls"}
	parallel    = []string{"parallel_tool_calls"}
)

// formatting tells o3-mini, which writes plain text by default, to write markdown; OpenAI's own way to say so.
const formatting = "Formatting re-enabled. "

var (
	toHigh  = map[string]string{"none": "low", "minimal": "low", "xhigh": "high", "max": "high"}
	toXHigh = map[string]string{"none": "low", "minimal": "low", "max": "xhigh"}
)

// thinking are OpenAI's models that do, wherever they are served; the first that matches counts.
var thinking = []generation{
	{name: named(`o1-mini|o1-preview`), always: true, words: toHigh, noSystem: true, drop: toolMembers},
	{name: named(`o1`), always: true, words: toHigh, drop: parallel},
	{name: named(`o3-mini`), always: true, words: toHigh, drop: parallel, preface: formatting},
	{name: named(`o3|o4-mini|o4`), always: true, words: toHigh},
	{name: named(`gpt-5-chat`)},
	{name: named(`gpt-5-pro`), always: true, words: map[string]string{"none": "high", "minimal": "high", "low": "high", "medium": "high", "xhigh": "high", "max": "high"}},
	{name: named(`gpt-5\.\d+-pro`), always: true, words: map[string]string{"none": "medium", "minimal": "medium", "low": "medium", "max": "xhigh"}},
	{name: named(`gpt-5\.\d+-chat`), always: true, words: map[string]string{"none": "medium", "minimal": "medium", "low": "medium", "high": "medium", "xhigh": "medium", "max": "medium"}},
	{name: named(`gpt-5-codex|gpt-5\.1-codex-mini`), always: true, words: toHigh},
	{name: named(`gpt-5\.1-codex-max`), always: true, words: toXHigh},
	{name: named(`gpt-5\.1-codex`), always: true, words: toHigh},
	{name: named(`gpt-5\.\d+-codex`), always: true, words: toXHigh},
	{name: named(`gpt-5`), always: true, words: map[string]string{"none": "minimal", "xhigh": "high", "max": "high"}},
	{name: named(`gpt-5\.1`), words: map[string]string{"minimal": "low", "xhigh": "high", "max": "high"}},
	{name: named(`gpt-5\.[23]`), words: map[string]string{"minimal": "low", "max": "xhigh"}},
	{name: named(`gpt-5\.4`), words: map[string]string{"minimal": "low", "max": "xhigh"}, toolsAwake: true},
	{name: named(`gpt-5\.5`), byDefault: true, words: map[string]string{"minimal": "low", "max": "xhigh"}, toolsAwake: true},
	{name: named(`gpt-5\.\d+`), byDefault: true, words: map[string]string{"minimal": "low"}, toolsAwake: true},
}

// noTools is for the one model of OpenAI's that takes none and does not think.
var noTools = generation{name: named(`chatgpt-4o-latest`), drop: append(slices.Clone(toolMembers), "reasoning_effort")}

// generationOf finds how a model is asked, by its name behind any publisher's; nil for one that is not known.
func generationOf(list []generation, model string) *generation {
	model = strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	for i := range list {
		if list[i].name.MatchString(model) {
			return &list[i]
		}
	}
	return nil
}

// sampling are the members that a model which thinks refuses.
var sampling = []string{"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"}

// Rules are what must be changed in a request for one model of one upstream. They are immutable; nil changes nothing.
type Rules struct {
	family
	generation *generation
	// effort is what the request model's name wishes.
	effort string
	// temperature is the one to use if the client sets none.
	temperature string
	known       bool // the family is
	wakes       bool // the model does not think unless it is told to: family.plain
	idsOnly     bool // of messages nothing but the ids of calls may have to change
}

// RulesFor returns the rules for requests for a model, nil if there are none: then nothing need be read. Request is the name that
// clients use, upstream the provider's, and host that of the provider's address. It is for when a configuration is loaded.
func RulesFor(host, request, upstream string) *Rules {
	r := &Rules{}
	host = strings.ToLower(host)
	for i := range families {
		f := &families[i]
		if slices.ContainsFunc(f.hosts, func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) }) {
			r.family, r.known = *f, true
			break
		}
	}
	low := strings.ToLower(upstream)
	r.wakes = slices.ContainsFunc(r.plain, func(start string) bool { return strings.HasPrefix(low, start) })
	if r.generation = generationOf(thinking, low); r.generation != nil {
		r.limit = maxCompletion
	} else if r.generation = generationOf(r.models, low); r.generation == nil && noTools.name.MatchString(low) {
		r.generation = &noTools
	}
	if r.limit == maxCompletion || strings.Contains(low, "grok-3-mini") || strings.Contains(low, "gpt-oss") {
		r.effort = alias.Read(request, upstream).Effort
	}
	if strings.Contains(low, "deepseek-r") {
		r.temperature = "0.6" // DeepSeek's own advice, which uni-api follows
	}
	g := r.generation
	r.idsOnly = !r.system && !r.echo && r.thoughts == "" && r.callID == 0 && len(r.unsaid) == 0 && (g == nil || !g.noSystem && g.preface == "")
	if !r.known && g == nil && r.effort == "" && r.temperature == "" {
		return nil
	}
	return r
}

// Refuses says whether the upstream takes no member of that name: what the gateway would add itself must then be left out.
func (r *Rules) Refuses(name string) bool {
	return r != nil && (slices.Contains(r.drop, name) || r.generation != nil && slices.Contains(r.generation.drop, name))
}
