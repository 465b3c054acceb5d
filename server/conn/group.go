// Package conn is the clients' end: it accepts connections, reads them strictly and
// within their time, speaks TLS and PROXY, notices who hangs up, and makes room.
package conn

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// GroupOptions say how a group's connections are taken and kept.
type GroupOptions struct {
	Most           int // connections
	Strangers      int // of these, those on which no valid key has been shown
	MaxBody        int // bytes that a request's body may announce
	Times          *Times
	TLS            *tls.Config // nil: plain HTTP
	TrustedProxies Networks    // whose PROXY headers are believed
	ProxyProtocol  bool        // every connection from TrustedProxies begins with a PROXY header
	Log            *slog.Logger

	Session func() any         // makes what the server keeps with a connection; nil keeps nothing
	Refuse  func(*net.TCPConn) // answers a connection too many, and closes it
	OnSent  func(owner string) // is told of each that is closed for others to have room, a "stranger"'s or a "key"'s
}

// Group is the connections of a server's clients.
type Group struct {
	options GroupOptions
	places  *places
	watch   *watcher
	leaving atomic.Bool // idle connections are closed

	mu        sync.Mutex // of what follows
	listeners []*Listener
	stopped   bool // no listener is served any more
}

// NewGroup begins to watch for clients that hang up.
func NewGroup(o GroupOptions) (*Group, error) {
	watch, err := newWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching client connections: %w", err)
	}
	g := &Group{options: o, watch: watch}
	g.places = newPlaces(o.Most, o.Strangers, o.Times, watch.all)
	g.places.onSent = o.OnSent
	return g, nil
}

// Listen hands out the connections of ln, for fasthttp to serve. If the group has
// been stopped, it hands out those that the kernel has taken by now, and no more.
func (g *Group) Listen(ln *net.TCPListener) *Listener {
	l := &Listener{TCPListener: ln, group: g}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listeners = append(g.listeners, l)
	if g.stopped {
		l.stop()
	}
	return l
}

// Stop ends the accepting once the connections that the kernel has taken are
// handed out, and closes idle ones. It does not wait.
func (g *Group) Stop() {
	g.mu.Lock()
	g.stopped = true
	for _, l := range g.listeners {
		l.stop()
	}
	g.mu.Unlock()
	g.leaving.Store(true)
	for _, c := range g.All() {
		c.SetReadDeadline(time.Unix(1, 0)) // wakes those that wait for a request; see pace.read
	}
}

// Stopped says whether idle connections are closed.
func (g *Group) Stopped() bool { return g.leaving.Load() }

// Accepting says whether a listener that is to stop may still bring connections:
// those that the kernel has taken are in nobody's count yet.
func (g *Group) Accepting() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.listeners, func(l *Listener) bool {
		by := l.stopBy.Load()
		return by != nil && !l.ended.Load() && time.Since(*by) < queueTime
	})
}

// HangUp cancels what is under way on every connection.
func (g *Group) HangUp() {
	for _, c := range g.All() {
		c.hangUp()
	}
}

// Close ends the watching.
func (g *Group) Close() { g.watch.close() }

// All are the connections that are open at this moment.
func (g *Group) All() []*Conn { return g.watch.all() }

// Size is how many connections are open.
func (g *Group) Size() int { return g.watch.size() }

// Counts are a group's connections at one moment.
type Counts struct {
	Open, Strangers  int
	Leaving, Waiting int // sent away and not gone yet; newcomers that wait for a place

	// Since the beginning, those that were closed for others to have room:
	StrangersSent, IdleSent int64
}

// Count counts them.
func (g *Group) Count() Counts {
	p := g.places
	p.mu.Lock()
	defer p.mu.Unlock()
	return Counts{p.taken, len(p.unknown), p.going, p.waiting, p.sentAway.strangers.Load(), p.sentAway.idle.Load()}
}
