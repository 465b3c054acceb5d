package server

import (
	"cmp"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// What an admin may ask of providers: each costs, and takes one of the provider's own limits.
const (
	longestAsking = 15 * time.Second // for all of it, so that whoever waits is told in time
	askingEvery   = 5 * time.Second
)

// askings are those of admins: one at a time, and not one after the other.
type askings struct {
	mu   sync.Mutex
	next time.Time // from when on providers may be asked again
}

// begin lets an asking in, which is to be ended; else it says how long to wait.
func (a *askings) begin(now time.Time) (wait time.Duration, in bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if wait = a.next.Sub(now); wait > 0 {
		return wait, false
	}
	a.next = now.Add(longestAsking + askingEvery)
	return 0, true
}

func (a *askings) end(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next = now.Add(askingEvery)
}

// askedTold is Asked as an admin is told of it.
type askedTold struct {
	Provider string  `json:"provider"`
	Key      string  `json:"key,omitempty"`
	Model    string  `json:"model,omitempty"`
	Good     bool    `json:"good"`
	LeftOut  string  `json:"left_out,omitempty"`
	Status   int     `json:"status,omitempty"`
	Seconds  float64 `json:"seconds"`
	Address  string  `json:"address,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// askChannels serves POST /v1/channels/ask?provider=P: it asks that provider, or all, with each key for something small, on the admin's account.
func (s *Server) askChannels(ctx *fasthttp.RequestCtx, by *clientKey) {
	name := string(ctx.QueryArgs().Peek("provider"))
	snap := s.snapshot.Load()
	var all []Asked
	for _, a := range snap.smallRequests(nil) {
		if name == "" || a.Provider == name {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		writeError(ctx, errorf(fasthttp.StatusNotFound, "invalid_request_error", "channel_not_found", "There is no such provider. GET /v1/overview lists them."))
		return
	}
	if by.book.Broke() {
		writeError(ctx, errorf(fasthttp.StatusTooManyRequests, "insufficient_quota", "insufficient_quota", "The credits of this API key are used up, and asking providers costs."))
		return
	}
	wait, in := s.askings.begin(time.Now())
	if !in {
		writeError(ctx, errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded",
			"Providers are being asked, or were a moment ago, and it costs each time. Try again in %.0f seconds.", max(wait.Seconds(), 1)))
		setRetryAfter(ctx, wait)
		return
	}
	defer func() { s.askings.end(time.Now()) }()
	told, good := make([]askedTold, 0, len(all)), 0
	s.askEach(snap, by, all, longestAsking, time.Now().Add(longestAsking), func(a Asked) {
		t := askedTold{a.Provider, a.Key, a.Model, a.LeftOut == "" && a.Wrong == "", a.LeftOut, a.Status, a.Took.Seconds(), a.Address, a.Wrong}
		if told = append(told, t); t.Good {
			good++
		}
	})
	s.log.Info("providers were asked for something small", "by", by.Alias, "provider", cmp.Or(clip(name), "all"), "requests", len(told), "good", good)
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"asked": told})
}
