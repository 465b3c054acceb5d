package server

import (
	"context"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/usage"
)

// reserve takes what the request may cost at most out of the key's credits. One that
// may cost more than is left goes by itself.
func (x *exchange) reserve() *codec.Error {
	book := x.key.book
	if !book.Limited() {
		return nil
	}
	if x.deferred() {
		return codec.BadRequest("background", "'background' cannot be used with an API key that has credits: what the request costs is not known when it is answered. Leave it out, or use a key without credits.")
	}
	ok, err := book.Reserve(context.Background(), x.need.Money)
	if err != nil {
		return errorf(fasthttp.StatusServiceUnavailable, "server_error", "limits_unavailable",
			"This gateway shares its credits with other instances, and what they are shared through does not answer. Try again in a moment; the gateway's log says what is wrong.")
	}
	if !ok {
		x.server.counters.limited[limitCredits].Add(1)
		return errorf(fasthttp.StatusTooManyRequests, "insufficient_quota", "insufficient_quota",
			"Balance is insufficient, please check your account: the credits of this API key (credits in the gateway's api.yaml, and what was added) are used up.")
	}
	x.reserved, x.hasReserved = x.need.Money, true
	return nil
}

// deferred says whether the request is answered before it is worked on.
func (in *inbound) deferred() bool {
	later := in.format.Traits().Later
	if later == "" {
		return false
	}
	wanted := member(in.body, later)
	return wanted.Present() && string(wanted.Raw(in.body)) != "false" && string(wanted.Raw(in.body)) != "null"
}

// account writes a finished request into the books.
func (x *exchange) account(r *record) {
	if r.key == nil {
		return
	}
	if x.hasReserved {
		r.key.book.Settle(x.reserved, r.cost)
	} else if r.cost > 0 {
		r.key.book.Spend(r.cost)
	}
	if r.attempts > 0 {
		x.countAffinity(r.tokens)
		if r.cost > 0 && x.priced(x.model).From == config.FromDefault {
			x.server.unpriced.add(r.provider, 1)
		}
		x.recent.Series(r.key.book, r.provider, r.model, r.endpoint).Record(usage.Sample{
			Success: r.success(), Tokens: r.tokens, Cost: r.cost, TTFT: r.ttft, Duration: r.took,
		})
	}
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
		list[i] = usage.Terms{Secret: k.Key, Alias: k.Alias, Credits: k.Preferences.Credits, CreatedAt: k.Preferences.CreatedAt, Access: k.Preferences.Access}
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
