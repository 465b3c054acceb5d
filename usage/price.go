package usage

import (
	"math/bits"
	"slices"
	"strings"

	"uniapi/codec/saturate"
	"uniapi/config"
)

// Prices tell what requests cost, at the moment they are made.
type Prices struct {
	list     []config.ModelPrice
	fallback config.Price
}

// NewPrices takes a configuration's model_price.
func NewPrices(cfg *config.Config) *Prices {
	p := &Prices{fallback: config.DefaultPrice}
	for _, entry := range cfg.Preferences.ModelPrice {
		if entry.Prefix == "default" {
			p.fallback = entry.Price
		} else {
			p.list = append(p.list, entry)
		}
	}
	return p
}

// Of is the price of a model: that of the first prefix of its name, in the order of the file.
func (p *Prices) Of(model string) config.Price {
	for i := range p.list {
		if strings.HasPrefix(model, p.list[i].Prefix) {
			return p.list[i].Price
		}
	}
	return p.fallback
}

// Has says whether a model has a price of its own.
func (p *Prices) Has(model string) bool {
	return slices.ContainsFunc(p.list, func(e config.ModelPrice) bool { return strings.HasPrefix(model, e.Prefix) })
}

// mostCost bounds what one request costs, in nano-dollars: 72 million dollars.
const mostCost = saturate.Most

// Cost is what a request for a model costs, in nano-dollars.
func (p *Prices) Cost(model string, t Tokens) int64 { return Cost(p.Of(model), t) }

// Cost is what tokens cost, in nano-dollars. Prices are pico-dollars for a token.
func Cost(price config.Price, t Tokens) int64 {
	prompt := max(t.Prompt, 0)
	cached := min(max(t.Cached, 0), prompt)
	written := min(max(t.CacheWrite, 0), prompt-cached)
	// In 128 bits. Each product is below 2^126, and all four together below 2^128.
	var high, low uint64
	for _, item := range [...][2]int64{
		{prompt - cached - written, price.Input}, {cached, price.Cached}, {written, price.CacheWrite}, {max(t.Completion, 0), price.Output},
	} {
		h, l := bits.Mul64(uint64(item[0]), uint64(max(item[1], 0)))
		var carry uint64
		low, carry = bits.Add64(low, l, 0)
		high += h + carry
	}
	if high >= 500 { // more than fits
		return mostCost
	}
	whole, rest := bits.Div64(high, low, 1000)
	if rest >= 500 {
		whole++
	}
	return int64(min(whole, mostCost))
}
