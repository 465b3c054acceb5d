// Package pool reaches upstreams: it owns the connections to them, directly or through proxies, and speaks HTTP/1.1
// over them.
//
// A connection serves one exchange at a time, in the goroutine that called Do: one write, then reads as the caller asks
// for the body. No goroutine stands behind a connection, busy or idle.
package pool

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the limits of a Pool. Zero fields mean the defaults named here.
type Options struct {
	Connect          time.Duration // from the first look-up to the end of the last handshake, proxy included; 15 s, as uni-api has it
	Write            time.Duration // how long a write may stand still; 30 s, as uni-api has it
	MaxIdlePerTarget int           // idle connections kept for one target; 256
	MaxAge           time.Duration // how old a connection may be that takes another request; 5 min. See KeepFor
	IdleTimeout      time.Duration // how long an idle connection is kept; 90 s, below the 100 s and more that load balancers allow
	TLS              *tls.Config   // what to start from, e.g. another root in tests; verification and ALPN are set by the pool
	MaxHeader        int           // bytes of an answer's head, and of its trailers; also the read buffer of each connection; 16 KiB
	MaxAnswer        int64         // bytes of an answer's body once inflated, streams included; 256 MiB, room for generated video
	Distrust         time.Duration // how long no connection to a target is kept that sent what nobody asked for; 10 min

	// Reach is asked for connections in the place of the network, for what has to see all that would leave. What it
	// gives is not encrypted, also where the target's is, and there is no proxy on the way.
	Reach func(ctx context.Context, addr string) (*net.TCPConn, error)

	// OnStray is told each time that begins. It must not call the pool.
	OnStray func(*Target)
}

func (o Options) withDefaults() Options {
	or := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	or(&o.Connect, 15*time.Second)
	or(&o.Write, 30*time.Second)
	or(&o.IdleTimeout, 90*time.Second)
	or(&o.Distrust, 10*time.Minute)
	or(&o.MaxAge, DefaultMaxAge)
	if o.MaxIdlePerTarget <= 0 {
		o.MaxIdlePerTarget = 256
	}
	if o.MaxHeader <= 0 {
		o.MaxHeader = 16 << 10
	}
	if o.MaxAnswer <= 0 {
		o.MaxAnswer = 256 << 20
	}
	return o
}

// Pool holds the connections to all targets.
type Pool struct {
	opts   Options
	dialer net.Dialer
	tls    *tls.Config
	start  time.Time // zero of the pool's clock

	mu      sync.Mutex
	targets map[targetKey]*Target
	servers map[string]*server // by address; those of targets

	lent  sync.Pool // *[]byte of Options.MaxHeader bytes, for what connections receive
	heads sync.Pool // *headParser

	closed   atomic.Bool
	maxAge   atomic.Int64  // of a connection that takes another request, nanoseconds; 0 is any
	renewals atomic.Uint32 // how often Renew was called
	sweeping atomic.Bool   // a sweep is scheduled
	sweeps   atomic.Int64
	counts   struct{ open, dials, reused, resent, doubted, strays atomic.Int64 }
}

// New makes a pool without connections.
func New(opts Options) *Pool {
	p := &Pool{opts: opts.withDefaults(), start: time.Now(), targets: make(map[targetKey]*Target), servers: make(map[string]*server)}
	p.lent.New = func() any { return new(make([]byte, p.opts.MaxHeader)) }
	p.heads.New = func() any { return newHeadParser(p.opts.MaxHeader) }
	p.maxAge.Store(int64(p.opts.MaxAge))
	// Keep-alive probes find the peer that vanished while a model thinks for minutes.
	p.dialer = net.Dialer{KeepAlive: 30 * time.Second}
	p.tls = &tls.Config{}
	if opts.TLS != nil {
		p.tls = opts.TLS.Clone()
	}
	p.tls.InsecureSkipVerify = false
	p.tls.NextProtos = []string{"http/1.1"}
	p.tls.MinVersion = max(p.tls.MinVersion, tls.VersionTLS12)
	p.tls.ClientSessionCache = tls.NewLRUClientSessionCache(256)
	// A request then leaves as one record and one system call, not as a dozen of one packet each.
	p.tls.DynamicRecordSizingDisabled = true
	return p
}

// TLS is what connections are secured with; it is not to be changed.
func (p *Pool) TLS() *tls.Config { return p.tls }

// now is the pool's clock: nanoseconds since New, monotonic, never 0 (which means "none" to deadlines).
func (p *Pool) now() int64 { return int64(time.Since(p.start)) + 1 }

// Stats is a snapshot of the pool's counters.
type Stats struct {
	Open    int64 // connections now, idle and busy
	Idle    int64 // of these, waiting for a request
	Dials   int64 // connections asked for since New, the failed included
	Reused  int64 // answers that came over a connection that had served before
	Resent  int64 // requests sent again because their idle connection had died
	Doubted int64 // requests sent again because the answer may have been somebody else's
	Strays  int64 // how often a target turned out to send what nobody asked for
}

// Stats reads the counters; they are not of one instant.
func (p *Pool) Stats() Stats {
	s := Stats{
		Open: p.counts.open.Load(), Dials: p.counts.dials.Load(), Reused: p.counts.reused.Load(), Resent: p.counts.resent.Load(),
		Doubted: p.counts.doubted.Load(), Strays: p.counts.strays.Load(),
	}
	for _, t := range p.snapshot() {
		s.Idle += int64(t.idleCount())
	}
	return s
}

// DefaultMaxAge is how old a connection may be that takes another request. Under steady traffic one would serve for
// ever: a name that has moved to another address, or a server that was added behind a load balancer, would never be
// asked.
const DefaultMaxAge = 5 * time.Minute

// KeepFor sets how old a connection may be that takes another request, 0 for any age. Each is given up somewhere in the
// last quarter of that, so that those which were made together are not made anew together. What goes on over one is not
// ended.
func (p *Pool) KeepFor(age time.Duration) { p.maxAge.Store(int64(max(age, 0))) }

// Renew closes the idle connections, and has those in use closed when their exchange ends: what is asked from now on
// goes to where the names lead now.
func (p *Pool) Renew() {
	p.renewals.Add(1)
	p.closeIdle()
}

// Close closes the idle connections, and busy ones when their exchange ends. Do still works, but nothing is kept any
// more.
func (p *Pool) Close() {
	p.closed.Store(true)
	p.closeIdle()
}

func (p *Pool) closeIdle() {
	for _, t := range p.snapshot() {
		for _, c := range t.takeIdle() {
			c.dispose()
		}
	}
}

func (p *Pool) snapshot() []*Target {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*Target, 0, len(p.targets))
	for _, t := range p.targets {
		all = append(all, t)
	}
	return all
}
