package pool

import (
	"strings"
	"testing"
	"uniapi/pool/pooltest"
)

func TestProxies(t *testing.T) {
	roots, serverTLS := pooltest.Authority(t)
	plain := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	secure := pooltest.Listen(t, pooltest.OverTLS(serverTLS, pooltest.Always(pooltest.OKAnswer)))
	gone := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	gone.Stop()
	proxies := map[string]*pooltest.Upstream{
		"http": pooltest.Listen(t, pooltest.HTTPProxy), "https": pooltest.Listen(t, pooltest.OverTLS(serverTLS, pooltest.HTTPProxy)),
		"socks5": pooltest.Listen(t, pooltest.SOCKSProxy), "socks5h": pooltest.Listen(t, pooltest.SOCKSProxy),
		"mute": pooltest.Listen(t, func(*pooltest.Peer) {}), "chatty": pooltest.Listen(t, func(p *pooltest.Peer) { p.Request(); p.Say("HTTP/1.1 200 OK\r\n\r\nhello") }), "gone": gone,
	}
	const login = "user:p%40ss%3Aword@"
	for _, tt := range []struct {
		name, proxy, server, login, scheme, addr string
		body                                     string
		kind                                     Kind
		text                                     string
	}{
		{name: "HTTP, to http", proxy: "http", login: login, scheme: "http", addr: "api.example.test", body: "forwarded http://api.example.test/v1/x for api.example.test"},
		{name: "HTTPS, to http", proxy: "https", login: login, scheme: "http", addr: "api.example.test:81", body: "forwarded http://api.example.test:81/v1/x for api.example.test:81"},
		{name: "HTTP, to https", proxy: "http", login: login, scheme: "https", addr: secure.Addr, body: "{}"},
		{name: "HTTPS, to https", proxy: "https", login: login, scheme: "https", addr: secure.Addr, body: "{}"},
		{name: "SOCKS5, to http", proxy: "socks5", login: login, scheme: "http", addr: plain.Addr, body: "{}"},
		{name: "SOCKS5, to https", proxy: "socks5", login: login, scheme: "https", addr: secure.Addr, body: "{}"},
		{name: "SOCKS5 resolves the name", proxy: "socks5h", login: login, scheme: "https", addr: strings.Replace(secure.Addr, "127.0.0.1", "example.test", 1), body: "{}"},

		{name: "HTTP without credentials, to http", proxy: "http", scheme: "http", addr: plain.Addr, kind: Proxy, text: "407"},
		{name: "HTTP with wrong ones, to https", proxy: "http", login: "user:secret@", scheme: "https", addr: secure.Addr, kind: Proxy, text: "407"},
		{name: "HTTP, target unreachable", proxy: "http", login: login, scheme: "https", addr: gone.Addr, kind: Proxy, text: "502 Bad Gateway"},
		{name: "SOCKS5 without credentials", proxy: "socks5", scheme: "http", addr: plain.Addr, kind: Proxy, text: "no acceptable authentication"},
		{name: "SOCKS5 with wrong ones", proxy: "socks5", login: "user:secret@", scheme: "http", addr: plain.Addr, kind: Proxy, text: "authentication failed"},
		{name: "SOCKS5, target unreachable", proxy: "socks5", login: login, scheme: "http", addr: gone.Addr, kind: Proxy, text: "refused"},
		{name: "nobody listens", proxy: "http", server: "gone", login: login, scheme: "https", addr: secure.Addr, kind: Proxy, text: "refused"},
		{name: "hangs up", proxy: "http", server: "mute", login: login, scheme: "https", addr: secure.Addr, kind: Proxy},
		{name: "SOCKS5 hangs up", proxy: "socks5", server: "mute", login: login, scheme: "https", addr: secure.Addr, kind: Proxy},
		{name: "talks before it is its turn", proxy: "http", server: "chatty", login: login, scheme: "https", addr: secure.Addr, kind: Proxy, text: "sent data"},
		{name: "does not speak TLS", proxy: "https", server: "http", login: login, scheme: "https", addr: secure.Addr, kind: Proxy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.server == "" {
				tt.server = tt.proxy
			}
			p := newPool(t, Options{TLS: pooltest.ClientTLS(roots)})
			tg := target(t, p, tt.scheme, tt.addr, tt.proxy+"://"+tt.login+proxies[tt.server].Addr)
			for range 2 {
				_, body, err := fetch(tg, post, patient)
				if kindOf(t, err) != tt.kind || body != tt.body {
					t.Fatalf("%q, %v; want %q, %v", body, err, tt.body, tt.kind)
				}
				if err == nil {
					continue
				}
				for _, secret := range []string{"secret", "p@ss", "p%40ss", "dXNlc"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("a secret in %q", err)
					}
				}
				if !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), proxies[tt.server].Addr) {
					t.Errorf("%q lacks %q or the proxy's address", err, tt.text)
				}
			}
			if s := p.Stats(); (tt.kind == 0 && (s.Dials != 1 || s.Idle != 1)) || (tt.kind != 0 && s.Open != 0) {
				t.Errorf("%+v", s)
			}
		})
	}
}
