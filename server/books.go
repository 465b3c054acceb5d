package server

import (
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/usage"
)

// bytesPerToken is about what an event for one token takes on the wire. It is for
// streams whose client left before the upstream had counted.
const bytesPerToken = 200

// charactersPerToken is the usual rule for text.
const charactersPerToken = 4

// reserve takes what the request will cost at least out of the key's credits.
func (x *exchange) reserve() *codec.Error {
	book := x.key.book
	if !book.Limited() {
		return nil
	}
	estimate := x.snap.prices.Cost(x.model, usage.Tokens{Prompt: int64(len(x.body)) / charactersPerToken})
	if !book.Reserve(estimate) {
		x.server.counters.limited[limitCredits].Add(1)
		return errorf(fasthttp.StatusTooManyRequests, "insufficient_quota", "insufficient_quota",
			"Balance is insufficient, please check your account: the credits of this API key (credits in the gateway's api.yaml, and what was added) are used up.")
	}
	x.reserved, x.hasReserved = estimate, true
	return nil
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
		cost = x.snap.prices.Cost(x.model, tokens)
	}
	if x.hasReserved {
		x.key.book.Settle(x.reserved, cost)
	} else if cost > 0 {
		x.key.book.Spend(cost)
	}
	if x.attempt.Number == 0 {
		return
	}
	x.recent.Series(x.key.book, x.attempt.Provider.Config.Name, x.model, x.label).Record(usage.Sample{
		Success: status < 400 || status == statusClientGone && x.ttft > 0, Tokens: tokens, Cost: cost, TTFT: x.ttft, Duration: took,
	})
	x.recent.Seen(x.server.books, x.server.clientIP(x.ctx))
}

// tokens are what the upstream counted, or a guess at what a stream brought before
// it was cut. A request that failed before its answer began cost nothing.
func (x *exchange) tokens(status int) usage.Tokens {
	u := x.usage
	written := x.live.written.Load()
	cut := status != fasthttp.StatusOK && written > 0 && x.endpoint == pool.Chat
	switch {
	case u.Zero() && cut:
		return usage.Tokens{Prompt: int64(len(x.body)) / charactersPerToken, Completion: max(written/bytesPerToken, 1), Estimated: true}
	case cut && slices.Contains(countsFirst, x.upstream):
		u.Completion, u.Estimated = max(u.Completion, written/bytesPerToken), true
	}
	return usage.Tokens{Prompt: u.Prompt, Cached: u.Cached, CacheWrite: u.CacheWrite, Completion: u.Completion, Reasoning: u.Reasoning, Estimated: u.Estimated}
}

// countsFirst are the formats whose streams begin with a usage in which almost
// nothing has been generated yet, and correct it at the end.
var countsFirst = []string{"anthropic", "anthropic-vertex", "bedrock-invoke"}

// attempted counts an attempt.
func (x *exchange) attempted(success bool) {
	p, masked := x.attempt.Provider.Config, ""
	if x.attempt.Key >= 0 && x.attempt.Key < len(p.Keys) {
		masked = x.snap.maskedKeys[x.attempt.Provider.Index][x.attempt.Key]
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
