package server

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/pool/provider"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// timeline serves GET /v1/timeline?by=model&step=5m to the dashboard: what
// happened from start_datetime to end_datetime, the last day if neither is given.
func (s *Server) timeline(ctx *fasthttp.RequestCtx, _ *clientKey) {
	query := ctx.QueryArgs()
	from, to, bad := timeRange(query, 1)
	if bad != nil {
		writeError(ctx, bad)
		return
	}
	step, bad := timelineStep(string(query.Peek("step")), from, to)
	if bad != nil {
		writeError(ctx, bad)
		return
	}
	by := usage.Grouping(clip(string(query.Peek("by"))))
	lines, err := s.books.Timeline(from, to, step, by)
	if err != nil {
		writeError(ctx, badQuery("%v", err))
		return
	}
	writeFresh(ctx, map[string]any{
		"by": by, "start": from.Unix(), "end": to.Unix(), "step": int64(step / time.Second), "lines": lines,
	})
}

// usualSteps are those a range is cut into unless another is asked for. Minutes
// are kept for two days only, so that a range of more than 33 hours goes by hours.
var usualSteps = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// usualPoints is how many steps a range is cut into at most: more are no clearer
// on a screen.
const usualPoints = 200

// timelineStep reads a step: seconds, or 5m, 1h and the like.
func timelineStep(text string, from, to time.Time) (time.Duration, *codec.Error) {
	if text == "" {
		seconds := to.Unix() - from.Unix()
		for _, step := range usualSteps {
			if seconds <= usualPoints*int64(step/time.Second) {
				return step, nil
			}
		}
		const day = 24 * 60 * 60
		return time.Duration(1+seconds/(usualPoints*day)) * 24 * time.Hour, nil
	}
	const most = 366 * 24 * time.Hour
	if _, err := strconv.ParseUint(text, 10, 64); err == nil {
		text += "s"
	}
	step, err := time.ParseDuration(text)
	if err != nil || step <= 0 || step > most {
		return 0, badQuery("step must be seconds or a duration like 5m or 6h, and at most a year, not %q", clip(text))
	}
	return step, nil
}

// writeFresh answers with what holds for this moment only.
func writeFresh(ctx *fasthttp.RequestCtx, v any) {
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	writeJSON(ctx, fasthttp.StatusOK, v)
}

// overview is how the gateway stands. Times are seconds since 1970, 0 for never.
type overview struct {
	Now       float64            `json:"now"`
	Version   string             `json:"version"`
	Uptime    float64            `json:"uptime_seconds"`
	Draining  bool               `json:"draining"`
	Ledger    string             `json:"ledger_error"` // why nothing can be written; "" if it can
	Limits    overviewLimits     `json:"limits"`
	Clients   int                `json:"client_connections"`
	Upstream  int64              `json:"upstream_connections"`
	Idle      int64              `json:"upstream_connections_idle"`
	Refused   int64              `json:"requests_refused"` // for want of room, since the start
	Reload    string             `json:"reload_error"`     // why the configuration could not be read again; "" if it could
	LeftOut   []overviewLeft     `json:"left_out"`         // of the configuration in force, because of an error in it
	Providers []overviewProvider `json:"providers"`
}

type overviewLimits struct {
	InFlight    int64 `json:"max_in_flight"` // 0 is no limit
	Connections int   `json:"max_connections"`
	Body        int   `json:"max_body_bytes"`
	Memory      int64 `json:"memory_bytes"` // 0 is no limit
}

type overviewProvider struct {
	Name     string            `json:"name"`
	Engine   string            `json:"engine"`
	Usable   bool              `json:"usable"` // false if it was left out when the configuration was read; the log says why
	Channels []overviewChannel `json:"channels"`
	Keys     []overviewKey     `json:"keys"`
}

type overviewChannel struct {
	Model    string `json:"model"`
	Upstream string `json:"upstream_model"`
	overviewStanding
}

type overviewKey struct {
	Key    string `json:"key"` // masked
	Served int64  `json:"served"`
	Failed int64  `json:"failed"`
	overviewStanding
	Models []overviewKeyModel `json:"models"` // for which it rests while it may serve others
}

// overviewKeyModel is how a key stands for one model, after a limit or a quota.
type overviewKeyModel struct {
	Upstream string `json:"upstream_model"`
	overviewStanding
}

