package admin

import (
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
	"uniapi/usage"
)

// leftOfLimit is what a key is told of one of its limits.
type leftOfLimit struct {
	Model     *string `json:"model"` // nil is all models together
	Of        string  `json:"of"`
	Limit     float64 `json:"limit"`
	Remaining float64 `json:"remaining"`
	Window    int64   `json:"window_seconds"` // 0 of requests at once
	RenewedAt *string `json:"renewed_at"`
	InPart    bool    `json:"in_part"` // it slides: by then not all of it is back
}

// measureNames are what limits count, as api.yaml has them.
var measureNames = map[config.Measure]string{config.Requests: "requests", config.Tokens: "tokens", config.Money: "usd", config.Concurrent: "concurrent"}

// limitsOf is what is left of each limit of a client key: for a model, or for those
// that it has used and those that its rate_limit names.
func (a *API) limitsOf(secret, model string, used []usage.TokenUsage) []leftOfLimit {
	list := []leftOfLimit{}
	key := a.Gateway.Key(secret)
	if key == nil {
		return list
	}
	var models []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] && key.Routes.Find(name) != nil {
			models = append(models, name)
		}
		seen[name] = true
	}
	if model != "" {
		add(model)
	} else {
		for name := range key.Config.Preferences.RateLimit.All() {
			add(name)
		}
		for _, u := range used {
			add(u.Model)
		}
		if all := key.Routes.Models(); len(models) == 0 && len(all) > 0 {
			models = all[:1]
		}
	}
	now := time.Now()
	for i, name := range models {
		own, _ := key.Left(name)
		for _, l := range own {
			if l.Model != "" || i == 0 { // what all have together once
				list = append(list, leftOf(l, now))
			}
		}
	}
	return list
}

func leftOf(l limit.Left, now time.Time) leftOfLimit {
	told := leftOfLimit{Of: measureNames[l.Quota.Of], Limit: float64(l.Quota.Count), Remaining: float64(l.Remaining), Window: int64(l.Quota.Window.Seconds())}
	if l.Quota.Of == config.Money {
		told.Limit, told.Remaining = told.Limit/1e9, told.Remaining/1e9
	}
	if l.Model != "" {
		told.Model = &l.Model
	}
	slides := l.Quota.Zone == ""
	if known := !slides || l.Remaining < l.Quota.Count && l.Reset > 0; known && l.Quota.Of != config.Concurrent {
		at := now.Add(l.Reset + time.Second - 1).UTC().Format(time.RFC3339) // not before it is
		told.RenewedAt, told.InPart = &at, slides
	}
	return told
}

// accessUntil is when a key expires, in seconds since 1970; 0 is never.
func accessUntil(key *Caller) int64 {
	if at := key.Preferences.Access.ExpiresAt; at != nil {
		return at.Unix()
	}
	return 0
}
