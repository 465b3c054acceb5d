package admin

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/config"
	"uniapi/server/capture"
	"uniapi/server/servertest"
	"uniapi/usage"
)

// gateway stands still, and notes what clients are told.
type gateway struct {
	config  *config.Config
	body    string // of the request
	now     Now
	live    []Live
	answers []Asked
	told    *codec.Error

	captures capture.Next
}

func (g *gateway) ReadBody(*fasthttp.RequestCtx) ([]byte, *codec.Error) { return []byte(g.body), nil }
func (g *gateway) ClientIP(*fasthttp.RequestCtx) netip.Addr             { return netip.MustParseAddr("127.0.0.1") }
func (g *gateway) WriteError(_ *fasthttp.RequestCtx, e *codec.Error)    { g.told = e }
func (g *gateway) Clean(*fasthttp.RequestCtx)                           {}
func (g *gateway) Hold(*fasthttp.RequestCtx, int) *codec.Error          { return nil }
func (g *gateway) Config() *config.Config                               { return g.config }
func (g *gateway) LeftOutOf(*config.Config) []config.Problem            { return nil }
func (g *gateway) Loses(*config.Config) config.Problems                 { return nil }
func (g *gateway) DefaultPriced(map[string]bool)                        {}
func (g *gateway) Key(string) *balancer.Key                             { return nil }
func (g *gateway) Providers() []Provider                                { return nil }
func (g *gateway) Now() Now                                             { return g.now }
func (g *gateway) Live() []Live                                         { return g.live }
func (g *gateway) Explain(Question) (e Explained, _ *codec.Error)       { return e, nil }

func (g *gateway) CaptureNext(keys []*config.APIKey, within, lease time.Duration) (*capture.Want, error) {
	return g.captures.Want([]string{keys[0].Alias}, within, lease)
}
func (g *gateway) FindCapture(id string) *capture.Want { return g.captures.Find(id) }

func (g *gateway) Asking(provider string) (func(*Caller, time.Duration, func(Asked)), bool) {
	return func(_ *Caller, _ time.Duration, tell func(Asked)) {
		for _, a := range g.answers {
			tell(a)
		}
	}, provider != "nobody"
}

// api is that of a gateway with one client key.
type api struct {
	*API
	key *config.APIKey
}

func newAPI(t *testing.T, g *gateway) api {
	t.Helper()
	g.config = servertest.Config(t, "  - {provider: p, base_url: 'http://127.0.0.1:1/v1', api: "+servertest.UpstreamKey+", model: [m]}\n")
	books, err := usage.Open(usage.Options{Memory: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := books.Configure([]usage.Terms{{Secret: servertest.ClientKey, Alias: "tester-admin"}}); err != nil {
		t.Fatal(err)
	}
	return api{New(Options{Log: slog.New(slog.DiscardHandler), Version: "v0-test", Books: books, Gateway: g}), g.config.APIKeys[0]}
}

// caller is the admin.
func (a api) caller() *Caller { return &Caller{a.key, true, a.Books.Key(servertest.ClientKey)} }

// asks is a request.
func asks(method, path string) *fasthttp.RequestCtx {
	ctx := new(fasthttp.RequestCtx)
	ctx.Request.Header.SetMethod(method)
	ctx.Request.SetRequestURI(path)
	return ctx
}
