package config

import (
	yaml "go.yaml.in/yaml/v4"
)

// UnpricedMedia is what becomes of requests for images, speech, transcripts, moderation and reranking where nobody has
// said what the model costs. The zero value refuses those of keys with credits, and charges others the default price.
type UnpricedMedia struct {
	Said   bool
	Refuse bool
	Fee    int64 // nano-dollars for a request, where they are not refused
}

const (
	unpricedRefuse = "refuse"
	unpricedFree   = "free"
)

func unpricedMedia(d *decoder, n *yaml.Node) (UnpricedMedia, bool) {
	word, ok := text(d, n)
	switch {
	case !ok:
		return UnpricedMedia{}, false
	case word == unpricedRefuse:
		return UnpricedMedia{Said: true, Refuse: true}, true
	case word == unpricedFree:
		return UnpricedMedia{Said: true}, true
	}
	fee, good := decimal(word, nanoDollarPlaces)
	if !good || fee > mostMoney {
		d.fail(n, word, "%s must be %s, %s or the dollars that a request costs, such as 0.05, not %s", d.key, unpricedRefuse, unpricedFree, shown(word))
		return UnpricedMedia{}, false
	}
	return UnpricedMedia{Said: true, Fee: fee}, true
}

// String is the setting as it is written in the file.
func (u UnpricedMedia) String() string {
	switch {
	case !u.Said:
		return ""
	case u.Refuse:
		return unpricedRefuse
	case u.Fee == 0:
		return unpricedFree
	}
	return dollars(u.Fee, nanoDollarPlaces)
}
