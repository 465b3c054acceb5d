package admin

import (
	"context"
	"crypto/rand"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/server/respond"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// mostHours is uni-api's limit of /v1/stats.
const mostHours = 720

// stats serves GET /v1/stats?hours=24.
func (a *API) stats(ctx *fasthttp.RequestCtx, _ *Caller) {
	hours := 24
	if text := string(ctx.QueryArgs().Peek("hours")); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostHours {
			a.Gateway.WriteError(ctx, badQuery("hours must be a number from 1 to %d, not %q", mostHours, telemetry.Clip(text)))
			return
		}
		hours = n
	}
	of, ok := a.statistics(ctx)
	if !ok {
		return
	}
	respond.JSON(ctx, fasthttp.StatusOK, of.Stats(hours))
}

// tokenUsage serves GET /v1/token_usage: an admin sees all keys,
// or the one it names, and any other key itself.
func (a *API) tokenUsage(ctx *fasthttp.RequestCtx, key *Caller) {
	query := ctx.QueryArgs()
	from, to, bad := timeRange(query, 30)
	if bad != nil {
		a.Gateway.WriteError(ctx, bad)
		return
	}
	secret, filter := key.Key, "self"
	if asked := string(query.Peek("api_key_param")); key.Admin {
		if secret, filter = asked, "all"; asked != "" {
			filter = config.Mask(asked)
		}
	} else if asked != "" && asked != key.Key {
		a.Gateway.WriteError(ctx, ErrNotAdmin)
		return
	}
	model := string(query.Peek("model"))
	details := map[string]any{
		"start_datetime": from.UTC().Format(time.RFC3339), "end_datetime": to.UTC().Format(time.RFC3339),
		"api_key_filter": filter, "model_filter": or(model, "all"), "credits": "$None", "total_cost": "$None", "balance": nil,
	}
	if state, known := a.Books.State(secret); secret != "" && known {
		details["credits"], details["total_cost"] = "$-1", usage.Dollars(state.Spent)
		if state.Credits >= 0 {
			details["credits"] = usage.Dollars(state.Granted)
			details["balance"], details["credits_from"] = usage.Dollars(state.Balance), state.CreatedAt
			details["credits_renewed_at"] = orNull(state.RenewedAt)
		}
	}
	of, ok := a.statistics(ctx)
	if !ok {
		return
	}
	used := of.TokenUsage(secret, model, from, to)
	if !a.holds(ctx, roomFor(used)) {
		return
	}
	priced := make(map[string]bool)
	for i := range used {
		priced[used[i].Model] = false
	}
	a.Gateway.DefaultPriced(priced)
	for i := range used {
		used[i].DefaultPrice = priced[used[i].Model]
	}
	if secret != "" {
		details["limits"] = a.limitsOf(secret, model, used)
	}
	respond.JSON(ctx, fasthttp.StatusOK, map[string]any{"usage": used, "query_details": details})
}

// orNull is a text, or null if there is none.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// timeRange reads start_datetime and end_datetime, or last_n_days.
func timeRange(query *fasthttp.Args, days int) (from, to time.Time, bad *codec.Error) {
	now := time.Now()
	from, to = now.AddDate(0, 0, -days), now
	start, end, last := string(query.Peek("start_datetime")), string(query.Peek("end_datetime")), string(query.Peek("last_n_days"))
	if last != "" {
		n, err := strconv.Atoi(last)
		switch {
		case start != "" || end != "":
			return from, to, badQuery("last_n_days cannot be used together with start_datetime or end_datetime")
		case err != nil || n <= 0:
			return from, to, badQuery("last_n_days must be a positive number, not %q", telemetry.Clip(last))
		}
		return now.AddDate(0, 0, -min(n, 100_000)), now, nil
	}
	for t, text := range map[*time.Time]string{&from: start, &to: end} {
		if text == "" {
			continue
		}
		moment, ok := ReadTime(text)
		if !ok {
			return from, to, badQuery("%q is no time: write 2026-01-31, 2026-01-31T12:00:00Z or seconds since 1970", telemetry.Clip(text))
		}
		*t = moment
	}
	if to.Before(from) {
		return from, to, badQuery("end_datetime is before start_datetime")
	}
	return from, to, nil
}

// timeForms are those of ISO 8601 that people write; without a zone it is UTC.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"}

