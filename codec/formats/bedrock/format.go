// Package bedrock is Amazon Bedrock's two ways to a model: Converse, one format for all of them, and InvokeModel for
// Claude, which takes Anthropic's own.
package bedrock

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/capability"
	"uniapi/codec/formats/anthropic"
)

// Format is Converse and ConverseStream. The model and whether to stream stand in the address and not in the body: who
// decodes a request sets Model and Stream of the result.
type Format struct{}

var _ codec.Format = Format{}

const formatName = "bedrock"

// Name implements codec.Format.
func (Format) Name() string { return formatName }

// Properties implements codec.Format.
func (Format) Properties() *codec.Properties { return &described }

var described = codec.Properties{Rules: capability.Converse, Place: "bedrock", Thoughtless: true, Tiers: []string{"serviceTier.type"}, TierLine: "X-Amzn-Bedrock-Service-Tier"}

// signer is whose reasoning comes with a signature: Claude's is the only one.
const signer = "anthropic"

// capabilities is what a model takes through Converse; what it does not take it answers with 400.
type capabilities struct {
	*capability.Target

	noSystem bool // instructions must stand in the first user message
	force    bool // toolChoice any
	name     bool // toolChoice tool
	cache    bool // cachePoint
	// cacheTools is a cachePoint behind tools too.
	cacheTools bool
	hour       bool // one that is kept for an hour
	schema     bool // outputConfig
	signed     bool // reasoning is taken back
}

func capabilitiesOf(t *capability.Target) capabilities {
	takes := func(word string) bool { return t.Takes(word, true) }
	chooses := func(way string) bool { return t.Choices == nil || slices.Contains(t.Choices, way) }
	return capabilities{
		Target: t, noSystem: !takes("system_instruction"), force: chooses("required"), name: chooses("named"),
		cache: takes("cache"), cacheTools: takes("cache_tools"), hour: takes("cache_hour"), schema: takes("answer_schema"), signed: takes("signed_thinking"),
	}
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
func (Format) Target() alternation.Target {
	return alternation.Target{Format: formatName, Files: "amazon", Objects: true, PlainErrors: true, Takes: []codec.PartKind{codec.PartImage, codec.PartVideo, codec.PartFile}}
}
