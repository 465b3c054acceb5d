package pool

import (
	"context"
	"errors"
	"net"
	"testing"

	"uniapi/pool/pooltest"
)

func TestReachTakesThePlaceOfTheNetworkTLSAndProxies(t *testing.T) {
	u := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	var asked []string
	reach := func(ctx context.Context, addr string) (*net.TCPConn, error) {
		asked = append(asked, addr)
		c, err := new(net.Dialer).DialContext(ctx, "tcp", u.Addr)
		if err != nil {
			return nil, err
		}
		return c.(*net.TCPConn), nil
	}
	for _, c := range []struct{ scheme, host, proxy, addr, url string }{
		{"http", "nowhere.invalid", "", "nowhere.invalid:80", "http://nowhere.invalid/v1/x"},
		{"https", "nowhere.invalid", "", "nowhere.invalid:443", "https://nowhere.invalid/v1/x"},
		{"https", "nowhere.invalid:8443", "http://user:word@proxy.invalid:1", "nowhere.invalid:8443", "https://nowhere.invalid:8443/v1/x"},
		{"http", "nowhere.invalid", "socks5://proxy.invalid:1", "nowhere.invalid:80", "http://nowhere.invalid/v1/x"},
	} {
		asked = nil
		tg := target(t, newPool(t, Options{Reach: reach}), c.scheme, c.host, c.proxy)
		mustFetch(t, tg)
		if len(asked) != 1 || asked[0] != c.addr || tg.URL("/v1/x") != c.url {
			t.Errorf("%+v: asked for %q, shown as %s", c, asked, tg.URL("/v1/x"))
		}
	}
	nobody := errors.New("nobody there")
	tg := target(t, newPool(t, Options{Reach: func(context.Context, string) (*net.TCPConn, error) { return nil, nobody }}), "https", "nowhere.invalid", "")
	if _, _, err := fetch(tg, post, patient); kindOf(t, err) != Dial || !errors.Is(err, nobody) {
		t.Errorf("without a connection: %v", err)
	}
}
