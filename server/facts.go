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
func (in *inbound) facts() balancer.Facts {
	var conversation uint64
	if in.key.balance.Near(in.route) {
		conversation = in.conversation()
	}
	if !in.route.AsksFacts {
		return balancer.Facts{Model: in.model, Stream: in.stream, Conversation: conversation, Client: in.client()}
	}
	f := balancer.Facts{
		Conversation: conversation,
		Client:       in.client(),

		Endpoint:  string(in.ctx.Path()),
		Method:    string(in.ctx.Method()),
		Model:     in.model,
		Role:      in.key.Role,
		Stream:    in.stream,
		BodyBytes: int64(len(in.body)),
	}
	if in.route.AsksEffort {
		f.Effort = effort(in.body)
	}
	if in.route.AsksCompaction {
		f.Compaction = in.compacts()
	}
	if in.route.AsksTokens {
		f.PromptTokens = in.promptTokens()
	}
	return f
}

// compacts says whether an agent wants its conversation compacted: at the endpoint for that, or by an item of a Responses request.
func (in *inbound) compacts() bool {
	if in.endpoint == provider.Compact {
		return true
	}
	for list := in.face.conversation(in).Elements(in.body); list.Next(); {
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
	if in.isForm() {
		return in.formTokens(0)
	}
	return estimate.Prompt(in.body)
}

// excluded words that no channel takes such a request.
func excluded(b balancer.Block, model string) *codec.Error {
	if message, tooLarge := b.Cause.TooLarge(model); tooLarge {
		return errorf(fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "request_too_large", "%s", message)
	}
	return errorf(fasthttp.StatusNotFound, "invalid_request_error", "no_channel",
		"No available providers at the moment: %s. Every channel of the model excludes such a request (exclude_* or only_* in api.yaml).", model)
}

// deadlines are those of an attempt, which is the first of the request's or a further one, and whether it has less time than its channel gives it, since those before have used it up. What there is for the whole is counted from the request's arrival, and holds for all that is done for it from now on.
func (x *exchange) deadlines(c *balancer.Candidate, facts *balancer.Facts, number int) (limits pool.Deadlines, curtailed bool) {
	d := c.Deadlines(facts)
	due := x.within
	if own := x.start.Add(d.Total); d.Total > 0 && (due.IsZero() || own.Before(due)) {
		due = own
	}
	x.call.Until(due)
	limits = pool.Deadlines{FirstByte: d.FirstByte, Idle: d.Idle}
	left := x.server.options.longestSearch - time.Since(x.began)
	if curtailed = number > 1 && left < limits.FirstByte; curtailed {
		limits.FirstByte = max(left, time.Millisecond)
	}
	return limits, curtailed
}

// hurry gives the attempt less time to begin, if it is less.
func (a *attempt) hurry(within time.Duration) {
	if a.limits.FirstByte == 0 || within < a.limits.FirstByte {
		a.limits.FirstByte, a.curtailed, a.hurried = within, false, true
	}
}

// longestSearch is how long a channel that serves is looked for, unless the first one may take longer. Whoever still waits then has most often been
// given up by what stands between.
const longestSearch = 10 * time.Minute

// late says that no further attempt is to be begun. A channel that was not asked yet has its attempt before that, unless the whole may take no
// longer; one that was is asked again only as long as the client has not waited for the sum of what those that were asked may take.
func (x *exchange) late(plan *balancer.Plan) bool {
	waited := time.Since(x.began)
	if x.call.Err() != nil || waited >= x.server.options.longestSearch {
		return true
	}
	if patience := plan.Patience(); patience > 0 && waited >= patience {
		plan.Once()
	}
	return false
}
