// Package gemini is Google's generateContent format, of AI Studio and of Vertex, in both directions.
package gemini

import (
	"math"
	"strconv"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// Format is the generateContent format. The zero value is AI Studio's v1beta. The model and whether to stream stand in
// the address and not in the body: who decodes a request sets Model and Stream of the result.
type Format struct {
	// Vertex is for Google Cloud: it takes addresses of files, has a smaller limit for the output, and shows the
	// thoughts of 2.5 models unasked, as uni-api does.
	Vertex bool
	// NoSystemInstruction is for addresses without v1beta, where instructions must stand in the first user message.
	NoSystemInstruction bool
	// Array makes streams for clients one JSON array, for those that ask without alt=sse. Decoding takes both forms
	// anyway.
	Array bool
}

var _ codec.Format = Format{}

const (
	formatName = "gemini"
	provider   = "google" // in codec.Signature
)

// Name implements codec.Format.
func (Format) Name() string { return formatName }

// Properties implements codec.Format. Google's SDKs break on comments among events, and an array has no place for them.
func (f Format) Properties() *codec.Properties {
	switch {
	case f.Vertex && f.Array:
		return &vertexArray
	case f.Vertex:
		return &vertex
	case f.Array:
		return &array
	}
	return &described
}

var (
	vertex      = at("vertex", described)
	array       = inArray(described)
	vertexArray = inArray(vertex)
)

func at(place string, p codec.Properties) codec.Properties {
	p.Place = place
	return p
}

func inArray(p codec.Properties) codec.Properties {
	p.StreamType = contentTypeJSON
	return p
}

var (
	described                      = codec.Properties{Rules: capability.Gemini, Added: []string{"safetySettings"}, Count: "totalTokens", Addressed: true, Bounds: bounds, KeyQuery: "key", Tiers: []string{"serviceTier", codec.ServiceTier}, TierLine: "X-Gemini-Service-Tier"}
	contentTypeJSON                = []byte("application/json")
	_               codec.URLTaker = Format{}

	// Google takes names in either spelling, and so does the reader.
	bounds = &codec.Bounds{
		Answer: []string{"generationConfig.maxOutputTokens", "generationConfig.max_output_tokens", "generation_config.maxOutputTokens", "generation_config.max_output_tokens"},
		Thinking: []string{
			"generationConfig.thinkingConfig.thinkingBudget", "generationConfig.thinking_config.thinking_budget",
			"generationConfig.thinkingConfig.thinking_budget", "generationConfig.thinking_config.thinkingBudget",
			"generation_config.thinkingConfig.thinkingBudget", "generation_config.thinking_config.thinking_budget",
			"generation_config.thinkingConfig.thinking_budget", "generation_config.thinking_config.thinkingBudget",
		},
		Answers:  []string{"generationConfig.candidateCount", "generationConfig.candidate_count", "generation_config.candidateCount", "generation_config.candidate_count"},
		Searches: codec.Searches{Named: []string{"googleSearch", "google_search", "googleSearchRetrieval", "google_search_retrieval"}, Maps: []string{"googleMaps", "google_maps"}},
		Beyond: codec.Beyond{
			Members: []string{"cachedContent", "cached_content"}, Within: []string{"fileData", "file_data", "audio*", "video*", "*pdf"},
			Client: []string{"functionDeclarations", "function_declarations", "computerUse", "computer_use"}, Named: true,
		},
	}
)

// reader reads a request of this format.
type reader struct{ fields.Reader }

func (r *reader) texts(v rawjson.Value, path string) []string {
	if !r.Want(v, rawjson.Array, path) {
		return nil
	}
	list := []string{}
	for it := v.Elements(r.Data); it.Next(); {
		list = append(list, r.Text(it.Value, path))
	}
	return list
}

// integer takes 4096, 4096.0, and "4096", which is how Google's own JSON writes 64-bit numbers.
func (r *reader) integer(v rawjson.Value, path string) *int64 {
	if !v.Present() {
		return nil
	}
	word := string(v.Raw(r.Data))
	if v.Kind == rawjson.String {
		word = r.Text(v, path)
	}
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(word, 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			r.Fail(path, "must be a whole number")
			return nil
		}
		n = int64(f)
	}
	return &n
}

// camel is a member's name as Google writes it. Its parser takes top_p as well as topP, and so must ours.
func camel(name string) string { return fields.Camel(name) }

// member returns the member with that name, in either spelling.
func member(data []byte, v rawjson.Value, name string) rawjson.Value {
	var found rawjson.Value
	for it := v.Members(data); it.Next(); {
		if camel(it.Name()) == name {
			found = it.Value
		}
	}
	return found
}

func appendTexts(dst []byte, name string, list []string) []byte {
	dst = append(rawjson.Key(dst, name), '[')
	for _, s := range list {
		dst = rawjson.AppendString(rawjson.Comma(dst), s)
	}
	return append(dst, ']')
}

// finishes are Google's reasons. What is not here is an end like any other.
var finishes = map[string]codec.FinishReason{
	"MAX_TOKENS": codec.FinishLength,

	"SAFETY": codec.FinishFilter, "RECITATION": codec.FinishFilter, "BLOCKLIST": codec.FinishFilter, "PROHIBITED_CONTENT": codec.FinishFilter,
	"SPII": codec.FinishFilter, "LANGUAGE": codec.FinishFilter, "IMAGE_SAFETY": codec.FinishFilter, "IMAGE_RECITATION": codec.FinishFilter,
	"IMAGE_PROHIBITED_CONTENT": codec.FinishFilter, "MODEL_ARMOR": codec.FinishFilter,

	"MALFORMED_FUNCTION_CALL": codec.FinishError, "UNEXPECTED_TOOL_CALL": codec.FinishError, "TOO_MANY_TOOL_CALLS": codec.FinishError,
	"MALFORMED_RESPONSE": codec.FinishError, "MISSING_THOUGHT_SIGNATURE": codec.FinishError, "NO_IMAGE": codec.FinishError,
	"IMAGE_OTHER": codec.FinishError,
}

// finishOf reads a finishReason; calls is whether the answer has tool calls, for which Google has no reason of its own.
func finishOf(word string, calls bool) codec.Finish {
	f := codec.Finish{Native: word, Reason: finishes[word]}
	if f.Reason == codec.FinishNone {
		f.Reason = codec.FinishStop
		if calls {
			f.Reason = codec.FinishToolCalls
		}
	}
	return f
}

// finishWord is the finishReason for a client.
func finishWord(f codec.Finish) string {
	if finishes[f.Native] == f.Reason && f.Native != "" {
		return f.Native
	}
	switch f.Reason {
	case codec.FinishLength:
		return "MAX_TOKENS"
	case codec.FinishFilter:
		return "SAFETY"
	case codec.FinishError:
		return "OTHER"
	}
	return "STOP"
}
