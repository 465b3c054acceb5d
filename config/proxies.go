package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Direct is the word in place of a proxy's URL for no proxy at all.
const Direct = "direct"

// EnvProxies are the proxies that the environment names, with the meaning that Python's HTTP client httpx gives the
// variables: HTTP_PROXY and HTTPS_PROXY by the scheme of what is asked, ALL_PROXY for what has none of its own, and
// NO_PROXY for who is asked directly. Names in lower case go before those in capitals. Nothing is left out silently:
// not this machine either.
type EnvProxies struct {
	HTTP, HTTPS, All string // URLs; "" is none
	except           []exception
}

// exception is an entry of NO_PROXY.
type exception struct {
	scheme, host, port string // "" is any
	below              bool   // hosts below host as well
	only               bool   // and not host itself
	network            netip.Prefix
}

// proxiesOf reads the environment.
func proxiesOf(getenv func(string) string) (e EnvProxies) {
	variable := func(name string) string {
		if v := strings.TrimSpace(getenv(strings.ToLower(name))); v != "" {
			return v
		}
		// Where a web server runs programs, the capitals are what a client sent as the header Proxy.
		if name == "HTTP_PROXY" && getenv("REQUEST_METHOD") != "" {
			return ""
		}
		return strings.TrimSpace(getenv(name))
	}
	address := func(name string) string {
		v := variable(name)
		if v != "" && !strings.Contains(v, "://") {
			v = "http://" + v
		}
		return v
	}
	e = EnvProxies{HTTP: address("HTTP_PROXY"), HTTPS: address("HTTPS_PROXY"), All: address("ALL_PROXY")}
	for entry := range strings.SplitSeq(variable("NO_PROXY"), ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		switch entry {
		case "":
		case "*":
			return EnvProxies{}
		default:
			e.except = append(e.except, exceptionOf(entry))
		}
	}
	return e
}

func exceptionOf(entry string) (x exception) {
	if network, err := netip.ParsePrefix(entry); err == nil {
		return exception{network: network.Masked()}
	}
	if scheme, rest, found := strings.Cut(entry, "://"); found {
		if x.scheme, entry = scheme, rest; scheme == "all" {
			x.scheme = ""
		}
	} else if _, err := netip.ParseAddr(strings.Trim(entry, "[]")); err != nil && entry != "localhost" {
		x.below = true
	}
	x.host = entry
	if colon := strings.LastIndexByte(entry, ':'); colon >= 0 && (strings.Count(entry, ":") == 1 || entry[colon-1] == ']') {
		x.host, x.port = entry[:colon], entry[colon+1:]
	}
	x.host = strings.Trim(x.host, "[]")
	if rest, found := strings.CutPrefix(x.host, "*"); found {
		x.host, x.below = rest, true
	}
	if rest, found := strings.CutPrefix(x.host, "."); found {
		x.host, x.below, x.only = rest, true, true
	}
	return x
}

func (x *exception) holds(scheme, host, port string) bool {
	if x.network.IsValid() {
		addr, err := netip.ParseAddr(host)
		return err == nil && x.network.Contains(addr.Unmap())
	}
	if x.scheme != "" && x.scheme != scheme || x.port != "" && x.port != port {
		return false
	}
	if host == x.host {
		return !x.only
	}
	return x.below && (x.host == "" || strings.HasSuffix(host, "."+x.host))
}

// For is the URL of the proxy for what an address begins with, "" for none.
func (e *EnvProxies) For(u *url.URL) string {
	if e.HTTP == "" && e.HTTPS == "" && e.All == "" {
		return ""
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	if slices.ContainsFunc(e.except, func(x exception) bool { return x.holds(scheme, host, port) }) {
		return ""
	}
	switch {
	case scheme == "http" && e.HTTP != "":
		return e.HTTP
	case scheme == "https" && e.HTTPS != "":
		return e.HTTPS
	}
	return e.All
}

// ProxyFor is the URL of the proxy by which a provider is asked at an address; "" is none. The provider's own word goes
// first, then that of the file, then the environment's.
func (c *Config) ProxyFor(p *Provider, u *url.URL) string {
	for _, named := range [...]string{p.Preferences.Proxy, c.Preferences.Proxy} {
		switch named {
		case "":
			continue
		case Direct:
			return ""
		}
		return named
	}
	return c.Proxies.For(u)
}

// ViaEnvironment lists the proxies of the environment by which providers of this configuration are asked, each with the
// names of those, for the log. Passwords are masked.
func (c *Config) ViaEnvironment() (list []ViaProxy) {
	for _, p := range c.Providers {
		base, err := url.Parse(p.BaseURL)
		if err != nil || p.Preferences.Proxy != "" || c.Preferences.Proxy != "" {
			continue
		}
		if base.Scheme == "" { // the provider's engine knows its address, which is an https one
			base.Scheme = "https"
		}
		proxy := c.Proxies.For(base)
		if proxy == "" {
			continue
		}
		proxy = maskURL(proxy)
		at := slices.IndexFunc(list, func(v ViaProxy) bool { return v.Proxy == proxy })
		if at < 0 {
			at = len(list)
			list = append(list, ViaProxy{Proxy: proxy})
		}
		list[at].Providers = append(list[at].Providers, p.Name)
	}
	return list
}

// ViaProxy is a proxy and who is reached by it.
type ViaProxy struct {
	Proxy     string
	Providers []string
}
