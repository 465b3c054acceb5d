package fetch

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// dial connects to a host of a fetch. The address is checked when it is connected to, not when its name is resolved: a
// name that has another address a moment later gains nothing.
func (f *Fetcher) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if f.nowhere {
		return nil, refusal("nothing is fetched here")
	}
	if last, is := ctx.Value(lastDial{}).(*atomic.Int64); is {
		last.Store(int64(time.Since(processBegan)))
	}
	if f.proxy != nil {
		return f.dialProxy(ctx, host, port)
	}
	dialer := net.Dialer{Resolver: f.resolver}
	if !f.guard.allowsHost(host) {
		dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			a, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return f.guard.check(a.Addr())
		}
	}
	return dialer.DialContext(ctx, "tcp", addr)
}

// lastDial is what the context of a fetch has the time under when its last host was looked up, as a *atomic.Int64 since
// processBegan.
type lastDial struct{}

var processBegan = time.Now()

// dialProxy makes a tunnel through the proxy. The proxy gets the address that was checked: given the name it would
// resolve it again, maybe to another. A tunnel also for plain HTTP, since a proxy that is asked for http://ADDRESS/
// must overwrite the Host header with it.
func (f *Fetcher) dialProxy(ctx context.Context, host, port string) (net.Conn, error) {
	targets, err := f.proxyTargets(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, target := range targets {
		var c net.Conn
		if c, err = f.proxy.Tunnel(ctx, net.JoinHostPort(target, port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// proxyTries is how many of a host's addresses a proxy is asked for.
const proxyTries = 3

// proxyTargets are what to ask the proxy for in place of host: addresses that passed the check, at least one.
func (f *Fetcher) proxyTargets(ctx context.Context, host string) ([]string, error) {
	if f.guard.allowsHost(host) {
		return []string{host}, nil
	}
	addrs, err := cmp.Or(f.resolver, net.DefaultResolver).LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	// Proxies without IPv6 are not rare, those without IPv4 are.
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return cmp.Compare(a.Unmap().BitLen(), b.Unmap().BitLen()) })
	var targets []string
	var refused error = hidden("its host name has no address")
	for _, a := range addrs {
		if err := f.guard.check(a); err != nil {
			refused = err
		} else if len(targets) < proxyTries {
			targets = append(targets, a.Unmap().String())
		}
	}
	if targets == nil {
		return nil, refused
	}
	return targets, nil
}
