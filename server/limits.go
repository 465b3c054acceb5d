package server

import (
	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/balancer/limit"
	"uniapi/codec"
	"uniapi/config"
	"uniapi/server/telemetry/metrics"
	"uniapi/usage"
)

// keepLimits has the long windows of limits go on where processes before this one
// have left them.
func (s *Server) keepLimits() {
	kept, err := s.books.Limits()
	if err != nil {
		s.log.Error("long windows of limits begin anew", "error", err)
	}
	if n := s.state.RestoreLimits(kept); n > 0 {
		s.log.Warn("what was kept of some limits cannot be read: their windows begin anew", "limits", n)
	}
	s.books.KeepLimits(usage.LimitKeeper{Changes: s.state.LimitChanges, Until: limit.Until})
}

// tooLong refuses a prompt of more tokens than the key may send; nil if it has no
// more.
func (in *inbound) tooLong() *codec.Error {
	if !in.key.limitsTokens {
		return nil
	}
	most := in.mostTokens()
	if n := in.promptTokens(); most > 0 && n > most {
		return errorf(fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "prompt_too_long",
			"The prompt has about %d tokens; this API key may send %d in a request (rate_limit: %d/tpr in the gateway's api.yaml).", n, most, most)
	}
	return nil
}

// mostTokens is how many tokens the key may send in such a request, 0 for any: as
// many as with the strictest of the models that it names.
func (in *inbound) mostTokens() int64 {
	most := limit.Of(in.key.Preferences.RateLimit, in.model).TokensPerRequest
	for _, model := range in.beside {
		if n := limit.Of(in.key.Preferences.RateLimit, model).TokensPerRequest; n > 0 && (most == 0 || n < most) {
			most = n
		}
	}
	return most
}

// limitReached counts a refusal and words it.
func (s *Server) limitReached(r *balancer.Refused) *codec.Error {
	kind := metrics.KeyLimit
	switch {
	case r.OutOfCredit:
		kind = metrics.CreditsLimit
	case r.Global:
		kind = metrics.GatewayLimit
	}
	s.counters.Limited[kind].Add(1)
	return limitTold(r)
}

// limitTold says whose limit it was: users have taken this gateway's limits for
// the provider's.
func limitTold(r *balancer.Refused) *codec.Error {
	if r.OutOfCredit {
		return lasting(errorf(fasthttp.StatusTooManyRequests, "insufficient_quota", "insufficient_quota",
			"Balance is insufficient, please check your account: the credits of this API key (credits in the gateway's api.yaml) are 0 or used up."))
	}
	if r.Unknown {
		return errorf(fasthttp.StatusServiceUnavailable, "server_error", "limits_unavailable",
			"This gateway shares its limits with other instances, and what they are shared through does not answer. Try again in a moment; the gateway's log says what is wrong.")
	}
	if r.Global {
		return errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "gateway_rate_limit",
			"This gateway takes %s from all its keys together (preferences.rate_limit in its api.yaml). The provider was not asked.", r)
	}
	if r.Shared {
		return errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "gateway_rate_limit",
			"This gateway takes %s of model %s from all its keys together (preferences.rate_limit in its api.yaml). The provider was not asked.", r, r.Model)
	}
	if r.Quota != nil && r.Quota.Of != config.Requests {
		return errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "gateway_rate_limit",
			"This API key may have %s, and what is left is not enough for a request of model %s (rate_limit in the gateway's api.yaml). The provider was not asked.", r, r.Model)
	}
	return errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "gateway_rate_limit",
		"This API key may make %s of model %s (rate_limit in the gateway's api.yaml). The provider was not asked.", r, r.Model)
}

// codeKeysLimited is the code of a request that no key of a provider was left for.
const codeKeysLimited = "provider_keys_limited"

// blocked words why no channel was tried: limits are a 429, whoever set them, and
// anything else that passes is a 503.
func blocked(b balancer.Block, model string) *codec.Error {
	failed := b.Resting - b.Throttled
	switch {
	case b.Denied > 0 && b.Resting+b.Limited+b.Excluded == 0:
		return lasting(errorf(fasthttp.StatusForbidden, "permission_error", "channel_key_denied",
			"This API key gets %s by way of another key, which is disabled, has expired or may not be used from your address (api_keys in the gateway's api.yaml).", model))
	case failed == 0 && b.Throttled > 0:
		return errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "provider_rate_limit",
			"All providers of %s have limited their keys for now.", model)
	case failed == 0 && b.Limited > 0:
		return errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", codeKeysLimited,
			"All keys of the providers of %s have reached a limit that this gateway's api.yaml sets (%s). The provider was not asked.",
			model, b.Reason)
	case b.Resting == 0 && b.Excluded > 0:
		return excluded(b, model)
	case failed > 0 && b.Alone == b.Resting:
		return errorf(fasthttp.StatusServiceUnavailable, "server_error", "all_channels_resting",
			"No available providers at the moment: %s. For this API key every channel rests after failures that no other key has met; the gateway's log and dashboard say after which.", model)
	case failed > 0:
		return errorf(fasthttp.StatusServiceUnavailable, "server_error", "all_channels_resting",
			"No available providers at the moment: %s. Every channel rests after a failure; the gateway's log and dashboard say after which.", model)
	}
	return errorf(fasthttp.StatusServiceUnavailable, "server_error", "no_channel", "No available providers at the moment: %s.", model)
}
