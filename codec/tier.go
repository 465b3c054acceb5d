package codec

import "strings"

// ServiceTier is the member that says in most formats which service tier a request asks for.
const ServiceTier = "service_tier"

// Speed is the member of Anthropic's fast mode, which has a price of its own as a service tier has.
const Speed = "speed"

// ServiceTierNames are the names of the members that say it in one format or another.
var ServiceTierNames = []string{ServiceTier, "serviceTier", Speed}

// defaultTiers are those of formats that name none.
var defaultTiers = []string{ServiceTier}

// ServiceTiers are the members of a request by which a format tells which service tier is asked for, each by its path.
func (t *Properties) ServiceTiers() []string {
	if t.Tiers == nil {
		return defaultTiers
	}
	return t.Tiers
}

// TierWord is what a member that tells a service tier asks for, in the word by which prices call it: Google has words of its own for them, in any letters, and of speeds one has
// a price.
func TierWord(path, said string) string {
	word := strings.TrimPrefix(strings.ToLower(said), "service_tier_")
	if path == Speed && word != "fast" {
		return ""
	}
	return word
}
