package config

import "strings"

// DefaultPrice is for models that model_price says nothing of, if it has no default either: uni-api's own, 1 dollar for a million
// tokens in and 2 for as many out.
var DefaultPrice = Price{Input: 1_000_000, Output: 2_000_000, Cached: 1_000_000, CacheWrite: 1_000_000}

// priceOf is the price of the first entry that begins one of some names, which are asked for in turn.
func priceOf(list []ModelPrice, names ...string) (Price, bool) {
	for _, name := range names {
		for i := range list {
			if list[i].Prefix != defaultEntry && strings.HasPrefix(name, list[i].Prefix) {
				return list[i].Price, true
			}
		}
	}
	return Price{}, false
}

func defaultPriceOf(list []ModelPrice) (price Price, ok bool) {
	for i := range list {
		if list[i].Prefix == defaultEntry {
			price, ok = list[i].Price, true // the last, as where it is charged
		}
	}
	return price, ok
}

// defaultEntry is the name of the entry for all models that no other is for.
const defaultEntry = "default"

// Price is what the provider's own model_price says of a model, by the name that clients have for it or the provider's own; false if it
// says nothing.
func (p *Provider) Price(requestModel, upstreamModel string) (Price, bool) {
	if price, ok := priceOf(p.Preferences.ModelPrice, requestModel, upstreamModel); ok {
		return price, true
	}
	return defaultPriceOf(p.Preferences.ModelPrice)
}

// HasPrice says whether the provider's own model_price has an entry for a model, by either name.
func (p *Provider) HasPrice(requestModel, upstreamModel string) bool {
	_, has := priceOf(p.Preferences.ModelPrice, requestModel, upstreamModel)
	return has
}

// ChannelPrice is what one provider's channels are compared with another's by: the provider's own price, else the global one, there by the
// provider's name for the model first, since several models may stand behind one name.
func (c *Config) ChannelPrice(p *Provider, requestModel, upstreamModel string) Price {
	if price, ok := p.Price(requestModel, upstreamModel); ok {
		return price
	}
	if price, ok := priceOf(c.Preferences.ModelPrice, upstreamModel, requestModel); ok {
		return price
	}
	if price, ok := defaultPriceOf(c.Preferences.ModelPrice); ok {
		return price
	}
	return DefaultPrice
}
