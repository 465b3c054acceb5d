package admin

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/config"
	"uniapi/server/respond"
)

const (
	usualCapture   = 5 * time.Minute // for which a request is waited for
	longestCapture = time.Hour
	captureLease   = 30 * time.Second // a capture that nobody has asked about for so long is given up
)

// CaptureState is how a capture of the next exchange of a key stands.
type CaptureState struct {
	ID    string   `json:"id"`
	Keys  []string `json:"keys,omitempty"` // their aliases
	State string   `json:"state"`
	Until string   `json:"until"`
}

// States of a capture that is not there yet.
const (
	CaptureWaiting   = "waiting"   // for a request
	CaptureAnswering = "answering" // one
)

// captureNext serves POST /v1/captures: the next exchange of a key is to be captured. The key stands in the body, which
// no log of what stands between has.
func (a *API) captureNext(ctx *fasthttp.RequestCtx, by *Caller) {
	var wish struct {
		Key     string  `json:"key"`
		Seconds float64 `json:"seconds"`
	}
	body, bad := a.Gateway.ReadBody(ctx)
	if bad != nil {
		a.Gateway.WriteError(ctx, bad)
		return
	}
	if err := json.Unmarshal(body, &wish); err != nil || wish.Key == "" || wish.Seconds < 0 || wish.Seconds > longestCapture.Seconds() {
		a.Gateway.WriteError(ctx, badQuery(`the body must be a JSON object such as {"key": "alice", "seconds": 300}: the role of a client key, or the key as it is or masked, and for how long its next request is waited for, at most %.0f`, longestCapture.Seconds()))
		return
	}
	within := time.Duration(wish.Seconds * float64(time.Second))
	if within == 0 {
		within = usualCapture
	}
	keys := namedKeys(a.Gateway.Config(), wish.Key)
	if len(keys) == 0 {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusNotFound, "invalid_request_error", "key_not_found", "There is no client key with that role, and none that is masked so."))
		return
	}
	want, err := a.Gateway.CaptureNext(keys, within, captureLease)
	if err != nil {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "busy", "There are %v: try again when one has ended. One that nobody asks about any more ends within %.0f seconds.", err, captureLease.Seconds()))
		return
	}
	var aliases []string
	for _, k := range keys {
		aliases = append(aliases, k.Alias)
	}
	a.Log.Info("the next exchange of a client key is captured", "by", by.Alias, "keys", aliases, "within", within.String())
	respond.JSON(ctx, fasthttp.StatusAccepted, CaptureState{want.ID, slices.Compact(aliases), CaptureWaiting, want.Until.UTC().Format(time.RFC3339)})
}

// namedKeys are the client keys that are meant by a role, or by a key as it is or masked.
func namedKeys(cfg *config.Config, name string) (keys []*config.APIKey) {
	for _, k := range cfg.APIKeys {
		if k.Alias == name || k.Key == name || config.Mask(k.Key) == name {
			keys = append(keys, k)
		}
	}
	return keys
}

// captured serves GET /v1/captures?id=ID: the capture, or how it stands.
func (a *API) captured(ctx *fasthttp.RequestCtx, _ *Caller) {
	want := a.Gateway.FindCapture(string(ctx.QueryArgs().Peek("id")))
	if want == nil {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusNotFound, "invalid_request_error", "capture_not_found", "There is no such capture. One that nobody asks about for %.0f seconds is given up.", captureLease.Seconds()))
		return
	}
	if want.Over() {
		want.GiveUp()
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusGone, "invalid_request_error", "nothing_captured", "No request of that key came until %s.", want.Until.UTC().Format(time.RFC3339)))
		return
	}
	come, e := want.Stands()
	if e == nil {
		state := CaptureState{ID: want.ID, State: CaptureWaiting, Until: want.Until.UTC().Format(time.RFC3339)}
		if come {
			state.State = CaptureAnswering
		}
		respond.JSON(ctx, fasthttp.StatusAccepted, state)
		return
	}
	text, err := e.Shown()
	if err != nil { // of our own types: never
		panic(err)
	}
	respond.Written(ctx, text)
}
