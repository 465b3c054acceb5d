package admin

import (
	"cmp"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/server/respond"
	"uniapi/server/telemetry"
)

// What an admin may ask of providers: each costs, and takes one of the provider's own limits.
const (
	longestAsking = 15 * time.Second // for all of it, so that whoever waits is told in time
	askingEvery   = 5 * time.Second
)

// askings are those of admins: one at a time, and not one after the other.
type askings struct {
	every time.Duration // the pause between two
	mu    sync.Mutex
	next  time.Time // from when on providers may be asked again
}

// begin lets an asking in, which is to be ended; else it says how long to wait.
func (of *askings) begin(now time.Time) (wait time.Duration, in bool) {
	of.mu.Lock()
	defer of.mu.Unlock()
	if wait = of.next.Sub(now); wait > 0 {
		return wait, false
	}
	of.next = now.Add(longestAsking + of.every)
	return 0, true
}

func (of *askings) end(now time.Time) {
	of.mu.Lock()
	defer of.mu.Unlock()
	of.next = now.Add(of.every)
}

// Asked is what came of a small request to a provider with one of its keys.
type Asked struct {
	Provider string  `json:"provider"`
	Key      string  `json:"key,omitempty"` // as it may be shown
	Model    string  `json:"model,omitempty"`
	Good     bool    `json:"good"`
	LeftOut  string  `json:"left_out,omitempty"` // why nothing was asked
	Status   int     `json:"status,omitempty"`
	Seconds  float64 `json:"seconds"`
	Address  string  `json:"address,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// askChannels serves POST /v1/channels/ask?provider=P: it asks that provider, or all, with each key for something
// small, on the admin's account.
func (a *API) askChannels(ctx *fasthttp.RequestCtx, by *Caller) {
	name := string(ctx.QueryArgs().Peek("provider"))
	ask, some := a.Gateway.Asking(name)
	if !some {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusNotFound, "invalid_request_error", "channel_not_found", "There is no such provider. GET /v1/overview lists them."))
		return
	}
	if by.Book.OutOfCredit() {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusTooManyRequests, "insufficient_quota", "insufficient_quota", "The credits of this API key are used up, and asking providers costs."))
		return
	}
	wait, in := a.askings.begin(time.Now())
	if !in {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded",
			"Providers are being asked, or were a moment ago, and it costs each time. Try again in %.0f seconds.", max(wait.Seconds(), 1)))
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return
	}
	defer func() { a.askings.end(time.Now()) }()
	told, good := []Asked{}, 0
	ask(by, longestAsking, func(of Asked) {
		if told = append(told, of); of.Good {
			good++
		}
	})
	a.Log.Info("providers were asked for something small", "by", by.Alias, "provider", cmp.Or(telemetry.Clip(name), "all"), "requests", len(told), "good", good)
	respond.JSON(ctx, fasthttp.StatusOK, map[string]any{"asked": told})
}
