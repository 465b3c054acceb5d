package server

import (
	"context"
	"log/slog"
)

// dropped tells of events of the attempt's answer that were left out.
func (a *attempt) dropped(n int) {
	if n == 0 {
		return
	}
	provider := a.chosen.Provider.Config.Name
	a.server.counters.Drops.Add(provider, int64(n))
	a.server.log.LogAttrs(context.Background(), slog.LevelWarn, "events of a stream that could not be read were left out of the answer",
		slog.String("id", string(a.id)), slog.String("provider", provider), slog.String("model", clip(a.model)), slog.Int("events", n))
}
