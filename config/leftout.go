package config

import (
	"cmp"
	"slices"

	yaml "go.yaml.in/yaml/v4"
)

// Item is what an error of the file costs: what a start leaves out for it, so that the rest can serve.
type Item string

// The items. Whoever adds an error says by d.within which of them it costs.
const (
	ItemFile        Item = "file"         // all of it: it is refused
	ItemProvider    Item = "provider"     //
	ItemProviderKey Item = "provider_key" // one of several
	ItemModel       Item = "model"        // of a provider
	ItemKey         Item = "api_key"      // of a client
	ItemRule        Item = "rule"         // of a client key, which may use that much less
	ItemWeight      Item = "weight"       // the rule stays
	ItemPrice       Item = "price"        // of a model
	ItemPreference  Item = "preference"   // one of those for all; what it is by default holds
	ItemOverride    Item = "override"     // a part of post_body_parameter_overrides that means nothing
)

// scope is what the errors cost that are noted now.
type scope struct {
	item   Item
	failed *bool
	quiet  bool // what is looked up once more has been noted before
}

// within reads something that is left out as a whole if it has an error that costs no smaller item, and says whether it
// can stay.
func (d *decoder) within(item Item, read func()) bool {
	outer, failed := d.scope, false
	d.scope = scope{item: item, failed: &failed}
	defer func() { d.scope = outer }()
	read()
	return !failed
}

// of reads something that has a name, which is known once it is read, and gives it to the errors that are noted
// meanwhile.
func (d *decoder) of(name func() string, read func()) {
	from := len(d.errors)
	read()
	for i := range d.errors[from:] {
		d.errors[from+i].Of = name()
	}
}

func (p *Provider) called() string { return maskRule(p.Name) }

// called is what logs call the key, before all keys are known.
func (k *APIKey) called() string { return cmp.Or(k.Role, keyAlias(k.Key)) }

// failFile is fail for what nothing can be served without.
func (d *decoder) failFile(n *yaml.Node, word, format string, args ...any) {
	d.within(ItemFile, func() { d.fail(n, word, format, args...) })
}

// left counts what is left out, and keeps what has secrets in it that no text may show.
type left struct {
	providers, keys int
	ofProviders     []*Provider
	ofKeys          []*APIKey
}

func (d *decoder) leaveProvider(p *Provider) {
	if !slices.Contains(d.cfg.left.ofProviders, p) {
		d.cfg.left.ofProviders = append(d.cfg.left.ofProviders, p)
		d.cfg.left.providers++
	}
}

func (d *decoder) leaveKey(k *APIKey) {
	if !slices.Contains(d.cfg.left.ofKeys, k) {
		d.cfg.left.ofKeys = append(d.cfg.left.ofKeys, k)
		d.cfg.left.keys++
	}
}

// leaveOut takes out of the configuration what has errors, and says whether anything is left that could serve.
func (d *decoder) leaveOut() bool {
	if len(d.errors) >= maxNoted || slices.ContainsFunc(d.errors, func(p Problem) bool { return p.Item == ItemFile }) {
		return false
	}
	c := d.cfg
	c.Providers = slices.DeleteFunc(c.Providers, func(p *Provider) bool { return slices.Contains(c.left.ofProviders, p) })
	c.APIKeys = slices.DeleteFunc(c.APIKeys, func(k *APIKey) bool { return slices.Contains(c.left.ofKeys, k) })
	return len(c.APIKeys) > 0 && (len(c.Providers) > 0 || c.left.providers == 0)
}
