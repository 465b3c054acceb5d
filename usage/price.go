package usage

import (
	"maps"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"

	"uniapi/codec/saturate"
	"uniapi/config"
	"uniapi/config/price"
)

// Prices tell what models cost by one configuration. What was found for a model is kept: requests ask for few, and
// again and again.
type Prices struct {
	config *config.Config
	found  atomic.Pointer[map[priced]*found]
	adding sync.Mutex
}

// priced is what a price is asked for.
type priced struct {
	provider        *config.Provider // nil before there is one
	model, upstream string
}

// found is a price, and what it was asked for, in texts of its own.
type found struct {
	of    priced
	price config.Priced
}

// What is kept is bounded: clients may ask for any name.
const (
	mostPriced     = 1024
	mostPricedName = 512
)

// NewPrices takes a configuration.
func NewPrices(cfg *config.Config) *Prices {
	p := &Prices{config: cfg}
	p.found.Store(&map[priced]*found{})
	return p
}

// Of is what a model costs at a provider, as Config.PriceOf has it.
func (p *Prices) Of(provider *config.Provider, model, upstream string) *config.Priced {
	return &p.find(priced{provider, model, upstream}).price
}

func (p *Prices) find(of priced) *found {
	if f, is := (*p.found.Load())[of]; is {
		return f
	}
	// The caller's texts may lie in a buffer of a request.
	f := &found{priced{of.provider, strings.Clone(of.model), strings.Clone(of.upstream)}, p.config.PriceOf(of.provider, of.model, of.upstream)}
	p.adding.Lock()
	defer p.adding.Unlock()
	known := *p.found.Load()
	if len(known) >= mostPriced || len(of.model)+len(of.upstream) > mostPricedName {
		return f
	}
	next := maps.Clone(known)
	next[f.of] = f
	p.found.Store(&next)
	return f
}

// mostCost bounds what one request costs, in nano-dollars: 72 million dollars.
const mostCost = saturate.Most

// Cost is what a request costs by a price, in nano-dollars, to the nearest. What is of one kind beside another, as
// sound that was read from a cache, costs what the first of them does: cached, written, sound, images. What is counted
// otherwise, as images and seconds, is paid where tokens have no price, or nobody has counted them.
func Cost(of config.Price, t Tokens) int64 { return costBy(of.For(t.Prompt, t.Service, t.At), &t) }

// costBy is Cost by the price that was chosen.
func costBy(p *config.Price, t *Tokens) int64 {
	var sum product
	prompt := max(t.Prompt, 0)
	cached := min(max(t.Cached, 0), prompt)
	written := min(max(t.CacheWrite, 0), prompt-cached)
	plain, completion := prompt-cached-written, max(t.Completion, 0)
	switch {
	case p.More == nil && t.CacheWrite1h == 0: // nearly always
		sum.add(cached, p.Cached)
		sum.add(written, p.CacheWrite)
		sum.add(plain, p.Input)
		sum.add(completion, p.Output)
		return sum.nano()
	case p.HasUnits():
		sum.add(1, p.Search(price.PerRequest, t.Search))
		sum.add(max(t.Searches, 0), p.Search(price.PerSearch, t.Search))
		sum.add(max(t.FileSearches, 0), p.Or(price.PerFileSearch, 0))
		sum.add(max(t.CodeCalls, 0), p.Or(price.PerCodeCall, 0))
		sum.add(max(t.DocumentSearches, 0), p.Or(price.PerDocumentSearch, 0))
		sum.add(max(t.Maps, 0), p.Or(price.PerMap, 0))
		switch media := mediaOf(p, t); {
		case media != (product{}) && (t.Estimated || !p.HasTokens()):
			sum.plus(media)
			return sum.nano()
		case p.HasTokens():
		case p.FreeTokens || p.Or(price.PerRequest, 0) != 0 || sum != (product{}) && t.Completion == 0: // it, or a ranking or search, is paid by that
			return sum.nano()
		default: // it is asked for something else than what its price is for; what was searched for an answer is beside its tokens
			return sum.with(costBy(&config.DefaultPrice, t))
		}
	}
	hour := min(max(t.CacheWrite1h, 0), written)
	sum.add(cached, p.Cached)
	sum.add(written-hour, p.CacheWrite)
	sum.add(hour, hourWrite(p))
	for _, part := range [...]struct {
		of, left *int64
		member   price.Member
		price    int64
	}{
		{&t.AudioInput, &plain, price.AudioInput, p.Input}, {&t.ImageInput, &plain, price.ImageInput, p.Input},
		{&t.AudioOutput, &completion, price.AudioOutput, p.Output}, {&t.ImageOutput, &completion, price.ImageOutput, p.Output},
		{&t.Reasoning, &completion, price.Reasoning, p.Output},
	} {
		n := min(max(*part.of, 0), *part.left)
		*part.left -= n
		sum.add(n, p.Or(part.member, part.price))
	}
	sum.add(plain, p.Input)
	sum.add(completion, p.Output)
	return sum.nano()
}