type overviewStanding struct {
	Resting     bool            `json:"resting"`       // for all client keys
	Until       float64         `json:"resting_until"` // in the past while a request finds out whether it is fit again
	Alone       []overviewAlone `json:"resting_alone"` // client keys for which alone it rests
	LastError   string          `json:"last_error"`
	LastErrorAt float64         `json:"last_error_at"`
}

type overviewAlone struct {
	Key    string  `json:"key"` // alias
	Until  float64 `json:"until"`
	Reason string  `json:"reason"`
}

func overviewOf(s balancer.Standing) overviewStanding {
	alone := make([]overviewAlone, 0, len(s.Alone))
	for _, a := range s.Alone {
		alone = append(alone, overviewAlone{a.Key, epoch(a.Until), a.Reason})
	}
	return overviewStanding{s.Resting, epoch(s.Until), alone, s.LastError, epoch(s.LastErrorAt)}
}

// epoch is a time in seconds since 1970, to the millisecond.
func epoch(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// overview serves GET /v1/overview: how providers, channels and their keys stand,
// and the gateway itself.
func (s *Server) overview(ctx *fasthttp.RequestCtx, _ *clientKey) {
	snap, connections := s.snapshot.Load(), s.pool.Stats()
	o := overview{
		Now: epoch(time.Now()), Version: s.options.Version, Uptime: time.Since(s.started).Seconds(), Draining: s.draining.Load(),
		Limits:  overviewLimits{s.options.MaxInFlight, s.options.MaxConnections, s.options.MaxBody, s.options.Memory},
		Clients: s.conns.Size(), Upstream: int64(connections.Open), Idle: int64(connections.Idle), Refused: int64(s.overloaded.total.Load()),
		Reload: s.reloadError(), LeftOut: snap.overviewLeft(), Providers: []overviewProvider{},
	}
	if o.Limits.InFlight == math.MaxInt64 {
		o.Limits.InFlight = 0
	}
	if err := s.books.Health(); err != nil {
		o.Ledger = err.Error()
	}
	for i, standing := range s.state.Overview(snap.table) {
		engine, _ := provider.DetectEngine(snap.config.Providers[i]) // "" if the provider could not be understood, which is not usable then
		p := overviewProvider{Name: standing.Name, Engine: string(engine), Usable: snap.backends[i].channel != nil, Channels: []overviewChannel{}, Keys: []overviewKey{}}
		for _, c := range standing.Channels {
			p.Channels = append(p.Channels, overviewChannel{c.Model, c.Upstream, overviewOf(c.Standing)})
		}
		for _, k := range standing.Keys {
			models := make([]overviewKeyModel, 0, len(k.Models))
			for _, m := range k.Models {
				models = append(models, overviewKeyModel{m.Upstream, overviewOf(m.Standing)})
			}
			p.Keys = append(p.Keys, overviewKey{snap.backends[i].maskedKeys[k.Index], k.Served, k.Failed, overviewOf(k.Standing), models})
		}
		o.Providers = append(o.Providers, p)
	}
	writeFresh(ctx, o)
}

// openRequest is a request that is being answered.
type openRequest struct {
	ID        string  `json:"id"`
	Key       string  `json:"key"` // alias
	Model     string  `json:"model"`
	Endpoint  string  `json:"endpoint"`
	Stream    bool    `json:"stream"`
	Provider  string  `json:"provider"` // "" before the first attempt
	Upstream  string  `json:"upstream_model"`
	Attempt   int     `json:"attempt"`
	Since     float64 `json:"since"`
	FirstByte float64 `json:"first_byte_ms"` // 0 is not yet
	Bytes     int64   `json:"bytes"`         // of a stream, so far
}

// mostOpen is how many requests are listed: who looks at more of them wants their
// number.
const mostOpen = 200

// live serves GET /v1/live: the requests that are being answered, oldest first.
func (s *Server) live(ctx *fasthttp.RequestCtx, _ *clientKey) {
	live := s.liveRequests()
	slices.SortFunc(live, func(a, b liveRequest) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	streams := 0
	list := []openRequest{}
	for _, r := range live {
		if r.Stream {
			streams++
		}
		if len(list) < mostOpen {
			list = append(list, openRequest{r.ID, r.Key, clip(r.Model), r.Endpoint, r.Stream, r.Provider, r.Upstream, r.Attempt,
				epoch(r.Since), telemetry.Milliseconds(r.FirstByte), r.Bytes})
		}
	}
	writeFresh(ctx, map[string]any{"now": epoch(time.Now()), "in_flight": len(live), "streams": streams, "requests": list})
}
