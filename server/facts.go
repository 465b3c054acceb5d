package server

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/pool"
)

// facts gathers what the route's channels ask of a request beside its model;
// most ask nothing.
func (x *exchange) facts() balancer.Facts {
	if !x.route.AsksFacts {
		return balancer.Facts{}
	}
	f := balancer.Facts{
		Endpoint:  string(x.ctx.Path()),
		Method:    string(x.ctx.Method()),
		Model:     x.model,
		Role:      x.key.Role,
		Stream:    x.stream,
		BodyBytes: int64(len(x.body)),
	}
	if x.route.AsksEffort {
		f.Effort = effort(x.body)
	}
	if x.route.AsksTokens {
		f.PromptTokens = x.promptTokens()
	}
	return f
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

// promptTokens is uni-api's estimate (behaviour 3.8); counting tokens would cost
// more than routing.
func (x *exchange) promptTokens() int64 {
	return balancer.EstimateTokens(promptCharacters(x.body, x.head.Messages))
}

// promptCharacters is the length of all message contents that are texts.
func promptCharacters(body []byte, messages rawjson.Value) (n int64) {
	for list := messages.Elements(body); list.Next(); {
		content := list.Value.Get(body, "content")
		if text, ok := rawjson.Text(body, content); ok {
			n += int64(utf8.RuneCountInString(text))
		}
		if content.Kind != rawjson.Array {
			continue
		}
		for parts := content.Elements(body); parts.Next(); {
			if text, ok := rawjson.Text(body, parts.Value.Get(body, "text")); ok {
				n += int64(utf8.RuneCountInString(text))
			}
		}
	}
	return n
}

// excluded words that no channel takes such a request (behaviour 3.8).
func excluded(b balancer.Block, model string) *codec.Error {
	if message, tooLarge := b.Cause.TooLarge(model); tooLarge {
		return errorf(fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "request_too_large", "%s", message)
	}
	return errorf(fasthttp.StatusNotFound, "invalid_request_error", "no_channel",
		"No available providers at the moment: %s. Every channel of the model excludes such a request (exclude_* or only_* in api.yaml).", model)
}

// deadlines are the attempt's: model_timeout, and over it timeout_policy. A total
// or an idle time stands in for the first byte's where the policy has none.
func (x *exchange) deadlines(channel *pool.Channel) pool.Deadlines {
	limits := pool.Deadlines{FirstByte: x.attempt.Timeout, Idle: x.attempt.Timeout}
	t := x.attempt.Timeouts(&x.plan.Facts, string(channel.Engine))
	for _, d := range [...]*time.Duration{t.Idle, t.Total, t.FirstByte} { // the last that is set holds
		if d != nil {
			limits.FirstByte = *d
		}
	}
	if t.Idle != nil {
		limits.Idle = *t.Idle
	}
	return limits
}
