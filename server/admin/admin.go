// Package admin is what admins, and keys about themselves, ask of the gateway: usage and
// credits, the configuration, how it stands, what would become of a request, and the
// dashboard that shows it. Of the gateway it knows what Gateway has.
package admin

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/server/capture"
	"uniapi/server/respond"
	"uniapi/usage"
)

// Options say what the API tells, and whom it asks for it.
type Options struct {
	Log     *slog.Logger
	Version string
	Limits  Limits
	Books   *usage.Books
	Gateway Gateway
	// Update changes the configuration's source; nil if it cannot be changed.
	Update func(changes map[string]json.RawMessage, check func(*config.Config) error) error

	AskEvery time.Duration // the pause between two rounds of asking providers; 0 is 5 s
}

// Gateway is what the API asks of the gateway as it stands.
type Gateway interface {
	ReadBody(*fasthttp.RequestCtx) ([]byte, *codec.Error)
	ClientIP(*fasthttp.RequestCtx) netip.Addr
	WriteError(*fasthttp.RequestCtx, *codec.Error) // in the words of the client's API
	Clean(*fasthttp.RequestCtx)                    // takes the secrets out of an answer
	Hold(*fasthttp.RequestCtx, int) *codec.Error   // takes memory for an answer, which goes with it

	Config() *config.Config                     // in force
	LeftOutOf(*config.Config) []config.Problem  // what would be left out of another
	Loses(*config.Config) config.Problems       // what of that is not left out of the one in force
	DefaultPriced(map[string]bool)              // says of models whether some provider serves them at the default price
	Key(secret string) *balancer.Key            // nil if there is none
	Providers() []Provider                      // of the configuration in force, in its order
	Now() Now                                   // how the gateway itself stands
	Live() []Live                               // what is under way, in no order
	Explain(Question) (Explained, *codec.Error) // what would become of a request

	// CaptureNext waits for the next exchange under one of some keys, as capture.Next does, and FindCapture is one that
	// is waited for.
	CaptureNext(keys []*config.APIKey, within, lease time.Duration) (*capture.Want, error)
	FindCapture(id string) *capture.Want

	// Asking prepares a small request to a provider, or to all if it has no name, with each
	// of its keys; false if there is none. What it gives makes them, on the account of a
	// key, within a time for all, and tells what came of each.
	Asking(provider string) (ask func(by *Caller, within time.Duration, tell func(Asked)), some bool)
}

// Provider is one of a configuration as it stands.
type Provider struct {
	*balancer.Provider
	Status     balancer.ProviderStatus
	Usable     bool     // false if it was left out
	MaskedKeys []string // by their index
	Prices     *usage.Prices
}

// Now is how the gateway stands.
type Now struct {
	Draining    bool
	Clients     int // connections
	Upstream    pool.Stats
	Refused     int64           // requests for want of room
	ReloadError string          // why the configuration could not be read again; "" if it could
	LeftOut     config.Problems // of the configuration in force
	ListPrices  ListPrices
	Cluster     *Sharing // nil of an instance that is alone
}

// Caller is whose key a request has.
type Caller struct {
	*config.APIKey
	Admin bool
	Book  *usage.Key
}

// Handler answers a request of a caller who may ask.
type Handler func(*fasthttp.RequestCtx, *Caller)

// Who may ask.
type Who int

const (
	Admins    Who = iota // and no secret is in what they are told
	Revealing            // admins, who may be told secrets
	Anyone               // with a key
)

// Route is something that can be asked.
type Route struct {
	Method, Path string
	Who          Who
	Serve        Handler
}

// API answers. Use New.
type API struct {
	Options
	routes  []Route
	began   time.Time
	turns   turns
	judging sync.Mutex // held while an update or a request to explain is decoded, which takes many times its size
	askings askings    // of providers
	Reasons Reasons    // why attempts failed
}

// New has the API count the gateway's life from now on.
func New(o Options) *API {
	a := &API{Options: o, began: time.Now(), askings: askings{every: cmp.Or(o.AskEvery, askingEvery)}}
	const get, post = fasthttp.MethodGet, fasthttp.MethodPost
	a.routes = []Route{
		{get, "/v1/explain", Admins, a.explain}, {post, "/v1/explain", Admins, a.explain},
		{get, "/v1/stats", Admins, a.stats}, {get, "/v1/token_usage", Anyone, a.inTurn(a.tokenUsage)},
		{get, "/v1/api_keys_states", Revealing, a.keyStates}, {get, "/v1/channel_key_rankings", Admins, a.keyRankings},
		{get, "/v1/credit_history", Admins, a.creditHistory}, {post, "/v1/add_credits", Admins, a.addCredits},
		{get, "/v1/generate-api-key", Admins, a.generateKey},
		{get, "/v1/api_config", Revealing, a.apiConfig}, {post, "/v1/api_config/update", Admins, a.updateConfig},
		{get, "/v1/timeline", Admins, a.timeline}, {get, "/v1/me/timeline", Anyone, a.inTurn(a.ownTimeline)}, {get, "/v1/me", Anyone, a.me}, {get, "/v1/keys", Anyone, a.inTurn(a.keys)}, {get, "/v1/costs", Anyone, a.inTurn(a.costs)},
		{get, "/v1/overview", Admins, a.overview}, {get, "/v1/live", Admins, a.live},
		{post, "/v1/captures", Admins, a.captureNext}, {get, "/v1/captures", Admins, a.captured},
		{post, "/v1/channels/wake", Admins, a.wake}, {post, "/v1/channels/ask", Admins, a.askChannels},
	}
	for _, base := range []string{"/dashboard/billing", "/v1/dashboard/billing"} {
		a.routes = append(a.routes, Route{get, base + "/subscription", Anyone, a.inTurn(a.billingSubscription)}, Route{get, base + "/usage", Anyone, a.billingUsage})
	}
	return a
}

// Routes are all that can be asked but the dashboard.
func (a *API) Routes() []Route { return a.routes }

// Posts says whether a path is one that an admin posts to. Such are served however many
// requests are in flight.
func (a *API) Posts(path []byte) bool {
	return slices.ContainsFunc(a.routes, func(r Route) bool { return r.Method == fasthttp.MethodPost && r.Path == string(path) })
}

// ErrNotAdmin is told to a key that may use models but not look behind them.
var ErrNotAdmin = respond.Errorf(fasthttp.StatusForbidden, "permission_error", "admin_required",
	"This needs an admin key: one whose role contains admin, or the only key there is if it has no role.")

func badQuery(format string, args ...any) *codec.Error {
	return respond.Errorf(fasthttp.StatusBadRequest, "invalid_request_error", "bad_query", format, args...)
}
