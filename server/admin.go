package server

import (
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/config"
	"uniapi/server/admin"
	"uniapi/server/budget"
	"uniapi/server/capture"
	"uniapi/server/conn"
	"uniapi/server/entry"
)

// administrate lets those who may ask what admins and keys about themselves do.
func (s *Server) administrate(r *router.Router) {
	for _, route := range s.admin.Routes() {
		switch serve := s.asCaller(route.Serve); route.Who {
		case admin.Admins:
			r.Handle(route.Method, route.Path, s.asAdmin(serve))
		case admin.Revealing:
			r.Handle(route.Method, route.Path, s.asRevealing(serve))
		default:
			r.Handle(route.Method, route.Path, s.asKey(serve))
		}
	}
	page, files := admin.Dashboard(notFound)
	r.GET("/dashboard", page)
	r.GET("/dashboard/{file:*}", files)
	r.HEAD("/dashboard/{file:*}", files)
}

// asCaller tells next whose key it is.
func (s *Server) asCaller(next admin.Handler) func(*fasthttp.RequestCtx, *clientKey) {
	return func(ctx *fasthttp.RequestCtx, key *clientKey) {
		next(ctx, &admin.Caller{APIKey: key.APIKey, Admin: key.admin, Book: key.book})
	}
}

// asAdmin lets only admin keys through, and no secret back.
func (s *Server) asAdmin(next func(*fasthttp.RequestCtx, *clientKey)) fasthttp.RequestHandler {
	return s.asRevealing(func(ctx *fasthttp.RequestCtx, key *clientKey) {
		next(ctx, key)
		s.withoutSecrets(ctx)
	})
}

// asRevealing is asAdmin for what is there to show secrets.
func (s *Server) asRevealing(next func(*fasthttp.RequestCtx, *clientKey)) fasthttp.RequestHandler {
	return s.asKey(func(ctx *fasthttp.RequestCtx, key *clientKey) {
		if !key.admin {
			writeError(ctx, admin.ErrNotAdmin)
			return
		}
		next(ctx, key)
	})
}

// asKey lets any key through.
func (s *Server) asKey(next func(*fasthttp.RequestCtx, *clientKey)) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		entry.SetID(ctx, s.ids.AppendOf(nil, ctx))
		key, denied := s.keyOf(ctx, s.snapshot.Load())
		if denied != nil {
			writeError(ctx, denied)
			return
		}
		next(ctx, key)
	}
}

// withoutSecrets takes the secrets out of an answer of our own to an admin. It is
// not for others: what they are told of an error has been seen to, and what repeats
// their own words would tell them which of these are a piece of a secret.
func (s *Server) withoutSecrets(ctx *fasthttp.RequestCtx) {
	if ctx.Response.IsBodyStream() {
		return
	}
	secrets := s.secrets.Load()
	if text := ctx.Response.Body(); secrets.HasBytes(text) {
		ctx.Response.SetBodyString(secrets.Clean(string(text)))
	}
}

// administered is the gateway as its admins' API asks for it.
type administered struct{ s *Server }

func (a administered) ReadBody(ctx *fasthttp.RequestCtx) ([]byte, *codec.Error) {
	return a.s.readBody(ctx, nil)
}

func (a administered) ClientIP(ctx *fasthttp.RequestCtx) netip.Addr {
	return entry.ClientOf(ctx, a.s.options.TrustedProxies)
}

func (a administered) WriteError(ctx *fasthttp.RequestCtx, e *codec.Error) { writeError(ctx, e) }

func (a administered) Clean(ctx *fasthttp.RequestCtx) { a.s.withoutSecrets(ctx) }

func (a administered) Hold(ctx *fasthttp.RequestCtx, bytes int) *codec.Error {
	if err := conn.Of(ctx.Conn()).Holding.Hold(budget.Answer, bytes); err != nil {
		return a.s.unread(ctx, err)
	}
	return nil
}

func (a administered) Config() *config.Config { return a.s.snapshot.Load().config }

func (a administered) LeftOutOf(cfg *config.Config) []config.Problem { return LeftOut(cfg) }

func (a administered) Loses(cfg *config.Config) config.Problems { return a.s.Loses(cfg) }

func (a administered) DefaultPriced(of map[string]bool) { a.s.snapshot.Load().defaultPriced(of) }

func (a administered) Key(secret string) *balancer.Key {
	if key := a.s.snapshot.Load().keys[sha256.Sum256([]byte(secret))]; key != nil {
		return key.balance
	}
	return nil
}

func (a administered) Providers() []admin.Provider {
	snap := a.s.snapshot.Load()
	list := make([]admin.Provider, len(snap.table.Providers))
	for i, status := range a.s.state.Overview(snap.table) {
		b := &snap.backends[i]
		list[i] = admin.Provider{Provider: snap.table.Providers[i], Status: status, Usable: b.channel != nil, MaskedKeys: b.maskedKeys, Prices: snap.prices}
	}
	return list
}

func (a administered) Now() admin.Now {
	s, prices := a.s, a.s.prices.State()
	return admin.Now{Draining: s.draining.Load(), Clients: s.conns.Size(), Upstream: s.pool.Stats(), Refused: s.overloaded.total.Load(),
		ReloadError: s.reloadError(), ListPrices: admin.ListPrices{Source: prices.Source, Date: prices.Date, Prices: prices.Prices, Error: prices.Failure}, LeftOut: s.snapshot.Load().leftOut, Cluster: s.sharing()}
}

func (a administered) Live() []admin.Live { return a.s.liveRequests() }

func (a administered) Explain(q admin.Question) (admin.Explained, *codec.Error) {
	return a.s.snapshot.Load().explanation(q)
}

func (a administered) CaptureNext(keys []*config.APIKey, within, lease time.Duration) (*capture.Want, error) {
	return a.s.CaptureNext(keys, within, lease)
}

func (a administered) FindCapture(id string) *capture.Want { return a.s.captures.Find(id) }

func (a administered) Asking(provider string) (ask func(by *admin.Caller, within time.Duration, tell func(admin.Asked)), some bool) {
	snap := a.s.snapshot.Load()
	var all []Asked
	for _, of := range snap.smallRequests(nil) {
		if provider == "" || of.Provider == provider {
			all = append(all, of)
		}
	}
	return func(by *admin.Caller, within time.Duration, tell func(admin.Asked)) {
		key := snap.keys[sha256.Sum256([]byte(by.Key))]
		if key == nil {
			return // it has gone with the configuration that let it in
		}
		a.s.askEach(snap, key, all, within, time.Now().Add(within), func(of Asked) {
			tell(admin.Asked{Provider: of.Provider, Key: of.Key, Model: of.Model, Good: of.LeftOut == "" && of.Wrong == "", LeftOut: of.LeftOut,
				Status: of.Status, Seconds: of.Took.Seconds(), Address: of.Address, Error: of.Wrong})
		})
	}, len(all) > 0
}
