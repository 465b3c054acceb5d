package price

import (
	"slices"
	"strings"
)

// SearchPrice is what a search, or a request that searches, costs of a kind.
type SearchPrice struct {
	Member Member // PerRequest or PerSearch
	Kind   string
	Amount int64 // pico-dollars
}

// SearchKinds are what requests say of searches that prices go by: the size of the context that is searched for, and
// OpenAI's older tool.
var SearchKinds = [...]string{"low", "medium", "high", "preview"}

// IsSearchKind says whether a price of requests or searches may be for that.
func IsSearchKind(text string) bool {
	return text == defaultImage || slices.Contains(SearchKinds[:], text)
}

// ByKind says of a part's name whether it may have prices by the kind of searches.
func ByKind(name string) bool { return name == names[PerRequest] || name == names[PerSearch] }

// setSearch gives searches of a kind a price. What has none of its own costs the default, or as much as the dearest.
func (p *Price) setSearch(m Member, kind string, amount int64) {
	if kind == defaultImage {
		p.set(m, amount)
		p.More.otherSearches |= 1 << m
		return
	}
	if was, is := p.Get(m); !is || p.otherSearches&(1<<m) == 0 && amount > was {
		p.set(m, amount)
	}
	for i := range p.Searches { // of a tier, which says otherwise than the price without it
		if s := &p.Searches[i]; s.Member == m && s.Kind == kind {
			s.Amount = amount
			return
		}
	}
	p.Searches = append(p.Searches, SearchPrice{m, kind, amount})
}

// HasSearchKinds says whether there are prices by the kind of searches, at some time or in some tier.
func (p *Price) HasSearchKinds() bool {
	return p.More != nil && (len(p.Searches) > 0 || slices.ContainsFunc(p.Tiers, func(t Tier) bool { return t.Price.HasSearchKinds() }))
}

// Search is what a member costs where searches are of a kind; "" is unknown.
func (p *Price) Search(m Member, kind string) int64 {
	if p.More != nil && kind != "" {
		for _, s := range p.Searches {
			if s.Member == m && s.Kind == kind {
				return s.Amount
			}
		}
	}
	return p.Or(m, 0)
}

// searchesString is what a member costs by the kind of searches.
func (p *Price) searchesString(m Member) string {
	var list []string
	for _, s := range p.Searches {
		if s.Member == m {
			list = append(list, s.Kind+" "+Dollars(s.Amount, Places(names[m])))
		}
	}
	if list == nil {
		return ""
	}
	return " (" + strings.Join(list, ", ") + ")"
}
