package fetch

import (
	"net/netip"
	"strings"
	"testing"

	"uniapi/config"
)

func TestOnlyPublicAddressesAreFetchedFrom(t *testing.T) {
	for _, tt := range []struct{ addr, what string }{ // "" is one that is fetched from
		{"1.1.1.1", ""}, {"93.184.216.34", ""}, {"172.32.0.1", ""}, {"100.128.0.1", ""}, {"223.255.255.255", ""}, {"168.63.129.17", ""},
		{"2606:4700::1111", ""}, {"2a00:1450:4001::200e", ""}, {"::ffff:1.1.1.1", ""}, {"64:ff9b::101:101", ""}, {"2002:101:101::1", ""},

		{"127.0.0.1", "loopback"}, {"127.255.255.254", "loopback"}, {"::1", "loopback"}, {"0.0.0.0", "unspecified"}, {"0.1.2.3", "unspecified"}, {"::", "unspecified"},
		{"10.0.0.1", "private network"}, {"172.16.0.1", "private network"}, {"172.31.255.255", "private network"}, {"192.168.1.1", "private network"},
		{"fd00:ec2::254", "private network"}, {"fd20:ce::254", "private network"}, {"fc00::1", "private network"}, {"fec0::1", "private network"},
		{"169.254.169.254", "link-local"}, {"169.254.170.2", "link-local"}, {"fe80::1", "link-local"}, {"fe80::1%eth0", "link-local"}, {"febf::1", "link-local"},
		{"100.64.0.1", "NAT"}, {"100.100.100.200", "NAT"}, {"100.127.255.255", "NAT"}, {"168.63.129.16", "metadata"}, {"192.0.0.192", "reserved"},
		{"224.0.0.1", "multicast"}, {"239.255.255.250", "multicast"}, {"ff02::1", "multicast"}, {"255.255.255.255", "reserved"}, {"240.0.0.1", "reserved"},
		{"198.18.0.1", "reserved"}, {"192.0.2.1", "reserved"}, {"198.51.100.1", "reserved"}, {"203.0.113.1", "reserved"}, {"192.88.99.1", "reserved"},
		{"2001:db8::1", "reserved"}, {"3fff::1", "reserved"}, {"2001:0:101:101::1", "reserved"}, {"100::1", "reserved"}, {"4000::1", "reserved"}, {"5f00::1", "reserved"},

		{"::ffff:127.0.0.1", "loopback"}, {"::ffff:169.254.169.254", "link-local"}, {"::127.0.0.1", "reserved"},
		{"64:ff9b::7f00:1", "loopback"}, {"64:ff9b::a9fe:a9fe", "link-local"}, {"64:ff9b::a00:1", "private network"}, {"64:ff9b:1::a00:1", "reserved"},
		{"2002:7f00:1::1", "loopback"}, {"2002:a9fe:a9fe::", "link-local"}, {"2002:c0a8:101::1", "private network"},
	} {
		err := newGuard(config.ImageFetch{}).check(netip.MustParseAddr(tt.addr))
		switch {
		case tt.what == "" && err != nil:
			t.Errorf("%s is refused: %v", tt.addr, err)
		case tt.what != "" && (err == nil || !strings.Contains(err.Error(), tt.what)):
			t.Errorf("%s: %v, want it refused as %s", tt.addr, err, tt.what)
		}
	}
	if newGuard(config.ImageFetch{}).check(netip.Addr{}) == nil {
		t.Error("no address is no refusal")
	}
}

func TestAllowedNetworksAndHostsAreFetchedFrom(t *testing.T) {
	g := newGuard(config.ImageFetch{AllowHosts: []string{"images.intern.example"},
		AllowNets: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}})
	for addr, allowed := range map[string]bool{"10.20.3.4": true, "::ffff:10.20.3.4": true, "64:ff9b::a14:304": true, "fd00:1::5": true,
		"10.21.0.1": false, "fd00:2::5": false, "127.0.0.1": false, "2002:a15:1::": false} {
		if err := g.check(netip.MustParseAddr(addr)); (err == nil) != allowed {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for host, allowed := range map[string]bool{"images.intern.example": true, "Images.Intern.Example.": true, "intern.example": false, "a.images.intern.example": false} {
		if g.allowsHost(host) != allowed {
			t.Errorf("%s: %v", host, !allowed)
		}
	}
}
