package server

import (
	"context"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/config"
	"uniapi/usage"
)

// reserve takes what the request will cost at least out of the key's credits.
func (x *exchange) reserve() *codec.Error {
	book := x.key.book
	if !book.Limited() {
		return nil
	}
	if x.deferred() {
		return codec.BadRequest("background", "'background' cannot be used with an API key that has credits: what the request costs is not known when it is answered. Leave it out, or use a key without credits.")
	}
	least := x.cost(usage.Tokens{Prompt: int64(len(x.body)) / estimate.CharactersPerToken})
	ok, err := book.Reserve(context.Background(), least)
	if err != nil {
		return errorf(fasthttp.StatusServiceUnavailable, "server_error", "limits_unavailable",
			"This gateway shares its credits with other instances, and what they are shared through does not answer. Try again in a moment; the gateway's log says what is wrong.")
	}
	if !ok {
		x.server.counters.limited[limitCredits].Add(1)
		return errorf(fasthttp.StatusTooManyRequests, "insufficient_quota", "insufficient_quota",
			"Balance is insufficient, please check your account: the credits of this API key (credits in the gateway's api.yaml, and what was added) are used up.")
	}
	x.reserved, x.hasReserved = least, true
	return nil
}

// deferred says whether a Responses request is answered before it is worked on.
func (in *inbound) deferred() bool {
	if in.format.Name() != "responses" {
		return false
	}
	wanted := member(in.body, "background")
	return wanted.Present() && string(wanted.Raw(in.body)) != "false" && string(wanted.Raw(in.body)) != "null"
}

// account writes a finished request into the books. It is called once, whatever
// the end was.
func (x *exchange) account(status int, took time.Duration) {
	if x.key == nil {
		return
	}
	tokens := x.tokens(status)
	cost := int64(0)
	if tokens != (usage.Tokens{}) {
		cost = x.cost(tokens)
	}
	if x.hasReserved {
		x.key.book.Settle(x.reserved, cost)
	} else if cost > 0 {
		x.key.book.Spend(cost)
	}
	if x.at.chosen.Number == 0 {
		return
	}
	x.recent.Series(x.key.book, x.at.chosen.Provider.Config.Name, x.model, x.label).Record(usage.Sample{
		Success: status < 400 || status == statusClientGone && x.ttft > 0, Tokens: tokens, Cost: cost, TTFT: x.ttft, Duration: took,
	})
	x.recent.Seen(x.server.books, x.server.clientIP(x.ctx))
}

// attempted counts an attempt.
func (x *exchange) attempted(success bool) {
	p, masked := x.at.chosen.Provider.Config, ""
	if x.at.chosen.Key >= 0 && x.at.chosen.Key < len(p.Keys) {
		masked = x.at.backend().maskedKeys[x.at.chosen.Key]
	}
	x.recent.Attempt(x.server.books, p.Name, x.model, masked, success)
}

// terms are what the books must know of the client keys.
func terms(cfg *config.Config) []usage.Terms {
	list := make([]usage.Terms, len(cfg.APIKeys))
	for i, k := range cfg.APIKeys {
		list[i] = usage.Terms{Secret: k.Key, Alias: k.Alias, Credits: k.Preferences.Credits, CreatedAt: k.Preferences.CreatedAt}
	}
	return list
}

// maskKeysOf are a provider's keys as they may be shown.
func maskKeysOf(p *config.Provider) []string {
	masked := make([]string, len(p.Keys))
	for i, key := range p.Keys {
		masked[i] = config.Mask(key)
	}
	return masked
}
