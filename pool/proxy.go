package pool

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"
	"golang.org/x/net/proxy"
)

// proxyServer is one proxy as a proxy URL names it.
type ProxyServer struct {
	name          string      // scheme://host:port, for messages
	addr          string      // host:port
	tls           *tls.Config // for https:// proxies
	authorization string      // value of Proxy-Authorization, "" = none
	socks         bool
	socksAuth     *proxy.Auth
}

var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// parseProxy reads a proxy URL. The URL parser's own errors quote pieces of the password, so they are not passed on.
func ParseProxy(raw string, base *tls.Config) (*ProxyServer, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("proxy %q: must be scheme://user:password@host:port, with special characters of the password percent-encoded", maskProxy(raw))
	}
	port, ok := proxyPorts[u.Scheme]
	if !ok {
		return nil, fmt.Errorf("proxy %q: scheme must be http, https, socks5 or socks5h", maskProxy(raw))
	}
	host, port, err := splitAddress(u.Host, port)
	if err != nil {
		return nil, fmt.Errorf("proxy %q: %w", maskProxy(raw), err)
	}
	p := &ProxyServer{addr: net.JoinHostPort(host, port)}
	p.name = u.Scheme + "://" + p.addr
	user := u.User.Username()
	password, _ := u.User.Password()
	switch u.Scheme {
	case "socks5", "socks5h":
		p.socks = true
		if u.User != nil {
			if user == "" || len(user) > 255 || len(password) > 255 {
				return nil, fmt.Errorf("proxy %q: SOCKS5 user and password must have 1 to 255 characters", maskProxy(raw))
			}
			p.socksAuth = &proxy.Auth{User: user, Password: password}
		}
		return p, nil
	case "https":
		p.tls = base.Clone()
		p.tls.ServerName = host
	}
	if u.User != nil {
		p.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	return p, nil
}

// maskProxy is a proxy URL, however malformed, without what may be user and password.
func maskProxy(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		scheme, rest = "", raw
	} else {
		scheme += "://"
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "***" + rest[at:]
	}
	return scheme + rest
}

// open asks the proxy for the way to the target. Plain HTTP goes through an HTTP proxy request by request: nothing to
// open.
func (p *ProxyServer) open(ctx context.Context, c net.Conn, t *Target) error {
	switch {
	case p.socks:
		return p.openSOCKS(ctx, c, t.addr)
	case t.tls != nil:
		return p.openTunnel(c, t.addr)
	}
	return nil
}

func (p *ProxyServer) openTunnel(c net.Conn, addr string) error {
	req := "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n"
	if p.authorization != "" {
		req += "Proxy-Authorization: " + p.authorization + "\r\n"
	}
	if _, err := c.Write([]byte(req + "\r\n")); err != nil {
		return err
	}
	br := bufio.NewReader(c)
	var head fasthttp.ResponseHeader
	if err := head.Read(br); err != nil {
		return fmt.Errorf("no HTTP answer to CONNECT: %w", plainCause(err))
	}
	switch status := head.StatusCode(); {
	case status == fasthttp.StatusProxyAuthRequired:
		return errProxyAuth
	case status < 200 || status > 299:
		return fmt.Errorf("answered CONNECT with %d %s", status, fasthttp.StatusMessage(status))
	case br.Buffered() > 0:
		return errors.New("sent data before the tunnel was used")
	}
	return nil
}

// Tunnel makes a connection to addr, a host:port, by way of the proxy. The error is an *Error of the kind Proxy.
func (p *ProxyServer) Tunnel(ctx context.Context, addr string) (net.Conn, error) {
	fail := func(op string, err error) (net.Conn, error) {
		return nil, &Error{Proxy, op + " the proxy " + p.name, err}
	}
	var dialer net.Dialer
	tcp, err := dialer.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return fail("connecting to", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = tcp.Close() })
	c := tcp
	if p.tls != nil {
		c, err = handshake(tcp, p.tls)
	}
	if err == nil {
		if p.socks {
			err = p.openSOCKS(ctx, c, addr)
		} else {
			err = p.openTunnel(c, addr)
		}
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = tcp.Close()
		return fail("asking", err)
	}
	return c, nil
}

// plainCause reduces an error of the head's parser: its text quotes what came, and a proxy may echo the request with
// its credentials.
func plainCause(err error) error {
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return network
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return errors.New("malformed answer")
}

var errProxyAuth = errors.New("it wants other credentials (407): check user and password in `proxy`")
