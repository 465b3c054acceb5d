package server

import (
	"context"
	"log/slog"
	"sync"
)

// drops counts the events of streams that could not be read and were left out, by the provider's name in api.yaml.
type drops struct {
	mu     sync.Mutex
	counts map[string]int64
}

func (d *drops) add(provider string, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counts == nil {
		d.counts = make(map[string]int64)
	}
	d.counts[provider] += int64(n)
}

// all visits the counts.
func (d *drops) all(visit func(provider string, n int64)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for provider, n := range d.counts {
		visit(provider, n)
	}
}

// dropped tells of events of the attempt's answer that were left out.
func (a *attempt) dropped(n int) {
	if n == 0 {
		return
	}
	provider := a.chosen.Provider.Config.Name
	a.server.drops.add(provider, n)
	a.server.log.LogAttrs(context.Background(), slog.LevelWarn, "events of a stream that could not be read were left out of the answer",
		slog.String("id", string(a.id)), slog.String("provider", provider), slog.String("model", clip(a.model)), slog.Int("events", n))
}
