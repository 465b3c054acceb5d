package config

import (
	"slices"
	"strconv"

	yaml "go.yaml.in/yaml/v4"

	"uniapi/config/price"
)

// tierParts reads the prices of longer prompts or of service tiers.
func tierParts(d *decoder, m pair, in price.Part, parts []price.Part) (_ []price.Part, good bool) {
	if m.value.Kind != yaml.MappingNode {
		d.fail(m.value, "", "%s: %s must be a mapping, not %s", d.key, m.key, kindOf(m.value))
		return parts, false
	}
	good = true
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
	return parts, good
}

// The members of off_peak beside prices.
const (
	offPeakHours = "hours"
	offPeakZone  = "zone"
)

// offPeakParts reads prices that hold at some hours: a mapping, or a list of them.
func offPeakParts(d *decoder, n *yaml.Node, parts []price.Part) (_ []price.Part, good bool) {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = d.items(n)
	}
	good = true
	for _, item := range list {
		if item.Kind != yaml.MappingNode {
			d.fail(item, "", "%s: off_peak must be a mapping such as {hours: [\"16:30-00:30\"], zone: UTC, input: 1, output: 2}, or a list of them, not %s", d.key, kindOf(item))
			return parts, false
		}
		hours, fine := readHours(d, item)
		if !fine {
			good = false
			continue
		}
		before := len(parts)
		parts, fine = priceParts(d, item, price.Part{Hours: hours}, parts)
		if fine && len(parts) == before {
			d.fail(item, "", "%s: off_peak has no prices beside its hours; write what holds then, such as input and output", d.key)
			fine = false
		}
		good = good && fine
	}
	return parts, good
}

// readHours reads when prices hold.
func readHours(d *decoder, n *yaml.Node) (*price.Hours, bool) {
	var windows []string
	zone := ""
	at := n
	for _, m := range d.pairs(n) {
		switch m.key {
		case offPeakHours:
			at = m.value
			for _, item := range d.items(m.value) {
				if !isPlain(item) {
					d.fail(item, "", "%s: off_peak hours must be a text such as \"mon-fri 16:30-00:30\", or a list of them, not %s", d.key, kindOf(item))
					return nil, false
				}
				windows = append(windows, item.Value)
			}
		case offPeakZone:
			if !isPlain(m.value) {
				d.fail(m.value, "", "%s: off_peak zone must be a time zone such as Europe/Berlin or UTC, not %s", d.key, kindOf(m.value))
				return nil, false
			}
			zone = m.value.Value
			if _, err := price.ReadHours([]string{"sun-sat"}, zone); err != nil {
				d.fail(m.value, zone, "%s: off_peak: %v", d.key, err)
				return nil, false
			}
		}
	}
	hours, err := price.ReadHours(windows, zone)
	if err != nil {
		word := ""
		if i := slices.IndexFunc(windows, func(w string) bool { _, err := price.ReadHours([]string{w}, zone); return err != nil }); i >= 0 {
			word = windows[i]
		}
		d.fail(at, word, "%s: off_peak: %v", d.key, err)
		return nil, false
	}
	return hours, true
}

// partsOf reads a member that has several prices, each for something that words say.
func partsOf(d *decoder, of pair, in price.Part, parts []price.Part, isWords func(string) bool, what string) (_ []price.Part, good bool) {
	good = true
	for _, m := range d.pairs(of.value) {
		part := in
		part.Name, part.Of = of.key, m.key
		fine := false
		if isPlain(m.value) {
			part.Amount, fine = dollarsOf(m.value.Value, of.key)
		}
		switch {
		case !isWords(m.key):
			good = false
			d.fail(m.value, m.key, "%s: %s has prices %s, not %s", d.key, of.key, what, shown(m.key))
		case !fine:
			good = false
			d.fail(m.value, m.value.Value, "%s: %s %s must be an amount of dollars with at most %d decimals, not %s", d.key, of.key, shown(m.key), price.Places(of.key), shown(m.value.Value))
		default:
			parts = append(parts, part)
		}
	}
	return parts, good
}
