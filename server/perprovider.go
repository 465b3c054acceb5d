package server

import (
	"maps"
	"sync"
	"sync/atomic"
)

// perProvider counts something by the provider's name in api.yaml. A name that is new
// copies the map.
type perProvider struct {
	known atomic.Pointer[map[string]*atomic.Int64]
	mu    sync.Mutex // of those that add a name
}

func (c *perProvider) add(provider string, n int64) {
	if n <= 0 {
		return
	}
	if count := c.of(provider); count != nil {
		count.Add(n)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of(provider) == nil {
		next := map[string]*atomic.Int64{}
		if known := c.known.Load(); known != nil {
			next = maps.Clone(*known)
		}
		next[provider] = new(atomic.Int64)
		c.known.Store(&next)
	}
	c.of(provider).Add(n)
}

// of is the count of a provider, nil if there is none yet.
func (c *perProvider) of(provider string) *atomic.Int64 {
	if known := c.known.Load(); known != nil {
		return (*known)[provider]
	}
	return nil
}

// all visits the counts.
func (c *perProvider) all(visit func(provider string, n int64)) {
	if known := c.known.Load(); known != nil {
		for provider, n := range *known {
			visit(provider, n.Load())
		}
	}
}