// CostAtMost is what as many tokens cost in the dearest way that there is: prompts that are written into a cache or are
// sound or images, answers that are thought, said aloud or drawn, counted by tokens or by what is paid otherwise,
// images of the dearest size and quality that were not ruled out, at the dearest time of the day. Those of the prompt
// are kept in a cache for an hour if t has any that are.
func CostAtMost(of *config.Price, t Tokens) (most int64) {
	if of.More == nil {
		return mostBy(of, &t)
	}
	of.AtTimes(t.Prompt, t.Service, func(p *config.Price) { most = max(most, mostBy(p, &t)) })
	return most
}

// mostBy is CostAtMost by the price that was chosen.
func mostBy(p *config.Price, t *Tokens) (most int64) {
	if t.Images > 0 && p.HasImages() {
		dearest := p.ImagesAtMost(t.ImageSize, t.ImageQuality)
		p = &dearest
	}
	hour := t.CacheWrite1h
	if p.More == nil && hour == 0 && p.CacheWrite <= p.Input { // nearly always
		return costBy(p, t)
	}
	for _, prompt := range [...]func(*Tokens){
		func(*Tokens) {},
		func(t *Tokens) { t.CacheWrite = t.Prompt },
		func(t *Tokens) { t.CacheWrite, t.CacheWrite1h = t.Prompt, hour },
		func(t *Tokens) { t.AudioInput = t.Prompt },
		func(t *Tokens) { t.ImageInput = t.Prompt },
	} {
		for _, answer := range [...]func(*Tokens){
			func(*Tokens) {},
			func(t *Tokens) { t.Reasoning = t.Completion },
			func(t *Tokens) { t.AudioOutput = t.Completion },
			func(t *Tokens) { t.ImageOutput = t.Completion },
			func(t *Tokens) { t.Estimated = true },
		} {
			one := *t
			one.CacheWrite1h = 0
			prompt(&one)
			answer(&one)
			most = max(most, costBy(p, &one))
		}
	}
	return most
}

// mediaOf is what is paid for images, sound and what is spoken, where it is not paid by tokens.
func mediaOf(p *config.Price, t *Tokens) (sum product) {
	sum.add(max(t.Images, 0), p.Image(t.ImageSize, t.ImageQuality))
	sum.add(max(t.Seconds, 0), p.Or(price.PerSecond, 0))
	sum.add(max(t.Characters, 0), p.Or(price.PerCharacter, 0))
	return sum
}

// hourWrite is the price of a token that was written into a cache for an hour. Where there is none it is that for five
// minutes, and as much more as it is with Anthropic, who asks twice the input instead of one and a quarter.
func hourWrite(p *config.Price) int64 {
	switch n, is := p.Get(price.CacheWrite1h); {
	case is:
		return n
	case p.CacheWrite == p.Input:
		return p.Input
	}
	return p.CacheWrite / 5 * 8
}

// product is a sum of products in 128 bits, each of them below 2^126.
type product struct{ high, low uint64 }

func (s *product) add(n, price int64) {
	h, l := bits.Mul64(uint64(n), uint64(max(price, 0)))
	s.plus(product{h, l})
}

func (s *product) plus(o product) {
	var carry uint64
	s.low, carry = bits.Add64(s.low, o.low, 0)
	s.high = min(s.high+o.high+carry, 1<<62) // far above what fits, and far below where another one would turn it round
}

// with is the sum and so many nano-dollars more.
func (s *product) with(nano int64) int64 { return saturate.Add(s.nano(), nano) }

// nano is the sum in nano-dollars, of pico-dollars.
func (s *product) nano() int64 {
	if s.high >= 500 { // more than fits
		return mostCost
	}
	whole, rest := bits.Div64(s.high, s.low, 1000)
	if rest >= 500 {
		whole++
	}
	return int64(min(whole, mostCost))
}
