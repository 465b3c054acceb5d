package server

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
)

// admit counts the request against the limits of this gateway's own.
func (x *exchange) admit() *codec.Error {
	if x.key.limitsTokens {
		most := balancer.RateLimitOf(x.key.Preferences.RateLimit, x.head.Model).TokensPerRequest
		if n := x.promptTokens(); most > 0 && n > most {
			return errorf(fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "prompt_too_long",
				"The prompt has about %d tokens; this API key may send %d in a request (rate_limit: %d/tpr in the gateway's api.yaml).", n, most, most)
		}
	}
	admission, refused := x.key.balance.Admit(x.head.Model)
	if refused != nil {
		x.retryAfter = refused.After
		return limitReached(refused, x.head.Model)
	}
	quota := admission.Quota()
	if quota.Limit.Count == 0 {
		return nil
	}
	h := &x.ctx.Response.Header
	h.Set("X-Ratelimit-Limit-Requests", strconv.FormatInt(quota.Limit.Count, 10))
	h.Set("X-Ratelimit-Remaining-Requests", strconv.FormatInt(quota.Remaining, 10))
	h.Set("X-Ratelimit-Reset-Requests", quota.Reset.String())
	return nil
}

// limitReached says whose limit it was: users have taken this gateway's limits
// for the provider's.
func limitReached(r *balancer.Refused, model string) *codec.Error {
	if r.Global {
		return errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "gateway_rate_limit",
			"This gateway takes %s from all its keys together (preferences.rate_limit in its api.yaml). The provider was not asked.", r)
	}
	return errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "gateway_rate_limit",
		"This API key may make %s of model %s (rate_limit in the gateway's api.yaml). The provider was not asked.", r, model)
}
