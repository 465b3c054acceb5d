package admin

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool/provider"
	"uniapi/server/respond"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// timeline serves GET /v1/timeline?by=model&step=5m to the dashboard: what
// happened from start_datetime to end_datetime, the last day if neither is given.
func (a *API) timeline(ctx *fasthttp.RequestCtx, _ *Caller) { a.tellTimeline(ctx, "") }

// ownTimeline serves GET /v1/me/timeline: the same of the key that asks.
func (a *API) ownTimeline(ctx *fasthttp.RequestCtx, caller *Caller) { a.tellTimeline(ctx, caller.Key) }

// tellTimeline tells of one key, or of all if own is "".
func (a *API) tellTimeline(ctx *fasthttp.RequestCtx, own string) {
	query := ctx.QueryArgs()
	from, to, bad := timeRange(query, 1)
	if bad != nil {
		a.Gateway.WriteError(ctx, bad)
		return
	}
	step, bad := timelineStep(string(query.Peek("step")), from, to)
	if bad != nil {
		a.Gateway.WriteError(ctx, bad)
		return
	}
	by := usage.Grouping(telemetry.Clip(string(query.Peek("by"))))
	if own != "" && (by == usage.ByProvider || by == usage.ByAttempts) { // who serves it is not its affair
		a.Gateway.WriteError(ctx, ErrNotAdmin)
		return
	}
	of, ok := a.statistics(ctx)
	if !ok {
		return
	}
	lines, err := of.Timeline(from, to, step, by, own)
	if err != nil {
		a.Gateway.WriteError(ctx, badQuery("%v", err))
		return
	}
	told := map[string]any{"by": by, "start": from.Unix(), "end": to.Unix(), "step": int64(step / time.Second), "lines": lines}
	if string(query.Peek("all")) == "true" {
		if told["all"], err = of.Sums(from, to, step, by, own); err != nil {
			a.Gateway.WriteError(ctx, badQuery("%v", err))
			return
		}
	}
	room := 0
	for i := range lines {
		room += usedLine + len(lines[i].Points)*usedLine/4
	}
	if all, is := told["all"].([]usage.Line); is {
		room += len(all) * usedLine
	}
	if !a.holds(ctx, room) {
		return
	}
	respond.Fresh(ctx, told)
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
		return 0, badQuery("step must be seconds or a duration like 5m or 6h, and at most a year, not %q", telemetry.Clip(text))
	}
	return step, nil
}

// overview is how the gateway stands. Times are seconds since 1970, 0 for never.
type overview struct {
	Now       float64            `json:"now"`
	Version   string             `json:"version"`
	Uptime    float64            `json:"uptime_seconds"`
	Draining  bool               `json:"draining"`
	Ledger    string             `json:"ledger_error"` // why nothing can be written; "" if it can
	Limits    Limits             `json:"limits"`
	Clients   int                `json:"client_connections"`
	Upstream  int64              `json:"upstream_connections"`
	Idle      int64              `json:"upstream_connections_idle"`
	Refused   int64              `json:"requests_refused"` // for want of room, since the start
	Reload    string             `json:"reload_error"`     // why the configuration could not be read again; "" if it could
	LeftOut   []overviewLeft     `json:"left_out"`         // of the configuration in force, because of an error in it
	Prices    ListPrices         `json:"list_prices"`
	Cluster   *Sharing           `json:"cluster,omitempty"`   // what is shared with other instances
	Instances []string           `json:"instances,omitempty"` // that have ever counted in a ledger in common
	Providers []overviewProvider `json:"providers"`
}

// ListPrices are the list of prices in force.
type ListPrices struct {
	Source string `json:"source"` // price_source; "" if there is none
	Date   string `json:"date"`
	Prices int    `json:"prices"`
	Error  string `json:"error"` // why the source cannot be used; "" if it can
}

// Sharing is how what instances share stands.
type Sharing struct {
	Cluster string  `json:"cluster"` // its name and where, without secrets
	Up      bool    `json:"up"`      // Redis answers
	Since   float64 `json:"since"`   // it has been so
	Error   string  `json:"error"`   // why it does not; "" if it does
}

// Limits are what the gateway takes at most.
type Limits struct {
	InFlight    int64 `json:"max_in_flight"` // 0 is no limit
	Connections int   `json:"max_connections"`
	Body        int   `json:"max_body_bytes"`
	Memory      int64 `json:"memory_bytes"` // 0 is no limit
}

// overviewLeft is what was left out of the configuration, as /v1/overview tells it.
type overviewLeft struct {
	Item    config.Item `json:"item"`
	Name    string      `json:"name"` // of the provider or the client key that it belongs to
	Problem string      `json:"problem"`
}

type overviewProvider struct {
	Name     string            `json:"name"`
	Engine   string            `json:"engine"`
	Usable   bool              `json:"usable"`  // false if it was left out when the configuration was read; the log says why
	Reasons  []Reason          `json:"reasons"` // why attempts failed, the last first
	Models   int               `json:"models"`  // how many channels it has
	Channels []overviewChannel `json:"channels"`
	Keys     []overviewKey     `json:"keys"`
}

type overviewChannel struct {
	Model    string `json:"model"`
	Upstream string `json:"upstream_model"`
	Price    string `json:"price"`         // as check prints it
	Default  bool   `json:"default_price"` // since nobody has said another
	overviewStatus
}

