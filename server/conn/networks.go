package conn

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
)

// Networks are address ranges.
type Networks []netip.Prefix

// ParseNetworks reads a list like "10.0.0.0/8, ::1": ranges in CIDR notation and
// single addresses, with commas between them. The empty list is none.
func ParseNetworks(list string) (Networks, error) {
	var networks Networks
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		network, err := netip.ParsePrefix(part)
		if addr, notRange := netip.ParseAddr(part); notRange == nil {
			network, err = addr.Unmap().Prefix(addr.Unmap().BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a range like 10.0.0.0/8", part)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

func (n Networks) contains(addr netip.Addr) bool {
	for _, network := range n {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// Behind finds the client behind a chain of proxies. Each proxy appended whom it
// spoke to, so the list is read from its end, and only as far as the proxies are
// trusted: what lies before the first untrusted address is whatever that client
// wrote.
func (n Networks) Behind(addr netip.Addr, forwardedFor [][]byte) netip.Addr {
	for i := len(forwardedFor) - 1; i >= 0; i-- {
		for list := forwardedFor[i]; len(list) > 0 && n.contains(addr); {
			var last []byte
			if comma := bytes.LastIndexByte(list, ','); comma >= 0 {
				list, last = list[:comma], list[comma+1:]
			} else {
				list, last = nil, list
			}
			before, ok := parseForwarded(string(bytes.TrimSpace(last)))
			if !ok {
				return addr
			}
			addr = before
		}
	}
	return addr
}

// parseForwarded reads an address as proxies write it: some add the port.
func parseForwarded(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		with, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = with.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
