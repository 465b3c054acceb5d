package config

import (
	"net/url"
	"strings"

	"uniapi/config/price"
)

// DefaultPrice is for models that nothing else has a price for: uni-api's own, 1 dollar for a million tokens in and 2
// for as many out.
var DefaultPrice = Price{Input: 1_000_000, Output: 2_000_000, Cached: 1_000_000, CacheWrite: 1_000_000}

// defaultEntry is the name of the entry for all models that no other is for.
const defaultEntry = "default"

// PriceFrom says where a price comes from.
type PriceFrom int

// The places that a price comes from.
const (
	FromDefault       PriceFrom = iota // DefaultPrice: nobody has said anything
	FromList                           // the list prices that the program has with it, or those of price_source
	FromGlobalDefault                  // the default of preferences.model_price
	FromGlobal                         // another entry there
	FromOwnDefault                     // the default of the provider's own model_price
	FromOwn                            // another entry there
)

// Named says that somebody gave the model a price, and not one for whatever is left.
func (f PriceFrom) Named() bool { return f == FromGlobal || f == FromOwn || f == FromList }

// Priced is what a model costs, and who says so.
type Priced struct {
	Price Price
	From  PriceFrom
	Entry string // as it is written; "" for FromDefault
	Line  int    // of the file, of the entry; 0 where there is none
	Most  int64  // tokens that the model answers with at most, by the list prices, whoever gives the price; 0 is unknown
}

func (e *ModelPrice) priced(from PriceFrom) Priced {
	return Priced{Price: e.Price, From: from, Entry: e.Prefix, Line: e.Line}
}

// priceOf is the entry for a model that has some names: the one that is one of them, else the one that begins the most
// of one. Of two that are as good, that for the earlier name counts, and of two with the same name the first in the
// file.
func priceOf(list []ModelPrice, names ...string) *ModelPrice {
	var best *ModelPrice
	for _, name := range names {
		if name == "" {
			continue
		}
		for i := range list {
			switch e := &list[i]; {
			case e.Prefix == defaultEntry:
			case e.Prefix == name:
				return e
			}
		}
	}
	for _, name := range names {
		for i := range list {
			if e := &list[i]; e.Prefix != defaultEntry && strings.HasPrefix(name, e.Prefix) && (best == nil || len(e.Prefix) > len(best.Prefix)) {
				best = e
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

func defaultPriceOf(list []ModelPrice) (entry *ModelPrice) {
	for i := range list {
		if list[i].Prefix == defaultEntry {
			entry = &list[i] // the last, as in uni-api
		}
	}
	return entry
}

// ownPrice is what the provider's own model_price says of a model, by the name that clients have for it or the
// provider's own.
func (p *Provider) ownPrice(requestModel, upstreamModel string) (Priced, bool) {
	if len(p.Preferences.ModelPrice) == 0 {
		return Priced{}, false
	}
	if e := priceOf(p.Preferences.ModelPrice, requestModel, upstreamModel); e != nil {
		return e.priced(FromOwn), true
	}
	if e := defaultPriceOf(p.Preferences.ModelPrice); e != nil {
		return e.priced(FromOwnDefault), true
	}
	return Priced{}, false
}

// priceForAll is what holds for a model that a provider, or nil, has, by its names in turn, where the provider does not
// say.
func (c *Config) priceForAll(p *Provider, names ...string) Priced {
	if e := priceOf(c.Preferences.ModelPrice, names...); e != nil {
		return e.priced(FromGlobal)
	}
	if e := defaultPriceOf(c.Preferences.ModelPrice); e != nil {
		return e.priced(FromGlobalDefault)
	}
	at := ""
	if p != nil {
		at = p.listedAs()
	}
	for _, name := range names {
		if entry, is := c.PriceList().Of(at, name); is {
			return Priced{Price: entry.Price, From: FromList, Entry: entry.Name, Most: entry.Most}
		}
	}
	return Priced{Price: DefaultPrice}
}

var listPrices = price.Listed()

// mostAnswered is how many tokens a model answers with at most by the list, at its provider, else at its maker's; 0 is
// unknown. The provider's own name for it says more than that of clients.
func (c *Config) mostAnswered(p *Provider, names ...string) int64 {
	at := [...]string{"", ""}
	if p != nil {
		at[0] = p.listedAs()
	}
	for _, name := range names {
		for _, provider := range at {
			if entry, is := c.PriceList().Of(provider, name); is && entry.Most > 0 {
				return entry.Most
			}
		}
	}
	return 0
}

// listedAs is the provider's name in lists of prices; "" if nobody knows who it is.
func (p *Provider) listedAs() string {
	switch p.Engine {
	case "aws":
		return "bedrock"
	case "vertex", "vertex-gemini", "vertex-claude":
		return "vertex_ai"
	case "azure":
		return "azure"
	}
	u, err := url.Parse(p.BaseURL)
	if err != nil {
		return ""
	}
	return price.ProviderAt(u.Hostname())
}

// PriceOf is what a model costs at a provider, nil where none has been chosen yet, by the name that clients have for it
// and the provider's own: what the provider's own model_price says, else what the global one does, else the list
// prices.
func (c *Config) PriceOf(p *Provider, requestModel, upstreamModel string) (priced Priced) {
	own := false
	if p != nil {
		priced, own = p.ownPrice(requestModel, upstreamModel)
	}
	if !own {
		priced = c.priceForAll(p, requestModel, upstreamModel)
	}
	priced.Most = c.mostAnswered(p, upstreamModel, requestModel)
	return priced
}

// ChannelPrice is what one provider's channels are compared with another's by: the provider's own price, else the
// global one, there by the provider's name for the model first, since several models may stand behind one name.
func (c *Config) ChannelPrice(p *Provider, requestModel, upstreamModel string) Price {
	if own, is := p.ownPrice(requestModel, upstreamModel); is {
		return own.Price
	}
	return c.priceForAll(p, upstreamModel, requestModel).Price
}
