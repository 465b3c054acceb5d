// Package price knows what models cost: what a price is made of, and the list prices of providers.
package price

import (
	"slices"
	"strings"
)

// Member is a part of a price.
type Member int

// The members of a price beside the four that nearly all have. Those of tokens are of the input or the output, and cost
// what that costs where they have no price of their own.
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
	PerSearch     // one of the web that the provider made for the answer
	PerFileSearch // one of what the provider keeps of files, as PerDocumentSearch is of those that came with the request
	PerCodeCall   // a program that the provider ran for the answer
	PerDocumentSearch
	PerMap // an answer for which Google Maps was asked
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

	FreeTokens bool // it is said that tokens cost nothing, and not left open what they do

	Images      []ImagePrice // by size and quality, beside PerImage
	otherImages bool         // PerImage is said of all others

	Searches      []SearchPrice // by kind, beside PerRequest and PerSearch
	otherSearches uint32        // a bit for each of these two that is said of all others
}

// Tier is the price that holds instead in some circumstances.
type Tier struct {
	Above   int64  // for prompts of more tokens; 0 for all
	Service string // the service tier that was asked for, such as flex or priority; "" for the usual one
	Hours   *Hours // for what ends within them; nil for any time
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

// SaidFree says in a price without one of tokens, which has others, that they are free.
func (p *Price) SaidFree() {
	if p.More == nil || p.HasTokens() {
		return
	}
	p.FreeTokens = true
	for i := range p.Tiers {
		p.Tiers[i].Price.SaidFree()
	}
}

// Base is the price for those of whom nothing is known but tokens: without tiers, and without what is paid by something
// else.
func (p *Price) Base() Price {
	base := *p
	if p.More != nil {
		more := *p.More
		more.said &= 1<<tokenMembers - 1
		more.Tiers = nil
		base.More = &more
	}
	return base
}

// HasServices says whether there are prices of service tiers.
func (p *Price) HasServices() bool {
	return p.More != nil && slices.ContainsFunc(p.Tiers, func(t Tier) bool { return t.Service != "" })
}

// HasHours says whether there are prices by the time of day.
func (p *Price) HasHours() bool {
	return p.More != nil && slices.ContainsFunc(p.Tiers, func(t Tier) bool { return t.Hours != nil })
}

// For is the price that holds for a prompt of so many tokens and a service tier at a time, in seconds since 1970: of
// the tiers that fit it, the one for that service before one for any, then one for the time, and that with the highest
// bound. Of two for the time the first counts.
func (p *Price) For(prompt int64, service string, at int64) *Price {
	if p.More == nil || len(p.Tiers) == 0 {
		return p
	}
	return p.choose(prompt, service, func(h *Hours) bool { return h.Include(at) })
}

// AtTimes are the prices that may hold for a prompt and a service tier, by when that is.
func (p *Price) AtTimes(prompt int64, service string, visit func(*Price)) {
	visit(p.choose(prompt, service, func(*Hours) bool { return false }))
	if !p.HasHours() {
		return
	}
	for i := range p.Tiers {
		if hours := p.Tiers[i].Hours; hours != nil {
			visit(p.choose(prompt, service, func(h *Hours) bool { return h == hours }))
		}
	}
}

// During is the price for requests of a time of which nothing is known but when they were; false if some that may be
// among them cost something else.
func (p *Price) During(from, to int64) (_ *Price, told bool) {
	told = true
	if p.More == nil {
		return p, told
	}
	for i := range p.Tiers {
		switch hours := p.Tiers[i].Hours; {
		case p.Tiers[i].Above > 0 || p.Tiers[i].Service != "":
			told = false
		case hours != nil:
			if !hours.Throughout(from, to) {
				return p.choose(0, "", func(*Hours) bool { return false }), false
			}
		}
	}
	return p.For(0, "", from), told
}

// Throughout is the price for all prompts of more than over and at most upTo tokens and a service tier in a time; false
// if some of them cost something else than the shortest one, outside all hours.
func (p *Price) Throughout(over, upTo int64, service string, from, to int64) (_ *Price, told bool) {
	told = true
	if p.More == nil {
		return p, told
	}
	timed := true
	service = p.serves(service)
	for i := range p.Tiers {
		t := &p.Tiers[i]
		if t.Service != "" && t.Service != service {
			continue
		}
		told = told && (t.Above <= over || t.Above >= upTo)
		timed = timed && (t.Hours == nil || t.Hours.Throughout(from, to))
	}
	return p.choose(over+1, service, func(h *Hours) bool { return timed && h.Include(from) }), told && timed
}

// Bounds are the bounds of its tiers that a prompt is between: it has more tokens than the first, and no more than the
// second, if that is not 0.
func (p *Price) Bounds(prompt int64) (over, upTo int64) {
	if p.More == nil {
		return 0, 0
	}
	for i := range p.Tiers {
		switch above := p.Tiers[i].Above; {
		case above == 0:
		case prompt > above:
			over = max(over, above)
		case upTo == 0 || above < upTo:
			upTo = above
		}
	}
	return over, upTo
}

func (p *Price) choose(prompt int64, service string, open func(*Hours) bool) *Price {
	best, bound, rank := p, int64(0), 0
	if p.More == nil {
		return best
	}
	service = p.serves(service)
	for i := range p.Tiers {
		t := &p.Tiers[i]
		if t.Above > 0 && prompt <= t.Above || t.Service != "" && t.Service != service || t.Hours != nil && !open(t.Hours) {
			continue
		}
		if mine := rankOf(0, t.Service, t.Hours); mine > rank || mine == rank && t.Above > bound {
			best, bound, rank = &t.Price, t.Above, mine
		}
	}
	return best
}

// quick are the words for service tiers that are quicker than others, each at least as dear as the next. OpenAI takes
// fast and priority for the same (developers.openai.com/api/docs/guides/fast-mode), and ultrafast costs more than both.
var quick = [...]string{"ultrafast", "fast", "priority"}

// serves is the service tier whose price holds for one that is asked for: of a quick one without a price that of the
// next. One in some place, as fast+us, without a price for both has that of the tier, and where there is none that of
// the place.
func (p *Price) serves(service string) string {
	tier, place, both := strings.Cut(service, "+")
	list := []string{tier}
	if at := slices.Index(quick[:], tier); at >= 0 {
		list = quick[at:]
	} else if !both {
		return service
	}
	for _, tier := range list {
		if both && p.hasService(tier+"+"+place) {
			return tier + "+" + place
		}
		if p.hasService(tier) {
			return tier
		}
	}
	if both {
		return place
	}
	return service
}

func (p *Price) hasService(service string) bool {
	return slices.ContainsFunc(p.Tiers, func(t Tier) bool { return t.Service == service })
}

// rankOf is how much is said of a price: what says more goes before.
func rankOf(above int64, service string, hours *Hours) (n int) {
	if above > 0 {
		n++
	}
	if hours != nil {
		n += 2
	}
	if service != "" {
		n += 4
	}
	return n
}
