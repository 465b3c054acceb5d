package provider

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"uniapi/pool"
)

// paces are those of a provider. They outlive a reload of the configuration.
type paces struct {
	known atomic.Pointer[map[paceKey]*pool.Pace] // copied to be added to: there are as many as models and endpoints in use
	mu    sync.Mutex
}

// paceKey is what times compare by. A stream's first byte comes long before a whole answer's.
type paceKey struct {
	model    string
	endpoint Endpoint
	stream   bool
}

func (p *paces) of(key paceKey) *pool.Pace {
	if known := p.known.Load(); known != nil {
		if pace := (*known)[key]; pace != nil {
			return pace
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	next := map[paceKey]*pool.Pace{}
	if known := p.known.Load(); known != nil {
		next = maps.Clone(*known)
	}
	if next[key] == nil {
		key.model = strings.Clone(key.model)
		next[key] = new(pool.Pace)
	}
	p.known.Store(&next)
	return next[key]
}
