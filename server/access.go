package server

import (
	"net/netip"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/server/entry"
)

// denied refuses a request whose key may not be used now, or from where it comes;
// nil if it may. Nothing is counted or held in the name of such a key.
func (s *Server) denied(ctx *fasthttp.RequestCtx, key *clientKey) *codec.Error {
	access := &key.Preferences.Access
	if !access.Limited() {
		return nil
	}
	client := entry.ClientOf(ctx, s.options.TrustedProxies)
	return denialTold(access.Denies(time.Now(), client), client)
}

// denialTold words a denial; nil is none.
func denialTold(why config.Denial, client netip.Addr) *codec.Error {
	switch why {
	case config.DeniedDisabled:
		return lasting(errorf(fasthttp.StatusUnauthorized, "invalid_request_error", "api_key_disabled",
			"This API key is disabled (disabled in the gateway's api.yaml). Ask whoever runs the gateway."))
	case config.DeniedExpired:
		return lasting(errorf(fasthttp.StatusUnauthorized, "invalid_request_error", "api_key_expired",
			"This API key has expired (expires_at in the gateway's api.yaml). Ask whoever runs the gateway for another one."))
	case config.DeniedAddress:
		return lasting(errorf(fasthttp.StatusForbidden, "permission_error", "address_not_allowed",
			"This API key may not be used from your address, %s (allow_ips in the gateway's api.yaml).", client))
	}
	return nil
}

// asksClient says whether some key may be used only from some addresses.
func asksClient(cfg *config.Config) bool {
	return slices.ContainsFunc(cfg.APIKeys, func(k *config.APIKey) bool { return k.Preferences.Access.AllowIPs != nil })
}
