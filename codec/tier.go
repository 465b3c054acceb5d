package codec

import (
	"strings"

	"uniapi/codec/rawjson"
)

// ServiceTier is the member that says in most formats which service tier a request asks for.
const ServiceTier = "service_tier"

// Speed is the member of Anthropic's fast mode, which has a price of its own as a service tier has.
const Speed = "speed"

// Place is the member of Anthropic's that says where the model is to run, which has a price of its own in one place.
const Place = "inference_geo"

// ServiceTierNames are the names of the members that say it in one format or another.
var ServiceTierNames = []string{ServiceTier, "serviceTier", Speed, Place}

// defaultTiers are those of formats that name none.
var defaultTiers = []string{ServiceTier}

// ServiceTiers are the members of a request by which a format tells which service tier is asked for, each by its path.
func (t *Properties) ServiceTiers() []string {
	if t.Tiers == nil {
		return defaultTiers
	}
	return t.Tiers
}

// TierWord is what a member that tells a service tier asks for, in the word by which prices call it: Google has words
// of its own for them, in any letters, and of speeds and of places one each has a price.
func TierWord(path, said string) string {
	word := strings.TrimPrefix(strings.ToLower(said), "service_tier_")
	if path == Speed && word != "fast" || path == Place && word != pricedPlace {
		return ""
	}
	return word
}

// pricedPlace is the place that costs more than anywhere: "1.1x" of all tokens, from Claude Opus 4.6 on
// (https://platform.claude.com/docs/en/about-claude/pricing, "Data residency pricing").
const pricedPlace = "us"

// JoinTier adds what one more member asks for: a place is beside the tier, and of two tiers the later one counts.
func JoinTier(tier, path, word string) string {
	switch {
	case word == "":
		return tier
	case path != Place:
		if _, place, both := strings.Cut(tier, "+"); both {
			return word + "+" + place
		} else if tier == pricedPlace {
			return word + "+" + pricedPlace
		}
		return word
	case tier == "" || tier == UsualTier:
		return word
	}
	return tier + "+" + word
}

// UsualTier is what an answer is told to be served by that was served as most are.
const UsualTier = "default"

// longestTier bounds what is believed to be the name of one.
const longestTier = 32

// toldTiers are the words in which providers tell which service tier has served an answer, and what prices call that.
// What was asked for may not have been had: OpenAI's answer has "the processing mode actually used"
// (https://platform.openai.com/docs/api-reference/responses/object), and Google goes on at the usual tier where
// priority is full (https://ai.google.dev/gemini-api/docs/priority-inference). That auto was asked for tells nothing.
var toldTiers = map[string]string{
	"auto": "", "unspecified": "", "default": UsualTier, "standard": UsualTier, "on_demand": UsualTier, "flex": "flex", "priority": "priority", "batch": "batch", "fast": "fast",
	"ultrafast": "ultrafast", "scale": "scale", "reserved": "reserved",
	// Vertex' trafficType.
	"traffic_type_unspecified": "", "on_demand_priority": "priority", "on_demand_flex": "flex", "provisioned_throughput": UsualTier,
}

// TierTold is which service tier an answer says that it was served by, in the word by which prices call it: UsualTier
// of the usual one, "" where it does not say so.
func TierTold(data []byte, v rawjson.Value) string {
	said, _ := rawjson.Text(data, v)
	return TierSaid(said)
}

// TierSaid is TierTold of a word, which may be part of a buffer.
func TierSaid(said string) string {
	if said == "" || len(said) > longestTier {
		return ""
	}
	word := TierWord(ServiceTier, said)
	if known, is := toldTiers[word]; is {
		return known
	}
	return strings.Clone(word)
}
