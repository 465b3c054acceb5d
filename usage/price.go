package usage

import (
	"maps"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"

	"uniapi/codec/saturate"
	"uniapi/config"
)

// Prices tell what models cost by one configuration. What was found for a model is kept: requests ask for few, and again and again.
type Prices struct {
	config *config.Config
	found  atomic.Pointer[map[priced]*config.Priced]
	adding sync.Mutex
}

// priced is what a price is asked for.
type priced struct {
	provider        *config.Provider // nil before there is one
	model, upstream string
}

// What is kept is bounded: clients may ask for any name.
const (
	mostPriced     = 1024
	mostPricedName = 512
)

// NewPrices takes a configuration.
func NewPrices(cfg *config.Config) *Prices {
	p := &Prices{config: cfg}
	p.found.Store(&map[priced]*config.Priced{})
	return p
}

// Of is what a model costs at a provider, as Config.PriceOf has it.
func (p *Prices) Of(provider *config.Provider, model, upstream string) *config.Priced {
	if price, is := (*p.found.Load())[priced{provider, model, upstream}]; is {
		return price
	}
	price := p.config.PriceOf(provider, model, upstream)
	p.adding.Lock()
	defer p.adding.Unlock()
	known := *p.found.Load()
	if len(known) >= mostPriced || len(model)+len(upstream) > mostPricedName {
		return &price
	}
	next := maps.Clone(known)
	// The caller's texts may lie in a buffer of a request.
	next[priced{provider, strings.Clone(model), strings.Clone(upstream)}] = &price
	p.found.Store(&next)
	return &price
}

// mostCost bounds what one request costs, in nano-dollars: 72 million dollars.
const mostCost = saturate.Most

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
