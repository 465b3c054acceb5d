package config

import (
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"uniapi/config/price"
)

// pricePlaces is how many decimals of a dollar per million tokens Price holds.
const pricePlaces = 6

// readPrice reads "input,output[,cached,cache_write[,cache_write_1h]]" in dollars per million tokens, as text or list,
// or a mapping of members.
func readPrice(d *decoder, n *yaml.Node) (Price, bool) {
	if n.Kind == yaml.MappingNode {
		return readPriceMembers(d, n)
	}
	var words []string
	for _, item := range d.items(n) {
		if !isPlain(item) {
			d.fail(item, "", "%s must be a text such as \"3,15\", not %s", d.key, kindOf(item))
			return Price{}, false
		}
		words = append(words, strings.Split(item.Value, ",")...)
	}
	names := [...]string{"input", "output", "cached", "cache_write", "cache_write_1h"}
	good := len(words) == 2 || len(words) == 4 || len(words) == 5
	var parts []price.Part
	for i := 0; good && i < len(words); i++ {
		var amount int64
		amount, good = dollarsOf(words[i], names[i])
		parts = append(parts, price.Part{Name: names[i], Amount: amount})
	}
	if !good {
		word := strings.Join(words, ",")
		d.fail(n, word, "%s: %s is no price; write \"input,output\", \"input,output,cached,cache_write\" or \"input,output,cached,cache_write,cache_write_1h\" in dollars per million tokens, with at most %d decimals",
			d.key, shown(word), pricePlaces)
		return Price{}, false
	}
	p, err := price.Make(parts)
	return p, err == nil
}

// dollarsOf reads an amount below a million dollars, in the units of a member.
func dollarsOf(word, member string) (int64, bool) {
	places := price.Places(member)
	n, good := decimal(strings.TrimSpace(word), places)
	limit := int64(1e6)
	for range places {
		limit *= 10
	}
	return n, good && n < limit
}

const (
	tierAbove   = "above"    // prices for longer prompts, by how many tokens
	tierService = "service"  // prices of service tiers, by their names
	tierOffPeak = "off_peak" // prices at some hours

	perImage = "per_image" // an amount, or amounts by size and quality
)

// readPriceMembers reads a price that says what each of its members costs. Below above, service and off_peak the same
// members may stand again, below each service above, and below off_peak both.
func readPriceMembers(d *decoder, n *yaml.Node) (Price, bool) {
	parts, good := priceParts(d, n, price.Part{}, nil)
	if !good {
		return Price{}, false
	}
	p, err := price.Make(parts)
	says := func(name string) bool {
		return slices.ContainsFunc(parts, func(a price.Part) bool { return a.Name == name })
	}
	if says("input") && says("output") {
		p.SaidFree()
	}
	return p, err == nil
}

func priceParts(d *decoder, n *yaml.Node, in price.Part, parts []price.Part) (_ []price.Part, good bool) {
	good = true
	known := price.Names()
	if in.Service == "" && in.Above == 0 {
		known = append(known, tierService)
	}
	if in.Above == 0 {
		known = append(known, tierAbove)
	}
	if in.Service == "" && in.Above == 0 && in.Hours == nil {
		known = append(known, tierOffPeak)
	}
	if in.Service == "" && in.Above == 0 && in.Hours != nil {
		known = append(known, offPeakHours, offPeakZone)
	}
	for _, m := range d.pairs(n) {
		fine := false
		switch {
		case (m.key == offPeakHours || m.key == offPeakZone) && slices.Contains(known, m.key):
			continue // read already
		case !slices.Contains(known, m.key):
			d.fail(m.value, m.key, "%s: %s is no part of a price%s; the parts are %s", d.key, shown(m.key), didYouMean(m.key, known), strings.Join(known, ", "))
		case m.key == tierOffPeak:
			parts, fine = offPeakParts(d, m.value, parts)
		case m.key == tierAbove || m.key == tierService:
			parts, fine = tierParts(d, m, in, parts)
		case m.key == perImage && m.value.Kind == yaml.MappingNode:
			parts, fine = partsOf(d, m, in, parts, price.IsImageWords, "by size and quality, such as 1024x1536, high or \"high 1024x1536\", and a default")
		case price.ByKind(m.key) && m.value.Kind == yaml.MappingNode:
			parts, fine = partsOf(d, m, in, parts, price.IsSearchKind, "by the kind of searches: "+strings.Join(price.SearchKinds[:], ", ")+", and a default")
		default:
			part := in
			part.Name = m.key
			if isPlain(m.value) {
				part.Amount, fine = dollarsOf(m.value.Value, m.key)
			}
			if !fine {
				d.fail(m.value, m.value.Value, "%s: %s must be an amount of dollars with at most %d decimals, not %s", d.key, m.key, price.Places(m.key), shown(m.value.Value))
				break
			}
			parts = append(parts, part)
		}
		good = good && fine
	}
	return parts, good
}

// modelPrices reads model_price. Prefixes keep their case: they are compared with what clients write.
func modelPrices(d *decoder, n *yaml.Node) ([]ModelPrice, bool) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "", "%s must be a mapping from models to prices, not %s", d.key, kindOf(n))
		return nil, false
	}
	outer := d.key
	defer func() { d.key = outer }()
	var out []ModelPrice
	for _, p := range d.pairs(n) {
		if isNull(p.value) {
			continue
		}
		d.key = outer + "." + p.key
		d.within(ItemPrice, func() {
			if v, ok := readPrice(d, p.value); ok {
				out = append(out, ModelPrice{p.key, v, p.value.Line})
			}
		})
	}
	return out, true
}
