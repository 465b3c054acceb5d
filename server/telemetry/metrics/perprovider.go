package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// PerProvider counts something by the provider's name in api.yaml. A name that is new
// copies the map.
type PerProvider struct {
	known atomic.Pointer[map[string]*atomic.Int64]
	mu    sync.Mutex // of those that add a name
}

// Add counts n more, if they are any.
func (c *PerProvider) Add(provider string, n int64) {
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
func (c *PerProvider) of(provider string) *atomic.Int64 {
	if known := c.known.Load(); known != nil {
		return (*known)[provider]
	}
	return nil
}

// Each visits the counts.
func (c *PerProvider) Each(visit func(provider string, n int64)) {
	if known := c.known.Load(); known != nil {
		for provider, n := range *known {
			visit(provider, n.Load())
		}
	}
}
