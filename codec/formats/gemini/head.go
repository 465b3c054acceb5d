package gemini

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/choice"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// Head is what routing needs to know of a generateContent or countTokens request, whose model stands in the address.
type Head struct {
	// Choosing is whether the request may name other models, or leave the choice to Google: see choice.Names.
	Choosing bool
	// config is the generationConfig; Kind Missing if absent.
	config rawjson.Value
}

const knownTools = 0

// watchedConfig is the place of generationConfig in front.Head.Watched.
const watchedConfig = 0

// knownMembers are those that the gateway reads of a request, in either spelling.
var knownMembers = fields.NewKnown(slices.Concat([]string{
	"tools", "contents", "systemInstruction", "toolConfig", "generationConfig", "model", "serviceTier", "safetySettings", "cachedContent", "labels",
	"thinkingConfig", "imageConfig", "speechConfig", "google", choice.Asked,
}, camels(choice.Members()))...).Camel().
	Inside("generationConfig", fields.NewKnown("temperature", "topP", "topK", "maxOutputTokens", "candidateCount", "stopSequences", "seed",
		"presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs", "responseMimeType", "responseSchema", "responseJsonSchema",
		"responseModalities", "thinkingConfig", choice.Routing).Camel().
		Inside("thinkingConfig", fields.NewKnown("thinkingLevel", "thinkingBudget", "includeThoughts").Camel()).
		Mark(choice.Routing)).
	Inside("toolConfig", fields.NewKnown("functionCallingConfig").Camel().
		Inside("functionCallingConfig", fields.NewKnown("mode", "allowedFunctionNames").Camel())).
	Mark(append(camels(choice.Members()), "model", choice.Asked)...)

var knownConfig = knownMembers.Number("generationConfig")

// camels are names as Google writes them, each once.
func camels(names []string) []string {
	for i, name := range names {
		names[i] = fields.Camel(name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ReadHead looks through a request in one pass, and checks that it is one JSON object in which each member that the
// gateway reads is there once. An error is a *codec.Error with status 400. It does not allocate for names as Google
// writes them.
func ReadHead(body []byte) (Head, error) {
	var h Head
	var seen fields.Seen
	it := rawjson.MembersOf(body)
	for it.Step() {
		n, err := knownMembers.Take(&seen, &it)
		choosing := false
		if err == nil && n == knownTools {
			tools := it.Elements()
			choosing = choice.Hosted(body, &tools, true)
			it.Leave(&tools.Walk)
		} else if err == nil {
			if n == knownConfig {
				h.config = it.Whole()
			}
			choosing, err = knownMembers.Enter(n, body, it.Whole())
		}
		h.Choosing = h.Choosing || choosing
		if err != nil {
			return h, err
		}
	}
	if err := it.Err(); err != nil {
		return h, codec.NotAnObject(err)
	}
	h.Choosing = h.Choosing || seen.Marked
	return h, nil
}
