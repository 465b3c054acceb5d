package pool

import (
	"context"
	"net"

	"golang.org/x/net/proxy"
)

// openSOCKS does the SOCKS5 handshake on a connection to the proxy. Names go to the proxy unresolved, for socks5 and
// socks5h alike.
func (p *ProxyServer) openSOCKS(ctx context.Context, c net.Conn, addr string) error {
	dialer, err := proxy.SOCKS5("tcp", p.addr, p.socksAuth, dialed{c})
	if err != nil {
		return err
	}
	_, err = dialer.(proxy.ContextDialer).DialContext(ctx, "tcp", addr)
	return err
}

// dialed is a dialer for one connection that is already there.
type dialed struct{ conn net.Conn }

func (d dialed) Dial(string, string) (net.Conn, error) { return d.conn, nil }

func (d dialed) DialContext(context.Context, string, string) (net.Conn, error) { return d.conn, nil }
