package config

import (
	"encoding/hex"
	"net/url"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"uniapi/config/price"
)

// PriceSource is where the list prices are from that take the place of those that the program has with it. The zero
// value is none.
type PriceSource struct {
	URL, File string // one of them; a path is from where the program was started
	SHA256    string // of its bytes, in lower-case hexadecimal; "" for whatever it is
}

// String is the source as logs may tell it: without what an address may hold of secrets.
func (s PriceSource) String() string {
	if s.URL != "" {
		return maskURL(s.URL)
	}
	return s.File
}

var priceSourceFields = []field[PriceSource]{
	take("url", text, func(s *PriceSource) *string { return &s.URL }),
	take("file", text, func(s *PriceSource) *string { return &s.File }),
	take("sha256", text, func(s *PriceSource) *string { return &s.SHA256 }),
}

// priceSource reads an address or a path alone, or a mapping with one.
func priceSource(d *decoder, n *yaml.Node) (s PriceSource, ok bool) {
	if n.Kind == yaml.MappingNode {
		s, ok = nested(priceSourceFields, PriceSource{})(d, n)
	} else if s.File, ok = text(d, n); strings.Contains(s.File, "://") {
		s.URL, s.File = s.File, ""
	}
	if !ok {
		return PriceSource{}, false
	}
	if (s.URL == "") == (s.File == "") {
		d.fail(n, "", "%s must name a list of prices by url or by file", d.key)
		return PriceSource{}, false
	}
	if u, err := url.Parse(s.URL); s.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "") {
		d.fail(n, "", "%s must be an http or https address, or the path of a file", d.key)
		return PriceSource{}, false
	}
	s.SHA256 = strings.ToLower(s.SHA256)
	if sum, err := hex.DecodeString(s.SHA256); s.SHA256 != "" && (err != nil || len(sum) != 32) {
		d.fail(n, "", "%s: sha256 must be the 64 hexadecimal digits that sha256sum prints of the list", d.key)
		return PriceSource{}, false
	}
	return s, true
}

// WithPrices is the configuration with a list of prices in the place of the one that the program has with it; nil is
// that one.
func (c *Config) WithPrices(list *price.List) *Config {
	if list == c.priceList {
		return c
	}
	with := *c
	with.priceList = list
	return &with
}

// PriceList is the list of prices in force.
func (c *Config) PriceList() *price.List {
	if c.priceList != nil {
		return c.priceList
	}
	return listPrices
}

// listName is what the list of prices in force is called.
func (c *Config) listName() string {
	if c.priceList != nil {
		return "price_source of " + c.PriceList().Date
	}
	return "list price of " + listPrices.Date
}