type overviewKey struct {
	Key    string `json:"key"` // masked
	Served int64  `json:"served"`
	Failed int64  `json:"failed"`
	overviewStatus
	Models []overviewKeyModel `json:"models"`       // for which it rests while it may serve others
	Spent  []overviewSpent    `json:"spent_models"` // for which others are asked rather than it, by its provider's word
}

type overviewSpent struct {
	Upstream string  `json:"upstream_model"`
	Until    float64 `json:"until"`
}

// overviewKeyModel is how a key stands for one model, after a limit or a quota.
type overviewKeyModel struct {
	Upstream string `json:"upstream_model"`
	overviewStatus
}

type overviewStatus struct {
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

func overviewOf(s balancer.Status) overviewStatus {
	alone := make([]overviewAlone, 0, len(s.Alone))
	for _, a := range s.Alone {
		alone = append(alone, overviewAlone{a.Key, epoch(a.Until), a.Reason})
	}
	return overviewStatus{s.Resting, epoch(s.Until), alone, s.LastError, epoch(s.LastErrorAt)}
}

// epoch is a time in seconds since 1970, to the millisecond.
func epoch(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// tells says whether a channel or key has something to tell that a brief answer does not leave out.
func (s *overviewStatus) tells() bool { return s.Resting || len(s.Alone) > 0 }

// overview serves GET /v1/overview: how providers, channels and their keys stand,
// and the gateway itself. provider=P is that one alone; with brief=true the channels
// are only those that rest.
func (a *API) overview(ctx *fasthttp.RequestCtx, _ *Caller) {
	now, brief, only := a.Gateway.Now(), string(ctx.QueryArgs().Peek("brief")) == "true", string(ctx.QueryArgs().Peek("provider"))
	o := overview{
		Now: epoch(time.Now()), Version: a.Version, Uptime: time.Since(a.began).Seconds(), Draining: now.Draining, Limits: a.Limits,
		Clients: now.Clients, Upstream: now.Upstream.Open, Idle: now.Upstream.Idle, Refused: now.Refused,
		Reload: now.ReloadError, Prices: now.ListPrices, Cluster: now.Cluster, LeftOut: make([]overviewLeft, len(now.LeftOut)), Providers: []overviewProvider{},
	}
	for i, problem := range now.LeftOut {
		o.LeftOut[i] = overviewLeft{problem.Item, problem.Of, problem.String()}
	}
	if o.Limits.InFlight == math.MaxInt64 {
		o.Limits.InFlight = 0
	}
	if err := a.Books.Health(); err != nil {
		o.Ledger = err.Error()
	}
	if only == "" {
		o.Instances = a.instances()
	}
	for _, of := range a.Gateway.Providers() {
		if only != "" && of.Status.Name != only {
			continue
		}
		engine, _ := provider.DetectEngine(of.Config) // "" if the provider could not be understood, which is not usable then
		p := overviewProvider{Name: of.Status.Name, Engine: string(engine), Usable: of.Usable,
			Reasons: a.Reasons.Of(of.Status.Name), Models: len(of.Status.Channels), Channels: []overviewChannel{}, Keys: []overviewKey{}}
		for _, c := range of.Status.Channels {
			status := overviewOf(c.Status)
			if brief && !status.tells() {
				continue
			}
			priced := of.Prices.Of(of.Config, c.Model, c.Upstream)
			p.Channels = append(p.Channels, overviewChannel{c.Model, c.Upstream, priced.Price.String(), priced.From == config.FromDefault, status})
		}
		for _, k := range of.Status.Keys {
			models := make([]overviewKeyModel, 0, len(k.Models))
			for _, m := range k.Models {
				models = append(models, overviewKeyModel{m.Upstream, overviewOf(m.Status)})
			}
			spent := make([]overviewSpent, 0, len(k.Spent))
			for _, m := range k.Spent {
				spent = append(spent, overviewSpent{m.Upstream, epoch(m.Until)})
			}
			p.Keys = append(p.Keys, overviewKey{of.MaskedKeys[k.Index], k.Served, k.Failed, overviewOf(k.Status), models, spent})
		}
		o.Providers = append(o.Providers, p)
	}
	respond.Fresh(ctx, o)
}

// Live is a request under way, as it stood at one moment.
type Live struct {
	ID        string
	Key       string // alias; this and what follows, up to Stream, is empty until the request has been read
	Model     string // that the client asks for
	Endpoint  string
	Stream    bool
	Provider  string // of the attempt; "" before the first
	Upstream  string // the model's name there
	Attempt   int    // 1 for the first
	Since     time.Time
	FirstByte time.Duration // from Since to the first answer byte; 0 is not yet
	Bytes     int64         // of a stream, written to the client
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
func (a *API) live(ctx *fasthttp.RequestCtx, _ *Caller) {
	all := a.Gateway.Live()
	slices.SortFunc(all, func(r, q Live) int {
		return cmp.Or(r.Since.Compare(q.Since), cmp.Compare(r.ID, q.ID))
	})
	streams := 0
	list := []openRequest{}
	for _, r := range all {
		if r.Stream {
			streams++
		}
		if len(list) < mostOpen {
			list = append(list, openRequest{r.ID, r.Key, telemetry.Clip(r.Model), r.Endpoint, r.Stream, r.Provider, r.Upstream, r.Attempt,
				epoch(r.Since), telemetry.Milliseconds(r.FirstByte), r.Bytes})
		}
	}
	respond.Fresh(ctx, map[string]any{"now": epoch(time.Now()), "in_flight": len(all), "streams": streams, "requests": list})
}
