package fetch

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"

	"uniapi/config"
)

// refusal is why something is not fetched, in words that follow "could not fetch ADDRESS: ". It is for clients: it
// names no address that they did not name themselves, or they could read the network's names and addresses from it.
type refusal string

func (r refusal) Error() string { return string(r) }

// fetchGuard decides which addresses are fetched from.
type guard struct {
	hosts []string
	nets  []netip.Prefix
}

func newGuard(rules config.ImageFetch) *guard {
	return &guard{hosts: rules.AllowHosts, nets: rules.AllowNets}
}

// allowsHost says whether host is fetched from whatever its addresses are.
func (g *guard) allowsHost(host string) bool {
	return slices.Contains(g.hosts, strings.ToLower(strings.TrimSuffix(host, ".")))
}

// forbidden are the networks that are not fetched from: what IANA's registries of special-purpose addresses do not call
// globally reachable, and what clouds put on addresses that are.
var forbidden = []struct {
	net  netip.Prefix
	what string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an unspecified address"},
	{netip.MustParsePrefix("10.0.0.0/8"), "an address of a private network"},
	{netip.MustParsePrefix("100.64.0.0/10"), "an address behind a provider's NAT"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the address of Azure's metadata"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"}, // 169.254.169.254 is the metadata of most clouds
	{netip.MustParsePrefix("172.16.0.0/12"), "an address of a private network"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a reserved address"}, // 192.0.0.192 is Oracle's metadata
	{netip.MustParsePrefix("192.0.2.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a reserved address"}, // relays of 6to4
	{netip.MustParsePrefix("192.168.0.0/16"), "an address of a private network"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a reserved address"},
	{netip.MustParsePrefix("198.51.100.0/24"), "a reserved address"},
	{netip.MustParsePrefix("203.0.113.0/24"), "a reserved address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},

	{netip.MustParsePrefix("::/128"), "an unspecified address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("fc00::/7"), "an address of a private network"}, // with the metadata of AWS and Google
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fec0::/10"), "an address of a private network"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{netip.MustParsePrefix("2001::/23"), "a reserved address"}, // Teredo, ORCHID, benchmarks
	{netip.MustParsePrefix("2001:db8::/32"), "a reserved address"},
	{netip.MustParsePrefix("3fff::/20"), "a reserved address"},
}

var (
	globalUnicast = netip.MustParsePrefix("2000::/3") // all of IPv6 that is given out
	nat64         = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour     = netip.MustParsePrefix("2002::/16")
)

// embedded is the IPv4 address that packets to a really go to. Not valid if there is none.
func embedded(a netip.Addr) netip.Addr {
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:]))
	}
	return netip.Addr{}
}

// check is nil if a is fetched from, else a hidden reason.
func (g *guard) check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return hidden("it has no address")
	}
	if slices.ContainsFunc(g.nets, func(n netip.Prefix) bool { return n.Contains(a) }) {
		return nil
	}
	if inner := embedded(a); inner.IsValid() {
		return g.check(inner)
	}
	what := ""
	if a.Is6() && !globalUnicast.Contains(a) {
		what = "a reserved address"
	}
	for _, f := range forbidden {
		if f.net.Contains(a) {
			what = f.what
		}
	}
	if what == "" {
		return nil
	}
	return hidden("it is at " + what + ", which this gateway does not fetch from unless preferences.image_fetch.allow names it")
}

// hidden is why something is not fetched, for the log alone: whoever can tell an address of the network that the
// gateway is in from a name that nobody has can read the network's names from it. Clients are told notPublic, for both.
type hidden string

func (h hidden) Error() string { return string(h) }

const notPublic = "its host is not known, or is at an address that is not public, which this gateway does not fetch from unless preferences.image_fetch.allow names it"

// isHidden says whether an error tells about names and addresses of the gateway's network.
func isHidden(err error) bool {
	if _, is := errors.AsType[hidden](err); is {
		return true
	}
	_, is := errors.AsType[*net.DNSError](err)
	return is
}
