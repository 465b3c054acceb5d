package server

import (
	"strings"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/rawjson"
	"uniapi/codec/saturate"
	"uniapi/pool/provider"
)

// compacts says whether an agent wants its conversation compacted: at the endpoint for that, or by an item of a
// Responses request.
func (in *inbound) compacts() bool {
	if in.endpoint == provider.Compact {
		return true
	}
	for list := in.history().Elements(in.body); list.Next(); {
		if kind, _ := rawjson.Text(in.body, list.Value.Get(in.body, "type")); kind == "compaction_trigger" {
			return true
		}
	}
	return false
}

// effort is what a request says of how much the model shall think.
func effort(body []byte) string {
	top, err := rawjson.One(body)
	if err != nil {
		return ""
	}
	said, _ := rawjson.Text(body, top.Get(body, "reasoning_effort"))
	if reasoning := top.Get(body, "reasoning"); said == "" && reasoning.Kind == rawjson.Object {
		said, _ = rawjson.Text(body, reasoning.Get(body, "effort"))
	}
	return strings.Clone(said)
}

// promptTokens is an estimate of what the request says, in any format; counting tokens would cost more than routing.
func (in *inbound) promptTokens() int64 {
	if in.head.IsForm {
		return in.formTokens(0)
	}
	return estimate.Prompt(in.body)
}

// prompts is promptTokens, and what it may be at most, where that is no more than any model reads.
func (in *inbound) prompts() (tokens, most int64) {
	if in.head.IsForm {
		tokens = in.formTokens(0)
		return tokens, saturate.Mul(tokens, estimate.CharactersPerToken)
	}
	tokens, most = in.mentioned.Prompts(in.format.Properties().Bounds, in.body)
	return tokens, max(tokens, min(most, mostContext))
}

// excluded words that no channel takes such a request.
func excluded(b balancer.Block, model string) *codec.Error {
	if message, tooLarge := b.Cause.TooLarge(model); tooLarge {
		return errorf(fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "request_too_large", "%s", message)
	}
	return errorf(fasthttp.StatusNotFound, "invalid_request_error", "no_channel",
		"No available providers at the moment: %s. Every channel of the model excludes such a request (exclude_* or only_* in api.yaml).", model)
}
