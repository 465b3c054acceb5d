package pool

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// httpProxy serves CONNECT and absolute-form requests to those who know the password.
func httpProxy(p *peer) {
	for {
		req, err := http.ReadRequest(p.br)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		login := &http.Request{Header: http.Header{"Authorization": req.Header["Proxy-Authorization"]}}
		if user, password, _ := login.BasicAuth(); user != "user" || password != "p@ss:word" {
			p.say("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
			return
		}
		if req.Method != http.MethodConnect {
			body := fmt.Sprintf("forwarded %s for %s", req.RequestURI, req.Host)
			p.say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
			continue
		}
		up, err := net.Dial("tcp", req.RequestURI)
		if err != nil {
			p.say("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			return
		}
		p.say("HTTP/1.1 200 Connection established\r\n\r\n")
		p.relay(up)
		return
	}
}

// relay copies both ways until either side is done.
func (p *peer) relay(up net.Conn) {
	go func() {
		_, _ = io.Copy(up, p.br)
		_ = up.Close()
	}()
	_, _ = io.Copy(p.Conn, up)
	_ = up.Close()
}

// socksProxy serves SOCKS5 CONNECT to those who know the password; it resolves the name example.test to 127.0.0.1.
func socksProxy(p *peer) {
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = io.ReadFull(p.br, b)
		return b
	}
	methods := read(int(read(2)[1]))
	if !strings.Contains(string(methods), "\x02") {
		p.say("\x05\xff")
		return
	}
	p.say("\x05\x02")
	user := read(int(read(2)[1]))
	password := read(int(read(1)[0]))
	if string(user) != "user" || string(password) != "p@ss:word" {
		p.say("\x01\x01")
		return
	}
	p.say("\x01\x00")
	var host string
	switch read(4)[3] {
	case 1:
		host = net.IP(read(4)).String()
	case 3:
		if host = string(read(int(read(1)[0]))); host == "example.test" {
			host = "127.0.0.1"
		}
	}
	up, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(binary.BigEndian.Uint16(read(2)))))
	if err != nil {
		p.say("\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")
		return
	}
	p.say("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
	p.relay(up)
}

func TestProxies(t *testing.T) {
	roots, serverTLS := authority(t)
	plain := listen(t, always(okAnswer))
	secure := listen(t, overTLS(serverTLS, always(okAnswer)))
	gone := listen(t, always(okAnswer))
	gone.stop()
	proxies := map[string]*upstream{
		"http": listen(t, httpProxy), "https": listen(t, overTLS(serverTLS, httpProxy)),
		"socks5": listen(t, socksProxy), "socks5h": listen(t, socksProxy),
		"mute": listen(t, func(*peer) {}), "chatty": listen(t, func(p *peer) { p.request(); p.say("HTTP/1.1 200 OK\r\n\r\nhello") }), "gone": gone,
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
		{name: "HTTP, to https", proxy: "http", login: login, scheme: "https", addr: secure.addr, body: "{}"},
		{name: "HTTPS, to https", proxy: "https", login: login, scheme: "https", addr: secure.addr, body: "{}"},
		{name: "SOCKS5, to http", proxy: "socks5", login: login, scheme: "http", addr: plain.addr, body: "{}"},
		{name: "SOCKS5, to https", proxy: "socks5", login: login, scheme: "https", addr: secure.addr, body: "{}"},
		{name: "SOCKS5 resolves the name", proxy: "socks5h", login: login, scheme: "https", addr: strings.Replace(secure.addr, "127.0.0.1", "example.test", 1), body: "{}"},

		{name: "HTTP without credentials, to http", proxy: "http", scheme: "http", addr: plain.addr, kind: Proxy, text: "407"},
		{name: "HTTP with wrong ones, to https", proxy: "http", login: "user:secret@", scheme: "https", addr: secure.addr, kind: Proxy, text: "407"},
		{name: "HTTP, target unreachable", proxy: "http", login: login, scheme: "https", addr: gone.addr, kind: Proxy, text: "502 Bad Gateway"},
		{name: "SOCKS5 without credentials", proxy: "socks5", scheme: "http", addr: plain.addr, kind: Proxy, text: "no acceptable authentication"},
		{name: "SOCKS5 with wrong ones", proxy: "socks5", login: "user:secret@", scheme: "http", addr: plain.addr, kind: Proxy, text: "authentication failed"},
		{name: "SOCKS5, target unreachable", proxy: "socks5", login: login, scheme: "http", addr: gone.addr, kind: Proxy, text: "refused"},
		{name: "nobody listens", proxy: "http", server: "gone", login: login, scheme: "https", addr: secure.addr, kind: Proxy, text: "refused"},
		{name: "hangs up", proxy: "http", server: "mute", login: login, scheme: "https", addr: secure.addr, kind: Proxy},
		{name: "SOCKS5 hangs up", proxy: "socks5", server: "mute", login: login, scheme: "https", addr: secure.addr, kind: Proxy},
		{name: "talks before it is its turn", proxy: "http", server: "chatty", login: login, scheme: "https", addr: secure.addr, kind: Proxy, text: "sent data"},
		{name: "does not speak TLS", proxy: "https", server: "http", login: login, scheme: "https", addr: secure.addr, kind: Proxy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.server == "" {
				tt.server = tt.proxy
			}
			p := newPool(t, Options{TLS: clientTLS(roots)})
			tg := target(t, p, tt.scheme, tt.addr, tt.proxy+"://"+tt.login+proxies[tt.server].addr)
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
				if !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), proxies[tt.server].addr) {
					t.Errorf("%q lacks %q or the proxy's address", err, tt.text)
				}
			}
			if s := p.Stats(); (tt.kind == 0 && (s.Dials != 1 || s.Idle != 1)) || (tt.kind != 0 && s.Open != 0) {
				t.Errorf("%+v", s)
			}
		})
	}
}
