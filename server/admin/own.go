package admin

import (
	"cmp"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/config"
	"uniapi/server/respond"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// keyAnswer is what is left to a client key. Money is dollars.
type keyAnswer struct {
	Key       string        `json:"key"` // alias
	Masked    string        `json:"masked"`
	Admin     bool          `json:"admin"`
	Enabled   bool          `json:"enabled"`
	Credits   *float64      `json:"credits"` // that it may spend in all; null if there is no limit
	Spent     float64       `json:"spent"`   // since Since
	Balance   *float64      `json:"balance"`
	Since     string        `json:"since"`      // from when on Spent counts
	RenewedAt string        `json:"renewed_at"` // when credits begin anew; "" is never
	ExpiresAt int64         `json:"expires_at"` // seconds since 1970; 0 is never
	Limits    []leftOfLimit `json:"limits"`
}

// keys serves GET /v1/keys: what is left to the key that asks, and to an admin to all others too.
func (a *API) keys(ctx *fasthttp.RequestCtx, by *Caller) {
	list := []keyAnswer{}
	if by.Admin {
		for _, k := range a.Gateway.Config().APIKeys {
			list = append(list, a.leftTo(k, nil))
		}
	} else {
		now := time.Now()
		used := a.Books.TokenUsage(by.Key, "", now.AddDate(0, 0, -1), now)
		if !a.holds(ctx, roomFor(used)) {
			return
		}
		list = append(list, a.leftTo(by.APIKey, used))
	}
	room := 0
	for i := range list {
		room += usedLine + len(list[i].Limits)*usedLine/4
	}
	if !a.holds(ctx, room) {
		return
	}
	respond.Fresh(ctx, map[string]any{"keys": list, "you": by.Alias, "admin": by.Admin, "now": epoch(time.Now())})
}

// leftTo is what is left to a key, with its limits for the models that it has used; without those, for the ones that
// its rate_limit names, or for one.
func (a *API) leftTo(k *config.APIKey, used []usage.TokenUsage) keyAnswer {
	state, _ := a.Books.State(k.Key)
	left := keyAnswer{Key: k.Alias, Masked: config.Mask(k.Key), Admin: a.Gateway.Config().IsAdmin(k), Enabled: state.Enabled, Spent: float64(state.Spent) / 1e9, Since: state.CreatedAt,
		RenewedAt: state.RenewedAt, ExpiresAt: accessUntil(&Caller{APIKey: k}), Limits: a.limitsOf(k.Key, "", used)}
	if state.Credits >= 0 {
		granted, balance := float64(state.Granted)/1e9, float64(state.Balance)/1e9
		left.Credits, left.Balance = &granted, &balance
	}
	return left
}

// me serves GET /v1/me: whose key it is, and whether it is an admin's.
func (a *API) me(ctx *fasthttp.RequestCtx, by *Caller) {
	respond.Fresh(ctx, map[string]any{"key": by.Alias, "admin": by.Admin, "now": epoch(time.Now())})
}

// costRow is what a key has used of a model in a month.
type costRow struct {
	usage.KeyCost
	DefaultPrice bool `json:"default_price"` // today some provider has it at the default price
}

// costs serves GET /v1/costs?month=2026-10: what each key has used of each model in a calendar month of
// UTC, the one that is now if none is given; a key that is no admin's sees itself.
func (a *API) costs(ctx *fasthttp.RequestCtx, by *Caller) {
	text := string(ctx.QueryArgs().Peek("month"))
	from, err := time.Parse("2006-01", cmp.Or(text, time.Now().UTC().Format("2006-01")))
	if err != nil {
		a.Gateway.WriteError(ctx, badQuery("month must be like 2026-01, not %q", telemetry.Clip(text)))
		return
	}
	only := ""
	if !by.Admin {
		only = by.Key
	}
	of, ok := a.statistics(ctx)
	if !ok {
		return
	}
	used := of.Costs(only, from, from.AddDate(0, 1, 0))
	room, priced := 0, make(map[string]bool)
	for i := range used {
		room += usedLine/2 + 4*len(used[i].Model)
		priced[used[i].Model] = false
	}
	if !a.holds(ctx, room) {
		return
	}
	a.Gateway.DefaultPriced(priced)
	rows := make([]costRow, len(used))
	for i, u := range used {
		rows[i] = costRow{u, priced[u.Model]}
	}
	slices.SortStableFunc(rows, func(x, y costRow) int { return cmp.Compare(y.Dollars, x.Dollars) })
	respond.Fresh(ctx, map[string]any{"month": from.Format("2006-01"), "rows": rows})
}
