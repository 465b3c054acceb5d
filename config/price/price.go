// Package price knows what models cost: what a price is made of, and the list prices of providers.
package price

import "slices"

// Member is a part of a price.
type Member int

// The members of a price beside the four that nearly all have. Those of tokens are of the input or the output, and cost what that costs
// where they have no price of their own.
const (
	CacheWrite1h Member = iota // tokens written into a cache that keeps them for an hour
	Reasoning                  // tokens of thinking
	AudioInput                 // tokens of sound
	AudioOutput
	ImageInput // tokens of images
	ImageOutput
	tokenMembers // what follows is no price of tokens

	PerImage     = iota - 1 // one that was made
	PerSecond               // of sound
	PerCharacter            // of what is to be spoken
	PerRequest
	PerSearch // one that the provider made for the answer
	memberCount
)

// Price is in pico-dollars per token, which is micro-dollars per million tokens: exact for the six decimals allowed in
// model_price. A billion tokens at 1000 dollars a million still fit into an int64.
type Price struct {
	Input, Output      int64
	Cached, CacheWrite int64 // like Input where only two prices are given
	*More                    // nil for a price of only those
}

// More is what few prices have. It is not changed once it is part of a price.
type More struct {
	said  uint32 // a bit for each member that has a price
	of    [memberCount]int64
	Tiers []Tier
}

// Tier is the price that holds instead in some circumstances.
type Tier struct {
	Above   int64  // for prompts of more tokens; 0 for all
	Service string // the service tier that was asked for, such as flex or priority; "" for the usual one
	Price   Price  // it has no tiers
}

// Get is a member in pico-dollars for one of what it counts; false if it has no price of its own.
func (p *Price) Get(m Member) (int64, bool) {
	if p.More == nil || p.said&(1<<m) == 0 {
		return 0, false
	}
	return p.of[m], true
}

// Or is Get, or something else where that has no price.
func (p *Price) Or(m Member, otherwise int64) int64 {
	if n, is := p.Get(m); is {
		return n
	}
	return otherwise
}

// set gives a member a price. It must not be called on a price that somebody else has.
func (p *Price) set(m Member, n int64) {
	if p.More == nil {
		p.More = new(More)
	}
	p.said |= 1 << m
	p.of[m] = n
}

// HasUnits says whether something else than tokens has a price.
func (p *Price) HasUnits() bool { return p.More != nil && p.said>>tokenMembers != 0 }

// HasTokens says whether tokens have one.
func (p *Price) HasTokens() bool {
	return p.Input != 0 || p.Output != 0 || p.More != nil && p.said&(1<<tokenMembers-1) != 0
}

// HasServices says whether there are prices of service tiers.
func (p *Price) HasServices() bool {
	return p.More != nil && slices.ContainsFunc(p.Tiers, func(t Tier) bool { return t.Service != "" })
}

// For is the price that holds for a prompt of so many tokens and a service tier: of the tiers that fit it, the one for that service before
// one for any, and that with the highest bound.
func (p *Price) For(prompt int64, service string) *Price {
	if p.More == nil || len(p.Tiers) == 0 {
		return p
	}
	best, bound, own := p, int64(0), false
	for i := range p.Tiers {
		t := &p.Tiers[i]
		mine := t.Service != ""
		switch {
		case t.Above > 0 && prompt <= t.Above, mine && t.Service != service, own && !mine:
		case mine && !own, t.Above >= bound:
			best, bound, own = &t.Price, t.Above, mine
		}
	}
	return best
}
