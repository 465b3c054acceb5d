package server

import (
	"slices"

	"uniapi/balancer/limit"
	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/config"
	"uniapi/usage"
)

// payable refuses a request of which nobody would know what it cost, where that counts.
func (x *exchange) payable() *codec.Error {
	switch {
	case !x.deferred():
		return nil
	case x.key.book.Limited():
		return codec.BadRequest("background", "'background' cannot be used with an API key that has credits: what the request costs is not known when it is answered. Leave it out, or use a key without credits.")
	case x.countsUse():
		return codec.BadRequest("background", "'background' cannot be used where a limit counts tokens or dollars (rate_limit in the gateway's api.yaml): what the request uses is not known when it is answered. Leave it out, or use a key without such limits.")
	}
	return nil
}

// countsUse says whether a limit counts what the request uses, its key's own or one of all keys.
func (x *exchange) countsUse() bool {
	counts := func(l config.RateLimit) bool {
		return slices.ContainsFunc(l.Quotas, func(q config.Quota) bool { return q.Of == config.Tokens || q.Of == config.Money })
	}
	all := &x.snap.config.Preferences
	some := counts(all.RateLimit)
	for _, model := range append([]string{x.model}, x.beside...) {
		some = some || counts(limit.Of(x.key.Preferences.RateLimit, model)) || counts(limit.Of(all.ModelRateLimit, model))
	}
	return some
}

// deferred says whether the request is answered before it is worked on.
func (in *inbound) deferred() bool {
	later := in.format.Properties().Later
	if later == "" {
		return false
	}
	wanted := front.Member(in.body, later)
	return wanted.Present() && string(wanted.Raw(in.body)) != "false" && string(wanted.Raw(in.body)) != "null"
}

// reasonOf is a word for why an attempt failed: its class, or how the provider was not reached.
func reasonOf(e *codec.Error) string {
	if e.Raw == nil {
		switch e.Code {
		case codeTimeout:
			return "timeout"
		case codeUnreachable:
			return "unreachable"
		case codeBadGateway:
			return "connection"
		}
	}
	return wordOf(e.Class)
}

// terms are what the books must know of the client keys.
func terms(cfg *config.Config) []usage.Terms {
	list := make([]usage.Terms, len(cfg.APIKeys))
	for i, k := range cfg.APIKeys {
		list[i] = usage.Terms{Secret: k.Key, Alias: k.Alias, Credits: k.Preferences.Credits, CreatedAt: k.Preferences.CreatedAt, Renews: k.Preferences.Renews, Access: k.Preferences.Access}
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
