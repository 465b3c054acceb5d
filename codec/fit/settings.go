package fit

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// settings are what a request may ask for beside its conversation, by the names that formats have for it.
var settings = []struct {
	name string // that clients of chat know
	says func(*codec.Request) bool
	also []string // what other formats call it, or where they say it
}{
	{"temperature", func(q *codec.Request) bool { return q.Temperature != "" }, nil},
	{"top_p", func(q *codec.Request) bool { return q.TopP != "" }, []string{"topP", "p"}},
	{"top_k", func(q *codec.Request) bool { return q.TopK != nil }, []string{"topK", "k"}},
	{"seed", func(q *codec.Request) bool { return q.Seed != "" }, []string{"random_seed"}},
	{"frequency_penalty", func(q *codec.Request) bool { return asksMore(string(q.FrequencyPenalty)) }, []string{"frequencyPenalty"}},
	{"presence_penalty", func(q *codec.Request) bool { return asksMore(string(q.PresencePenalty)) }, []string{"presencePenalty"}},
	{"stop", func(q *codec.Request) bool { return len(q.Stop) > 0 }, []string{"stop_sequences", "stopSequences"}},
	{"n", func(q *codec.Request) bool { return q.N != nil && *q.N > 1 }, []string{"candidateCount"}},
	{"logprobs", func(q *codec.Request) bool { return q.LogProbs != nil && *q.LogProbs }, []string{"responseLogprobs", "top_logprobs", "include"}},
	{"verbosity", func(q *codec.Request) bool { return q.Verbosity != "" }, nil},
	{"modalities", func(q *codec.Request) bool { return len(q.Modalities) > 1 }, []string{"responseModalities"}},
	{"user", func(q *codec.Request) bool { return q.User != "" }, []string{"metadata", "safety_identifier", "prompt_cache_key", "requestMetadata"}},
	{"service_tier", func(q *codec.Request) bool { return q.ServiceTier != "" && q.ServiceTier != "auto" }, []string{"serviceTier", "speed"}},
}

// asksMore says whether a number that 0 leaves as it is says anything.
func asksMore(number string) bool { return strings.Trim(number, "0.-+eE") != "" }

// mostSettings is how many are named: what the format alone knows has the client's names.
const mostSettings = 16

// ownWork are members of which the gateway itself does what they ask for, where the provider does not.
var ownWork = []string{"stream_options", "include"}

// asksNothing are values that say what is so without them.
var asksNothing = []string{"null", "false", "[]", "{}", `"auto"`}

// SettingsLeftOut names what a request asks for beside its conversation and the body that was made of it says nowhere,
// by any name that formats have for it.
func SettingsLeftOut(q *codec.Request, sent []byte) (left []string) {
	names := make(map[string]bool)
	collect(sent, rawjson.MembersOf(sent), names, 3)
	for _, s := range settings {
		if !s.says(q) {
			continue
		}
		said := names[s.name]
		for _, name := range s.also {
			said = said || names[name]
			names[name] = true // where the client has said it is told under the other name
		}
		if !said {
			left = append(left, s.name)
		}
	}
	for i := range q.Extra {
		name, value := q.Extra[i].Name, string(q.Extra[i].Raw)
		if asked := !names[name[strings.LastIndexByte(name, '.')+1:]] && !slices.Contains(ownWork, name) && !slices.Contains(asksNothing, value); asked && len(left) < mostSettings {
			left = append(left, codec.Excerpt(name, 64))
		}
	}
	return left
}

// collect takes the names of members, and of those of objects in them, which is where formats keep settings.
func collect(body []byte, it rawjson.Members, names map[string]bool, deep int) {
	for it.Next() {
		names[strings.Clone(it.Name())] = true
		if it.Value.Kind == rawjson.Object && deep > 1 {
			collect(body, it.Value.Members(body), names, deep-1)
		}
	}
}
