package config

import (
	"cmp"
	"fmt"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Hedging lets another channel be asked beside one that is slow, for requests of
// conversations. The first valid answer is the client's.
type Hedging struct {
	Enabled      bool
	MaxInflight  int           // attempts of one request at a time, 1 to 4
	WinnerPolicy string        // first_valid_success
	Delay        time.Duration // after which another is asked; Adaptive is what all but one of twenty of the channel's answers took
	Share        float64       // percent of requests for which that may be so before the time of the first is over
}

// newHedging is what holds where the file says no more than that it is on.
var newHedging = Hedging{MaxInflight: 2, WinnerPolicy: "first_valid_success", Delay: Adaptive, Share: 5}

// HedgingOf is what holds for a client key at a provider: what the key says goes before
// what the provider says, and that before what holds for all. Nil is off.
func (c *Config) HedgingOf(k *APIKey, p *Provider) *Hedging {
	h := cmp.Or(k.Preferences.Hedging, p.Preferences.Hedging, c.Preferences.Hedging)
	if h == nil || !h.Enabled || h.MaxInflight < 2 {
		return nil
	}
	return h
}

var hedging = optional(nested(hedgingFields, newHedging))

var hedgingFields = []field[Hedging]{
	take("enabled", flag, func(h *Hedging) *bool { return &h.Enabled }),
	take("max_inflight_attempts", integer(1, 4), func(h *Hedging) *int { return &h.MaxInflight }),
	take("winner_policy", oneOf("first_valid_success"), func(h *Hedging) *string { return &h.WinnerPolicy }),
	take("delay", secondsOr("p95"), func(h *Hedging) *time.Duration { return &h.Delay }),
	take("share", percent, func(h *Hedging) *float64 { return &h.Share }),
}

// percent reads a number from 0 to 100.
func percent(d *decoder, n *yaml.Node) (float64, bool) {
	f, ok := number(d, n)
	if ok && (f < 0 || f > 100) {
		d.fail(n, n.Value, "%s must be a number of percent from 0 to 100, not %s", d.key, shown(n.Value))
		return 0, false
	}
	return f, ok
}

// String is the setting as `check` shows it.
func (h *Hedging) String() string {
	switch {
	case h == nil:
		return ""
	case !h.Enabled:
		return "off"
	case h.Delay == Adaptive:
		return fmt.Sprintf("at most %d attempts at once, after p95, for %v %%", h.MaxInflight, h.Share)
	}
	return fmt.Sprintf("at most %d attempts at once, after %v, for %v %%", h.MaxInflight, h.Delay, h.Share)
}
