package usage

import (
	"math/bits"
	"strings"

	"uniapi/config"
)

// Prices tell what requests cost, at the moment they are made.
type Prices struct {
	list     []config.ModelPrice
	fallback config.Price
}

// defaultPrice is for models that model_price says nothing of, if it has no default either: uni-api's own, 1 dollar for a million
// tokens in and 2 for as many out.
var defaultPrice = config.Price{Input: 1_000_000, Output: 2_000_000, Cached: 1_000_000, CacheWrite: 1_000_000}

// NewPrices takes a configuration's model_price.
func NewPrices(cfg *config.Config) *Prices {
	p := &Prices{fallback: defaultPrice}
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

// Cost is what a request costs, in nano-dollars. Prices are pico-dollars for a token.
func (p *Prices) Cost(model string, t Tokens) int64 {
	price := p.Of(model)
	cached := min(t.Cached, t.Prompt)
	written := min(t.CacheWrite, t.Prompt-cached)
	var high, low uint64
	for _, item := range [...][2]int64{
		{t.Prompt - cached - written, price.Input}, {cached, price.Cached}, {written, price.CacheWrite}, {t.Completion, price.Output},
	} {
		h, l := bits.Mul64(uint64(max(item[0], 0)), uint64(item[1]))
		var carry uint64
		low, carry = bits.Add64(low, l, 0)
		high += h + carry
	}
	if high >= 500 { // more than fits: nine billion dollars
		return 1<<63 - 1
	}
	whole, rest := bits.Div64(high, low, 1000)
	if rest >= 500 {
		whole++
	}
	return int64(min(whole, 1<<63-1))
}
