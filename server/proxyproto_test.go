package server

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"uniapi/server/conn"

	"github.com/pires/go-proxyproto"
)

func header(t testing.TB, version byte, from string) string {
	t.Helper()
	source, err := net.ResolveTCPAddr("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	target := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 80), Port: 80}
	if source.IP.To4() == nil {
		target.IP = net.ParseIP("2001:db8::80")
	}
	text, err := proxyproto.HeaderProxyFromAddrs(version, source, target).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func loopback(t testing.TB) conn.Networks {
	t.Helper()
	networks, err := conn.ParseNetworks("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	return networks
}

func TestProxysHeaderNamesTheClient(t *testing.T) {
	local := "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	for _, test := range []struct{ name, header, want string }{
		{"version 1", header(t, 1, "198.51.100.7:4711"), "198.51.100.7"},
		{"version 1, IPv6", header(t, 1, "[2001:db8::7]:4711"), "2001:db8::7"},
		{"version 2", header(t, 2, "198.51.100.7:4711"), "198.51.100.7"},
		{"version 2, IPv6", header(t, 2, "[2001:db8::7]:4711"), "2001:db8::7"},
		{"a health check of its own", local, "127.0.0.1"},
		{"version 1 that does not know", "PROXY UNKNOWN\r\n", "127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := startWith(t, Options{TrustedProxies: loopback(t), ProxyProtocol: true}, providerOf("p", listen(t, both)))
			found := clientOf(t, g)
			c := g.dial()
			c.send(test.header + chatText(plainRequest)) // as one piece
			for range 2 {
				if a := c.answer(); a.StatusCode != 200 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
				if got := receive(t, found, "the address"); got.String() != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
				c.post(bigRequest(100 << 10)) // the header is for all requests of the connection
			}
			c.answer()
		})
	}
}

func TestHeaderThatIsExpectedAndDoesNotComeEndsTheConnection(t *testing.T) {
	g := startWith(t, Options{TrustedProxies: loopback(t), ProxyProtocol: true}, providerOf("p", listen(t, both)))
	for name, text := range map[string]string{
		"a request at once": chatText(plainRequest),
		"a broken header":   "PROXY TCP4 a b c d\r\n" + chatText(plainRequest),
		"too long a header": "PROXY " + strings.Repeat("x", 300),
	} {
		t.Run(name, func(t *testing.T) {
			c := g.dial()
			c.send(text)
			answer := make([]byte, 1)
			if n, _ := c.Read(answer); n > 0 {
				t.Error("it was answered")
			}
			if line := g.log.Next(t, "a trusted proxy sent no valid PROXY header; is it told to send one?"); !strings.HasPrefix(line["proxy"].(string), "127.0.0.1:") {
				t.Errorf("logged %v", line)
			}
		})
	}
}

func TestNobodyButATrustedProxySpeaksForOthers(t *testing.T) {
	others, err := conn.ParseNetworks("192.0.2.0/24")
	if err != nil {
		t.Fatal(err)
	}
	g := startWith(t, Options{TrustedProxies: others, ProxyProtocol: true}, providerOf("p", listen(t, both)))
	found := clientOf(t, g)
	c := g.dial()
	c.post(plainRequest, "X-Forwarded-For", "198.51.100.7")
	if a := c.answer(); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if got := receive(t, found, "the address"); got != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("got %s", got)
	}
	c = g.dial()
	c.send(header(t, 1, "198.51.100.7:4711") + chatText(plainRequest))
	c.answer().failure(t, 400, "bad_request")
}

func TestForwardedForOfATrustedProxyIsBelieved(t *testing.T) {
	g := startWith(t, Options{TrustedProxies: loopback(t)}, providerOf("p", listen(t, both)))
	found := clientOf(t, g)
	g.chat(plainRequest, "X-Forwarded-For", "10.9.9.9, 198.51.100.7")
	if got := receive(t, found, "the address"); got != netip.MustParseAddr("198.51.100.7") {
		t.Errorf("got %s", got)
	}
}

func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte(header(f, 1, "198.51.100.7:4711") + "GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte(header(f, 2, "198.51.100.7:4711") + "GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n\r\n"))
	g := startWith(f, Options{TrustedProxies: loopback(f), ProxyProtocol: true, readTimes: &hasty})
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write(text)
		c.(*net.TCPConn).CloseWrite()
		newClient(t, c).Read(make([]byte, 512))
	})
}
