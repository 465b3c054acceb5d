package admin

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec/saturate"
	"uniapi/config"
	"uniapi/server/respond"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// addCredits serves POST /v1/add_credits?paid_key=K&amount=DOLLARS&note=TEXT. An amount below 0 takes back what was
// added.
func (a *API) addCredits(ctx *fasthttp.RequestCtx, admin *Caller) {
	query := ctx.QueryArgs()
	text, note := string(query.Peek("amount")), string(query.Peek("note"))
	amount, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.Abs(amount) >= 1e-9) || math.Abs(amount) > 1e9 { // the books count in nano-dollars
		a.Gateway.WriteError(ctx, badQuery("amount must be dollars, above 0 to add and below 0 to take back, and at most a billion; not %q", telemetry.Clip(text)))
		return
	}
	if len(note) > longestNote {
		a.Gateway.WriteError(ctx, badQuery("note must have at most %d bytes", longestNote))
		return
	}
	key := string(query.Peek("paid_key"))
	if state, known := a.Books.State(key); known && state.Credits == 0 {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusConflict, "invalid_request_error", "key_is_blocked",
			"The key has credits: 0 in api.yaml, which blocks it whatever is added. Give it an amount there, or leave credits out."))
		return
	}
	state, known, err := a.Books.AddCredits(key, usage.Correction{Nano: saturate.Float(amount * 1e9), By: admin.Alias, Note: strings.ToValidUTF8(note, "\ufffd")})
	tooMuch, isTooMuch := errors.AsType[*usage.TooMuchTakenBack](err)
	switch {
	case !known && err == nil:
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusNotFound, "invalid_request_error", "key_not_found", "paid_key is none of the configured API keys"))
	case isTooMuch:
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusConflict, "invalid_request_error", "too_much_taken_back",
			"Only %v dollars were added to this key, so no more can be taken back. To leave it with less than that, lower its credits in api.yaml.", float64(tooMuch.Added)/1e9))
	case err != nil:
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusServiceUnavailable, "server_error", "ledger_unavailable", "the credit was not changed: %v", err))
	default:
		did, message := "credits were added", "Credits added successfully"
		if amount < 0 {
			did, message = "credits were taken back", "Credits taken back successfully"
		}
		a.Log.Info(did, "key", state.Alias, "dollars", amount, "by", admin.Alias, "note", note)
		respond.JSON(ctx, fasthttp.StatusOK, map[string]any{"message": message, "paid_key": config.Mask(key),
			"new_credits": state.Credits + state.Added, "enabled": state.Enabled})
	}
}

// longestNote is how many bytes the note of a correction has at most.
const longestNote = 500

// creditHistory serves GET /v1/credit_history?paid_key=K: all that was added and taken back.
func (a *API) creditHistory(ctx *fasthttp.RequestCtx, _ *Caller) {
	key := string(ctx.QueryArgs().Peek("paid_key"))
	list, known, err := a.Books.Corrections(key)
	switch {
	case err != nil:
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusServiceUnavailable, "server_error", "ledger_unavailable", "what was added cannot be read: %v", err))
	case !known:
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusNotFound, "invalid_request_error", "key_not_found", "paid_key is none of the configured API keys"))
	default:
		state, _ := a.Books.State(key)
		from, _ := time.Parse(time.RFC3339, state.CreatedAt)
		rows := make([]map[string]any, len(list))
		for i, c := range list {
			rows[i] = map[string]any{"counts": state.RenewedAt == "" || !c.At.Before(from), "at": c.At.Format(time.RFC3339), "dollars": float64(c.Nano) / 1e9, "added_in_all": float64(c.Total) / 1e9, "by": c.By, "note": c.Note}
			if c.Repriced != 0 {
				rows[i]["repriced_dollars"] = float64(c.Repriced) / 1e9
			}
		}
		respond.JSON(ctx, fasthttp.StatusOK, map[string]any{"paid_key": config.Mask(key), "credit_history": rows, "credits_from": state.CreatedAt, "credits_renewed_at": orNull(state.RenewedAt)})
	}
}
