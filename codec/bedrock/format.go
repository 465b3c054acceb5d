// Package bedrock is Amazon Bedrock's two ways to a model: Converse, one format for all of them, and InvokeModel for Claude, which takes
// Anthropic's own.
package bedrock

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/anthropic"
	"uniapi/codec/turns"
)

// Format is Converse and ConverseStream. The model and whether to stream stand in the address and not in the body: who decodes a
// request sets Model and Stream of the result.
type Format struct{}

var _ codec.Format = Format{}

const formatName = "bedrock"

// Name implements codec.Format.
func (Format) Name() string { return formatName }

// signer is whose reasoning comes with a signature: Claude's is the only one.
const signer = "anthropic"

// abilities is what a family of models takes through Converse; what it does not take it answers with 400.
type abilities struct {
	noSystem bool // instructions must stand in the first user message
	force    bool // toolChoice any
	name     bool // toolChoice tool
	cache    bool // cachePoint
	// cacheTools is a cachePoint behind tools too.
	cacheTools bool
	schema     bool // outputConfig
	signed     bool // reasoning is taken back
	// effort writes reasoning effort: "" for none, else the member of additionalModelRequestFields.
	effort string
	// topK is the member that top_k goes to.
	topK string
}

// families are known by a part of the model's id. The first that is in it counts.
var families = []struct {
	part string
	can  abilities
}{
	{"claude", abilities{force: true, name: true, cache: true, cacheTools: true, schema: true, signed: true, topK: "top_k"}},
	{"amazon.nova-2", abilities{force: true, name: true, cache: true, effort: "reasoningConfig", topK: "inferenceConfig"}},
	{"amazon.nova", abilities{force: true, name: true, cache: true, topK: "inferenceConfig"}},
	{"amazon.titan", abilities{noSystem: true}},
	{"openai.gpt-oss", abilities{force: true, name: true, schema: true, effort: "reasoning_effort"}},
	{"deepseek", abilities{schema: true, effort: "reasoning_effort"}},
	{"qwen", abilities{force: true, name: true, schema: true, effort: "reasoning_effort", topK: "top_k"}},
	{"mistral.mistral-7b", abilities{noSystem: true, topK: "top_k"}},
	{"mistral.mixtral", abilities{noSystem: true, topK: "top_k"}},
	{"mistral", abilities{force: true, schema: true, topK: "top_k"}},
	{"meta.llama", abilities{}},
	{"ai21.j2", abilities{noSystem: true}},
	{"ai21", abilities{}},
	{"cohere.command-text", abilities{noSystem: true}},
	{"cohere.command-light", abilities{noSystem: true}},
	{"cohere", abilities{topK: "k"}},
}

// unknownFamily is for ids that do not tell, such as that of an inference profile.
var unknownFamily = abilities{force: true, name: true, schema: true}

func abilitiesOf(model string) abilities {
	model = strings.ToLower(model)
	for _, f := range families {
		if strings.Contains(model, f.part) {
			return f.can
		}
	}
	return unknownFamily
}

// finishes are Converse's stop reasons. What is not here is an end like any other.
var finishes = map[string]codec.FinishReason{
	"max_tokens": codec.FinishLength, "model_context_window_exceeded": codec.FinishLength, "tool_use": codec.FinishToolCalls,
	"guardrail_intervened": codec.FinishFilter, "content_filtered": codec.FinishFilter,
	"malformed_model_output": codec.FinishError, "malformed_tool_use": codec.FinishError,
}

// finishOf reads a stopReason; calls is whether the answer calls tools of the client.
func finishOf(word string, calls bool) codec.Finish {
	f := codec.Finish{Native: word, Reason: finishes[word]}
	if f.Reason == codec.FinishNone || f.Reason == codec.FinishToolCalls {
		f.Reason = codec.FinishStop
		if calls {
			f.Reason = codec.FinishToolCalls
		}
	}
	return f
}

// finishWord is the stopReason for a client.
func finishWord(f codec.Finish) string {
	if finishes[f.Native] == f.Reason && f.Reason != codec.FinishNone {
		return f.Native
	}
	switch f.Reason {
	case codec.FinishLength:
		return "max_tokens"
	case codec.FinishToolCalls:
		return "tool_use"
	case codec.FinishFilter:
		return "content_filtered"
	}
	if f.StopSequence != "" {
		return "stop_sequence"
	}
	return "end_turn"
}

// answerTool is the tool that stands for an answer of a schema at models that have no other way.
const answerTool = anthropic.AnswerTool

// Target is what can be told in a Converse request.
func (Format) Target() turns.Target {
	return turns.Target{Format: formatName, Files: "amazon", TextFiles: true, Takes: []codec.PartKind{codec.PartImage, codec.PartVideo, codec.PartFile}}
}
