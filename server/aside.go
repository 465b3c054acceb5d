package server

import (
	"github.com/valyala/fasthttp"

	"uniapi/balancer/limit"
	"uniapi/codec"
	"uniapi/codec/formats"
	"uniapi/codec/front"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/usage"
)

// aside is a request of the gateway's own that another one needs. It goes the way of
// any other, on the account of the same client key: the same channels, bounds,
// retries, log and books. It is nobody's connection that it comes over.
func (x *exchange) aside(route *front.Route, body []byte) *exchange {
	m := x.origin.unconnected(x.key, route, body)
	m.id, m.start, m.from = append(m.id[:0], x.id...), x.start, x.client()
	return m
}

// unconnected makes a request of the gateway's own, on the account of a client key. What it is cancelled by is the
// origin's.
func (o origin) unconnected(key *clientKey, route *front.Route, body []byte) *exchange {
	m := exchanges.Get().(*exchange)
	m.origin = o
	m.ctx, m.live, m.recent, m.holding = new(fasthttp.RequestCtx), new(underWay), new(usage.Recent), new(budget.Holding)
	m.ctx.Request.Header.SetMethod(fasthttp.MethodPost)
	m.ctx.Request.SetRequestURI("/v1/" + string(route.Endpoint))
	m.holding.Begin(m.server.budget, key.share)
	m.wish = at(route)
	m.stages |= m.snap.stages | key.stages
	m.format, m.label = formats.Chat, route.Label
	m.key, m.body = key, body
	m.at = &m.lone
	m.alone()
	return m
}

// endAside is end for a request of the gateway's own, which leaves no line in the
// log of requests.
func (x *exchange) endAside(status int) (all limit.Need) {
	r := x.close(status)
	x.server.log.Debug(r.endpoint, "id", string(r.id), "key", r.key.Alias, "provider", r.provider, "model", r.model, "status", r.status,
		"seconds", r.took.Seconds(), "prompt_tokens", r.tokens.Prompt)
	x.holding.End()
	x.release()
	return limit.Need{Tokens: r.tokens.Sum(), Money: r.cost}
}

// moderator is for what a moderator is asked. In the books and the metrics that
// has a name of its own, since it is no request of a client's; and what it says is read.
var moderator = &front.Route{Endpoint: provider.Moderations, Inbound: routeOf(provider.Moderations).Inbound, Label: "moderation"}

// checkVerdict looks for a verdict. An answer without one costs what one with it does.
func (a *attempt) checkVerdict(body []byte) error {
	_, answered, err := verdictOn(body)
	a.parted = answered && err != nil
	a.answer.Usage = codec.UsageIn(body)
	return err
}
