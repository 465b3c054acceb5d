package admin

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/server/respond"
	"uniapi/server/telemetry"
)

// wakeCall is what an admin wants woken.
type wakeCall struct {
	Provider string `json:"provider"`
	Model    string `json:"model"` // either name; "" is all
	Key      string `json:"key"`   // its number from 1, or as masked; "" is all
}

// wake serves POST /v1/channels/wake?provider=P&model=M&key=N: it ends what rests, so that the next request asks it.
func (a *API) wake(ctx *fasthttp.RequestCtx, by *Caller) {
	call, bad := a.wakeCall(ctx)
	if bad != nil {
		a.Gateway.WriteError(ctx, bad)
		return
	}
	woken, found := 0, false
	for _, p := range a.Gateway.Providers() {
		if p.Config.Name != call.Provider {
			continue
		}
		key, known := keyNumber(call.Key, p.MaskedKeys)
		if !known {
			continue
		}
		if n, some := p.Wake(call.Model, key); some {
			woken, found = woken+n, true
		}
	}
	if !found {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusNotFound, "invalid_request_error", "channel_not_found",
			"There is no such provider, or it has no such model or key. GET /v1/overview lists them."))
		return
	}
	a.Log.Info("channels were woken", "by", by.Alias, "provider", telemetry.Clip(call.Provider), "model", telemetry.Clip(call.Model), "resting", woken)
	respond.JSON(ctx, fasthttp.StatusOK, map[string]any{"provider": call.Provider, "woken": woken})
}

// wakeCall reads the address, and a JSON body over it.
func (a *API) wakeCall(ctx *fasthttp.RequestCtx) (call wakeCall, bad *codec.Error) {
	query := ctx.QueryArgs()
	call = wakeCall{string(query.Peek("provider")), string(query.Peek("model")), string(query.Peek("key"))}
	body, bad := a.Gateway.ReadBody(ctx)
	if bad != nil {
		return call, bad
	}
	if len(body) > 0 {
		var more struct {
			*wakeCall
			Key json.RawMessage `json:"key"` // a number or text
		}
		more.wakeCall = &call
		if err := json.Unmarshal(body, &more); err != nil {
			return call, badQuery("the body must be a JSON object with provider, and if need be model and key")
		}
		if text := strings.Trim(string(more.Key), `"`); text != "null" {
			call.Key = cmp.Or(text, call.Key)
		}
	}
	if call.Provider == "" {
		return call, badQuery("provider is missing: the name of the provider to wake")
	}
	return call, nil
}

// keyNumber is the index of a key given by its number or as masked, balancer.EveryKey for none.
func keyNumber(text string, masked []string) (index int, known bool) {
	if text == "" {
		return balancer.EveryKey, true
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n - 1, n >= 1 && n <= len(masked)
	}
	index = slices.Index(masked, text)
	return index, index >= 0
}
