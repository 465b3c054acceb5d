package server

import (
	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool/provider"
	"uniapi/server/telemetry/metrics"
)

// isMedia says whether what an endpoint gives is not paid by tokens of a text, so that the default price says nothing
// of what it costs.
func isMedia(e provider.Endpoint) bool {
	switch e {
	case provider.Images, provider.ImageEdits, provider.Speech, provider.Transcriptions, provider.Translations, provider.Moderations, provider.Rerank:
		return true
	}
	return false
}

// refusesUnpriced refuses a request for media that some channel would serve at a price that nobody has said, where
// unpriced_media wants that.
func (x *exchange) refusesUnpriced() *codec.Error {
	if !isMedia(x.endpoint) {
		return nil
	}
	// What a moderator reads is text, for which the default price is as good a guess as for a chat's: it is refused by
	// word only.
	if u := x.snap.config.Preferences.UnpricedMedia; u.Said && !u.Refuse || !u.Said && (!x.key.book.Limited() || x.endpoint == provider.Moderations) {
		return nil
	}
	unpriced := false
	x.route.Each(func(c *balancer.Candidate) {
		if x.snap.prices.Of(c.Provider.Config, x.model, c.Upstream).From == config.FromDefault {
			unpriced = true
		}
	})
	if !unpriced {
		return nil
	}
	x.server.counters.Limited[metrics.UnpricedLimit].Add(1)
	return errorf(fasthttp.StatusForbidden, "invalid_request_error", "unpriced_media",
		"Nobody has told this gateway what %q costs, and your API key may not use it until it is known. Whoever runs the gateway can give the model a price in model_price, or set unpriced_media.", x.model)
}

// fee is what a request for media costs whose model has no price, where unpriced_media says so.
func (x *exchange) fee(of *config.Priced) (nano int64, is bool) {
	if of.From != config.FromDefault || !isMedia(x.endpoint) {
		return 0, false
	}
	u := x.snap.config.Preferences.UnpricedMedia
	return u.Fee, u.Said && !u.Refuse
}

// defaultPriced says of models, by the names that clients have for them, whether some provider serves them at the
// default price.
func (snap *snapshot) defaultPriced(of map[string]bool) {
	for _, p := range snap.table.Providers {
		for _, m := range p.Models {
			if known, asked := of[m.Alias]; asked && !known {
				of[m.Alias] = snap.prices.Of(p.Config, m.Alias, m.Upstream).From == config.FromDefault
			}
		}
	}
}
