package config

import (
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"uniapi/config/price"
)

// pricePlaces is how many decimals of a dollar per million tokens Price holds.
const pricePlaces = 6

// readPrice reads "input,output[,cached,cache_write[,cache_write_1h]]" in dollars per million tokens, as text or list, or a mapping of members.
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
	tierAbove   = "above"   // prices for longer prompts, by how many tokens
	tierService = "service" // prices of service tiers, by their names
)

// readPriceMembers reads a price that says what each of its members costs. Below above and service the same members may stand again, and below
// each service above.
func readPriceMembers(d *decoder, n *yaml.Node) (Price, bool) {
	parts, good := priceParts(d, n, price.Part{}, nil)
	if !good {
		return Price{}, false
	}
	p, err := price.Make(parts)
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
	for _, m := range d.pairs(n) {
		switch {
		case !slices.Contains(known, m.key):
			d.fail(m.value, m.key, "%s: %s is no part of a price%s; the parts are %s", d.key, shown(m.key), didYouMean(m.key, known), strings.Join(known, ", "))
			good = false
		case m.key == tierAbove || m.key == tierService:
			if m.value.Kind != yaml.MappingNode {
				d.fail(m.value, "", "%s: %s must be a mapping, not %s", d.key, m.key, kindOf(m.value))
				good = false
				continue
			}
			for _, t := range d.pairs(m.value) {
				tier := in
				if m.key == tierService {
					tier.Service = t.key
				} else if bound, err := strconv.ParseInt(t.key, 10, 64); err == nil && bound > 0 {
					tier.Above = bound
				} else {
					d.fail(t.value, t.key, "%s: above has prices by how many tokens a prompt has, such as 200000, not %s", d.key, shown(t.key))
					good = false
					continue
				}
				if t.value.Kind != yaml.MappingNode {
					d.fail(t.value, "", "%s: %s %s must be a mapping of prices, not %s", d.key, m.key, shown(t.key), kindOf(t.value))
					good = false
					continue
				}
				more, fine := priceParts(d, t.value, tier, parts)
				parts, good = more, good && fine
			}
		default:
			part := in
			part.Name = m.key
			amount, fine := int64(0), false
			if isPlain(m.value) {
				amount, fine = dollarsOf(m.value.Value, m.key)
			}
			if !fine {
				good = false
				d.fail(m.value, m.value.Value, "%s: %s must be an amount of dollars with at most %d decimals, not %s", d.key, m.key, price.Places(m.key), shown(m.value.Value))
				continue
			}
			part.Amount = amount
			parts = append(parts, part)
		}
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
