package pool

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

type targetKey struct{ scheme, addr, proxy string }

// Target is one upstream address, reached directly or by one proxy. Its connections are interchangeable among requests
// of one Owner.
type Target struct {
	pool  *Pool
	addr  string      // host:port
	host  string      // Host header: without the scheme's own port
	tls   *tls.Config // nil for http
	proxy *ProxyServer
	at    *server // what connections are made to: addr, or the proxy

	// What stands in the request line before the path, and the header that goes with it, when a proxy forwards plain
	// HTTP.
	absolute  string
	proxyAuth string

	mu       sync.Mutex
	idle     []idleConn // the last one in is the first one out
	resumeAt int64      // on the pool's clock: until then no connection is kept; 0 is no such time

	// strays counts how often connections ceased to be kept. One made before the last time is not kept, nor what it
	// answers believed, if it had served before.
	strays atomic.Uint32
}

// Target returns the target for scheme "http" or "https", "host" or "host:port", and a proxy URL or "". The same
// arguments give the same *Target for the pool's life. Proxies: http://, https://, socks5://, socks5h:// with optional
// user:password@; both kinds of SOCKS5 let the proxy resolve names. An error names the proxy without its password.
func (p *Pool) Target(scheme, hostport, proxyURL string) (*Target, error) {
	ownPort, ok := map[string]string{"http": "80", "https": "443"}[scheme]
	if !ok {
		return nil, fmt.Errorf("upstream scheme %q: must be http or https", scheme)
	}
	host, port, err := splitAddress(hostport, ownPort)
	if err != nil {
		return nil, fmt.Errorf("upstream address %q: %w", hostport, err)
	}
	t := &Target{pool: p, addr: net.JoinHostPort(host, port), host: hostport}
	if scheme == "https" {
		t.tls = p.tls.Clone()
		t.tls.ServerName = host
	}
	if port == ownPort {
		t.host = strings.TrimSuffix(hostport, ":"+port)
	}
	if proxyURL != "" && p.opts.Reach == nil {
		if t.proxy, err = ParseProxy(proxyURL, p.tls); err != nil {
			return nil, err
		}
		if scheme == "http" && !t.proxy.socks {
			t.absolute, t.proxyAuth = "http://"+t.host, t.proxy.authorization
		}
	}

	key := targetKey{scheme, t.addr, proxyURL}
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.targets[key]; known != nil {
		return known, nil
	}
	t.at = p.serverOf(t)
	p.targets[key] = t
	return t, nil
}

// Addr is the upstream's host:port, also where a proxy leads there.
func (t *Target) Addr() string { return t.addr }

// URL is the address of a path there.
func (t *Target) URL(path string) string {
	if t.tls != nil {
		return "https://" + t.host + path
	}
	return "http://" + t.host + path
}

// String names the target for logs, without the proxy's credentials.
func (t *Target) String() string {
	s := "http://" + t.host
	if t.tls != nil {
		s = "https://" + t.host
	}
	if t.proxy != nil {
		s += " via " + t.proxy.name
	}
	return s
}

// splitAddress takes "host", "host:port" or an IPv6 address, bare or in brackets.
func splitAddress(hostport, defaultPort string) (host, port string, err error) {
	if strings.ContainsFunc(hostport, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("/@?#", r) }) {
		return "", "", errors.New("must be a host name or address with an optional port")
	}
	host, port, err = net.SplitHostPort(hostport)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]"), defaultPort
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", "", errors.New("must be a host name or address with an optional port")
		}
	}
	if host == "" || port == "" {
		return "", "", errors.New("must name a host and, after a colon, a port")
	}
	return host, port, nil
}
