package server

import (
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/rawjson"
	"uniapi/pool"
	"uniapi/pool/provider"
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
	if x.route.AsksCompaction {
		f.Compaction = x.compacts()
	}
	if x.route.AsksTokens {
		f.PromptTokens = x.promptTokens()
	}
	return f
}

// compacts says whether an agent wants its conversation compacted: at the endpoint for that, or by an item of a Responses request.
func (x *exchange) compacts() bool {
	if x.endpoint == provider.Compact {
		return true
	}
	for list := x.face.conversation(x).Elements(x.body); list.Next(); {
		if kind, _ := rawjson.Text(x.body, list.Value.Get(x.body, "type")); kind == "compaction_trigger" {
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
func (x *exchange) promptTokens() int64 {
	if x.isForm() {
		return x.formTokens(&codec.Usage{})
	}
	return estimate.Prompt(x.body)
}

// excluded words that no channel takes such a request.
func excluded(b balancer.Block, model string) *codec.Error {
	if message, tooLarge := b.Cause.TooLarge(model); tooLarge {
		return errorf(fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "request_too_large", "%s", message)
	}
	return errorf(fasthttp.StatusNotFound, "invalid_request_error", "no_channel",
		"No available providers at the moment: %s. Every channel of the model excludes such a request (exclude_* or only_* in api.yaml).", model)
}

// deadlines are the attempt's. What there is for the whole is counted from the request's arrival, and holds for all that is done for it from now on.
func (x *exchange) deadlines(c *balancer.Candidate, facts *balancer.Facts) pool.Deadlines {
	d := c.Deadlines(facts)
	due := time.Time{}
	if d.Total > 0 {
		due = x.start.Add(d.Total)
	}
	x.call.Until(due)
	return pool.Deadlines{FirstByte: d.FirstByte, Idle: d.Idle}
}

// late says that the time for further attempts is over: the client has waited for as long as two attempts may take, or the whole may take no
// longer.
func (x *exchange) late(limits pool.Deadlines) bool {
	return limits.FirstByte > 0 && time.Since(x.start) >= 2*limits.FirstByte || x.call.Err() == pool.ErrOverdue
}