// ReadTime reads one of them, or seconds since 1970.
func ReadTime(text string) (time.Time, bool) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 && seconds < 1e12 {
		return time.Unix(int64(seconds), 0), true
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// keyStates serves GET /v1/api_keys_states: by how a key is shown, or with reveal=true by the key itself, as uni-api
// has it.
func (a *API) keyStates(ctx *fasthttp.RequestCtx, key *Caller) {
	reveal := string(ctx.QueryArgs().Peek("reveal")) == "true"
	if reveal {
		a.Log.Warn("the states of the keys were shown with the keys", "key", key.Alias, "client", a.Gateway.ClientIP(ctx).String())
	}
	respond.JSON(ctx, fasthttp.StatusOK, map[string]any{"api_keys_states": a.Books.KeyStates(reveal)})
	if !reveal {
		a.Gateway.Clean(ctx)
	}
}

// keyRankings serves GET /v1/channel_key_rankings?provider_name=P.
func (a *API) keyRankings(ctx *fasthttp.RequestCtx, _ *Caller) {
	query := ctx.QueryArgs()
	from, to, bad := timeRange(query, 1)
	provider := string(query.Peek("provider_name"))
	if provider == "" && bad == nil {
		bad = badQuery("provider_name is missing")
	}
	if bad != nil {
		a.Gateway.WriteError(ctx, bad)
		return
	}
	of, ok := a.statistics(ctx)
	if !ok {
		return
	}
	respond.JSON(ctx, fasthttp.StatusOK, map[string]any{"rankings": of.KeyRankings(provider, from, to), "query_details": map[string]any{
		"provider_name": provider, "start_datetime": from.UTC().Format(time.RFC3339), "end_datetime": to.UTC().Format(time.RFC3339)}})
}

// generateKey serves GET /v1/generate-api-key. The key is stored nowhere: it is
// for the admin to put into api.yaml.
func (a *API) generateKey(ctx *fasthttp.RequestCtx, _ *Caller) {
	respond.JSON(ctx, fasthttp.StatusOK, map[string]string{"api_key": NewKey()})
}

// NewKey makes a client key as uni-api does: sk- and 48 letters and digits.
func NewKey() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	key := []byte("sk-")
	var b [1]byte
	for len(key) < len("sk-")+48 {
		rand.Read(b[:])
		if i := int(b[0]) & 63; i < len(alphabet) { // the others would favour some letters
			key = append(key, alphabet[i])
		}
	}
	return string(key)
}

// billing serves the two addresses by which chat UIs show what is left.
func (a *API) billingSubscription(ctx *fasthttp.RequestCtx, key *Caller) {
	limit := 1e8 // no limit
	state, known := a.Books.State(key.Key)
	if known && state.Credits >= 0 {
		limit = state.Credits + state.Added
	}
	now := time.Now()
	used := a.Books.TokenUsage(key.Key, "", now.AddDate(0, 0, -1), now)
	if !a.holds(ctx, roomFor(used)) {
		return
	}
	respond.JSON(ctx, fasthttp.StatusOK, map[string]any{"object": "billing_subscription", "has_payment_method": true,
		"soft_limit_usd": limit, "hard_limit_usd": limit, "system_hard_limit_usd": limit, "access_until": accessUntil(key), "credits_renewed_at": orNull(state.RenewedAt), "limits": a.limitsOf(key.Key, "", used)})
}

func (a *API) billingUsage(ctx *fasthttp.RequestCtx, key *Caller) {
	state, _ := a.Books.State(key.Key)
	respond.JSON(ctx, fasthttp.StatusOK, map[string]any{"object": "list", "total_usage": state.Cost * 100}) // cents
}

// statistics are those of the instance that a question names, or of all. Where they lack what others count, since the
// database does not answer, a header says since when.
func (a *API) statistics(ctx *fasthttp.RequestCtx) (of usage.Statistics, ok bool) {
	within, cancel := context.WithTimeout(context.Background(), instanceWithin)
	defer cancel()
	of, err := a.Books.Of(within, string(ctx.QueryArgs().Peek("instance")))
	if err != nil {
		a.Gateway.WriteError(ctx, badQuery("%s", telemetry.Clip(err.Error())))
		return of, false
	}
	if away := a.Books.Ledger().Away; !away.IsZero() {
		ctx.Response.Header.Set("X-Incomplete-Since", away.UTC().Format(time.RFC3339))
	}
	return of, true
}

// instanceWithin is how long it may take to find out whether there is such an instance.
const instanceWithin = 3 * time.Second

// instances are those that share the ledger, as far as the database tells at once.
func (a *API) instances() []string {
	within, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return a.Books.Instances(within)
}
