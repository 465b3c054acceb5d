package server

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
)

// wakeCall is what an admin wants woken.
type wakeCall struct {
	Provider string `json:"provider"`
	Model    string `json:"model"` // either name; "" is all
	Key      string `json:"key"`   // its number from 1, or as masked; "" is all
}

// wake serves POST /v1/channels/wake?provider=P&model=M&key=N: it ends what rests, so that the next request asks it.
func (s *Server) wake(ctx *fasthttp.RequestCtx, by *clientKey) {
	call, bad := s.wakeCall(ctx)
	if bad != nil {
		writeError(ctx, bad)
		return
	}
	snap := s.snapshot.Load()
	woken, found := 0, false
	for i, p := range snap.table.Providers {
		if p.Config.Name != call.Provider {
			continue
		}
		key, known := keyNumber(call.Key, snap.backends[i].maskedKeys)
		if !known {
			continue
		}
		if n, some := p.Wake(call.Model, key); some {
			woken, found = woken+n, true
		}
	}
	if !found {
		writeError(ctx, errorf(fasthttp.StatusNotFound, "invalid_request_error", "channel_not_found",
			"There is no such provider, or it has no such model or key. GET /v1/overview lists them."))
		return
	}
	s.log.Info("channels were woken", "by", by.Alias, "provider", clip(call.Provider), "model", clip(call.Model), "resting", woken)
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"provider": call.Provider, "woken": woken})
}

// wakeCall reads the address, and a JSON body over it.
func (s *Server) wakeCall(ctx *fasthttp.RequestCtx) (call wakeCall, bad *codec.Error) {
	query := ctx.QueryArgs()
	call = wakeCall{string(query.Peek("provider")), string(query.Peek("model")), string(query.Peek("key"))}
	body, bad := s.readBody(ctx, nil)
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
