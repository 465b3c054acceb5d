package breaker

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

func TestClientsKnowWhoNamesThem(t *testing.T) {
	r := newBreaker()
	clients := make([]*Client, 2*MostAlone)
	for i := range clients {
		clients[i] = new(Client)
	}
	var now atomic.Int64
	now.Store(second)
	concurrently(4, func(n int) {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		for range 5_000 {
			c, at := clients[random.IntN(len(clients))], now.Add(random.Int64N(second))
			switch r.Take(at, c) {
			case Open:
				continue
			}
			switch random.IntN(4) {
			case 0:
				r.Served(at, c)
			case 1:
				r.Release(at, c)
			case 2: // never reported
			default:
				r.Failed(&Pause{Began: now.Load(), Until: now.Load() + random.Int64N(1000*second), Sure: random.IntN(50) == 0}, c, at)
			}
		}
	})
	rec := r.record.Load()
	for i, c := range clients {
		named := int32(0)
		if rec != nil {
			for _, p := range rec.probes {
				if p.by == c {
					named++
				}
			}
			if slices.ContainsFunc(rec.alone, func(a alone) bool { return a.client == c }) {
				named++
			}
		}
		if got := c.named.Load(); got != named {
			t.Errorf("client %d is named %d times and knows of %d", i, named, got)
		}
	}
}
