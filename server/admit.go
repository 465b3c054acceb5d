package server

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/server/telemetry/metrics"
)

// letIn is enter for a request that has been read.
func (x *exchange) letIn() *codec.Error {
	if x.route = x.key.routes.Find(x.model); x.route == nil {
		return noModel(x.key, x.model)
	}
	if x.stages&withGates != 0 || x.choosing || x.route.AsksTokens || x.route.AsksCompaction || x.format.Properties().Later != "" {
		if err := x.passGates(); err != nil {
			return err
		}
	}
	if x.stages&withNeed != 0 || x.key.book.Limited() {
		x.reckon()
	}
	if err := x.admit(); err != nil {
		return err
	}
	if x.stages&withModerator != 0 {
		return x.moderate()
	}
	return nil
}

// noModel says that a key has no such model, and which of its models may be meant.
func noModel(key *clientKey, model string) *codec.Error {
	hint := ""
	if near := nearModels(model, key.routes.Models()); near != nil {
		hint = ": did you mean " + strings.Join(near, ", ") + "?"
	}
	return errorf(fasthttp.StatusNotFound, "invalid_request_error", codeNoModel,
		"There is no model %q for this API key%s GET /v1/models lists what it may use.", clip(model), cmp.Or(hint, "."))
}

// foresee says what would become of a request for a model, before the gateway
// holds anything for it. It counts nothing.
func (x *exchange) foresee(model string) *codec.Error {
	if x.key.routes.Find(model) == nil {
		return noModel(x.key, model)
	}
	if refused := x.key.balance.WouldRefuse(model); refused != nil && !x.key.waitsFor(refused) {
		x.refuseBy(refused)
		return x.server.limitReached(refused)
	}
	return nil
}

// admit takes what the request may cost out of the key's credits and counts it against
// the limits of this gateway's own.
func (x *exchange) admit() *codec.Error {
	var refused *balancer.Refused
	var poor *codec.Error
	if x.stages&withQueue != 0 {
		refused, poor = x.admitInTurn()
	} else {
		refused, poor = x.admitOnce()
	}
	switch {
	case poor != nil:
		x.server.counters.Limited[metrics.CreditsLimit].Add(1)
		return poor
	case refused != nil:
		x.refuseBy(refused)
		return x.server.limitReached(refused)
	}
	quota := x.admission.Quota()
	if quota.Limit.Count == 0 {
		return nil
	}
	h := &x.ctx.Response.Header
	x.at.scratch = strconv.AppendInt(x.at.scratch[:0], quota.Limit.Count, 10)
	h.SetCanonical(headerLimit, x.at.scratch)
	x.at.scratch = strconv.AppendInt(x.at.scratch[:0], quota.Remaining, 10)
	h.SetCanonical(headerRemaining, x.at.scratch)
	x.at.scratch = append(x.at.scratch[:0], quota.Reset.String()...)
	h.SetCanonical(headerReset, x.at.scratch)
	return nil
}

// admitOnce reserves what the request may cost and counts it against the limits, or does neither. The credits come
// first: what limits have counted cannot always be given back, and what a refused request has used up of one that keys
// share would be taken from the others.
func (x *exchange) admitOnce() (refused *balancer.Refused, poor *codec.Error) {
	if x.key.book.Limited() {
		if poor = x.reserve(); poor != nil {
			return nil, poor
		}
	}
	if x.admission, refused = x.key.balance.Admit(context.Background(), x.need, x.model, x.beside...); refused != nil {
		x.giveBack()
	}
	return refused, nil
}

// reserve takes what the request may cost at most out of the key's credits. One that
// may cost more than is left goes by itself.
func (x *exchange) reserve() *codec.Error {
	book := x.key.book
	ok, err := book.Reserve(context.Background(), x.need.Money)
	if err != nil {
		return errorf(fasthttp.StatusServiceUnavailable, "server_error", "limits_unavailable",
			"This gateway shares its credits with other instances, and what they are shared through does not answer. Try again in a moment; the gateway's log says what is wrong.")
	}
	if !ok && book.OutOfCredit() { // and not only by what is under way
		return limitTold(&balancer.Refused{OutOfCredit: true})
	}
	if !ok {
		return errorf(fasthttp.StatusTooManyRequests, "insufficient_quota", "insufficient_quota",
			"Balance is insufficient, please check your account: the credits of this API key (credits in the gateway's api.yaml, and what was added) are used up.")
	}
	x.reserved, x.hasReserved = x.need.Money, true
	return nil
}

// giveBack ends the reservation of a request that is not let in.
func (x *exchange) giveBack() {
	if x.hasReserved {
		x.key.book.Settle(x.reserved, 0)
		x.reserved, x.hasReserved = 0, false
	}
}

// refuseBy tells a client in headers which limit refused it, and until when.
func (x *exchange) refuseBy(refused *balancer.Refused) {
	x.retryAfter = refused.After
	if refused.Limit.Count == 0 {
		return
	}
	h := &x.ctx.Response.Header
	h.SetCanonical(headerLimit, strconv.AppendInt(nil, refused.Limit.Count, 10))
	h.SetCanonical(headerRemaining, []byte("0"))
	h.SetCanonical(headerReset, []byte(refused.After.String()))
}

// The headers are those that OpenAI's SDKs know.
var (
	headerLimit     = []byte("X-Ratelimit-Limit-Requests")
	headerRemaining = []byte("X-Ratelimit-Remaining-Requests")
	headerReset     = []byte("X-Ratelimit-Reset-Requests")
)
