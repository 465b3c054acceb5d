package config

import (
	"net/netip"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// ImageFetch is how images and files that clients name by address are fetched for providers that do not fetch them
// themselves. Only public addresses are, and what is allowed here.
type ImageFetch struct {
	AllowHosts []string       // host names in lower case, without a port; fetched from whatever addresses they have
	AllowNets  []netip.Prefix // networks whose addresses are fetched from though they are not public
	MaxSize    int64          // bytes of one image or file; default DefaultFetchSize
	Timeout    time.Duration  // for one of them, redirects included; default DefaultFetchTimeout
}

// What preferences.image_fetch does not say. 20 MiB is the most that Gemini takes in one request, and more than others
// take for one image.
const (
	DefaultFetchSize    = 20 << 20
	DefaultFetchTimeout = 15 * time.Second
)

var newImageFetch = ImageFetch{MaxSize: DefaultFetchSize, Timeout: DefaultFetchTimeout}

var imageFetchFields = []field[ImageFetch]{
	{"allow", fetchAllow},
	take("max_size", byteSize, func(f *ImageFetch) *int64 { return &f.MaxSize }),
	take("timeout", someSeconds, func(f *ImageFetch) *time.Duration { return &f.Timeout }),
}

// fetchAllow reads host names, addresses and networks.
func fetchAllow(d *decoder, n *yaml.Node, f *ImageFetch) {
	for _, item := range d.items(n) {
		word, ok := text(d, item)
		if !ok {
			continue
		}
		if addr, err := netip.ParseAddr(word); err == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			f.AllowNets = append(f.AllowNets, netip.PrefixFrom(addr, addr.BitLen()))
		} else if network, err := netip.ParsePrefix(word); err == nil {
			f.AllowNets = append(f.AllowNets, network.Masked())
		} else if host := strings.ToLower(strings.TrimSuffix(word, ".")); isHostName(host) {
			f.AllowHosts = append(f.AllowHosts, host)
		} else {
			d.fail(item, word, "%s: %s is neither a host name nor an address nor a network; write images.example.com, 192.168.1.5 or 10.0.0.0/8, without https:// and port",
				d.key, shown(word))
		}
	}
}

// isHostName says whether host may be a name in DNS. One that ends in a number may not: it is an address that somebody
// misspelt.
func isHostName(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if len(host) > 253 || strings.Trim(last, "0123456789") == "" {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// allowed are all entries of allow, for the summary.
func (f *ImageFetch) allowed() string {
	list := append([]string(nil), f.AllowHosts...)
	for _, n := range f.AllowNets {
		list = append(list, n.String())
	}
	return strings.Join(list, ", ")
}
