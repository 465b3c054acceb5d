package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Access is when, and from where, a client key may be used.
type Access struct {
	Disabled  bool
	ExpiresAt *time.Time     // from then on it may not; nil = never
	AllowIPs  []netip.Prefix // nil = from everywhere
}

// Denial is why a client key may not be used.
type Denial int

// The denials.
const (
	NotDenied Denial = iota
	DeniedDisabled
	DeniedExpired
	DeniedAddress
)

// Limited says whether the key may not always be used, by everybody who has it.
func (a *Access) Limited() bool { return a.Disabled || a.ExpiresAt != nil || a.AllowIPs != nil }

// Over says whether nobody may use the key at a time.
func (a *Access) Over(now time.Time) Denial {
	switch {
	case a.Disabled:
		return DeniedDisabled
	case a.ExpiresAt != nil && !now.Before(*a.ExpiresAt):
		return DeniedExpired
	}
	return NotDenied
}

// Denies says whether, and why, the key may not be used at a time by who is at an address. One that is not known is
// none of those allowed.
func (a *Access) Denies(now time.Time, client netip.Addr) Denial {
	if over := a.Over(now); over != NotDenied {
		return over
	}
	client = client.Unmap().WithZone("")
	if a.AllowIPs != nil && !slices.ContainsFunc(a.AllowIPs, func(p netip.Prefix) bool { return p.Contains(client) }) {
		return DeniedAddress
	}
	return NotDenied
}

// accessKeys are those that keep somebody out.
var accessKeys = []string{"expires_at", "allow_ips", "disabled"}

var accessFields = []field[KeyPreferences]{
	take("expires_at", optional(timestamp), func(p *KeyPreferences) **time.Time { return &p.Access.ExpiresAt }),
	take("allow_ips", networks, func(p *KeyPreferences) *[]netip.Prefix { return &p.Access.AllowIPs }),
	take("disabled", flag, func(p *KeyPreferences) *bool { return &p.Access.Disabled }),
}

// checkAccess finds the keys of the file that are to keep somebody out and say nothing, or stand elsewhere: taken for
// absent, they would let everybody in.
func (d *decoder) checkAccess(k *APIKey) {
	for _, key := range accessKeys {
		if at := d.valueOf(d.keys[k], key); at != d.keys[k] {
			d.fail(at, "", "%s stands beside the preferences of the key, where it keeps nobody out; write it into them", key)
		}
	}
	preferences := d.valueOf(d.keys[k], "preferences")
	if preferences == d.keys[k] || preferences.Kind != yaml.MappingNode {
		return
	}
	for _, key := range accessKeys {
		if at := d.valueOf(preferences, key); at != preferences && isNull(at) {
			d.fail(at, "", "%s has no value; give it one, or remove it", key)
		}
	}
	if t := k.Preferences.Access.ExpiresAt; t != nil && !time.Now().Before(*t) {
		d.warn(d.valueOf(preferences, "expires_at"), "", "the key %s has expired; give it another expires_at, or remove the key", Mask(k.Key))
	}
}

// networks reads a list of addresses and ranges that has at least one.
func networks(d *decoder, n *yaml.Node) ([]netip.Prefix, bool) {
	texts, ok := listOf(text)(d, n)
	list := make([]netip.Prefix, 0, len(texts))
	for _, part := range texts {
		network, problem := network(part)
		if problem != "" {
			d.fail(n, part, "%s: %s %s", d.key, shown(part), problem)
			ok = false
			continue
		}
		list = append(list, network)
	}
	if ok && len(list) == 0 {
		d.fail(n, "", "%s is empty: nobody could use the key; name an address or a range such as 192.0.2.0/24, or remove it", d.key)
		ok = false
	}
	return list, ok
}

// network reads "192.0.2.7" or "2001:db8::/32". problem is what is wrong with another text.
func network(text string) (p netip.Prefix, problem string) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return p, "is neither an address such as 192.0.2.7 nor a range such as 192.0.2.0/24"
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), ""
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, "is neither an address such as 192.0.2.7 nor a range such as 192.0.2.0/24"
	case p.Addr().Is4In6():
		return p, "is a range of IPv4 addresses in the form of IPv6; write it as one of IPv4"
	case p != p.Masked():
		return p, "is an address in a range; write " + p.Masked().String() + " for the range, or " + p.Addr().String() + " for the address"
	}
	return p, ""
}

// summary is the networks as they may be written.
func (a *Access) summary() string {
	texts := make([]string, len(a.AllowIPs))
	for i, p := range a.AllowIPs {
		texts[i] = p.String()
		if p.IsSingleIP() {
			texts[i] = p.Addr().String()
		}
	}
	return strings.Join(texts, ", ")
}
