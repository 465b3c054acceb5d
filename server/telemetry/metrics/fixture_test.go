package metrics

import (
	"log/slog"
	"testing"

	"uniapi/balancer"
	"uniapi/config"
	"uniapi/server/servertest"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// gateway stands still.
type gateway struct {
	config *config.Config
	status []balancer.ProviderStatus
	now    Now
	stale  bool // its configuration could not be read again
}

func (g *gateway) Secrets() *telemetry.Redactor      { return telemetry.NewRedactor(g.config.Secrets()) }
func (g *gateway) Config() *config.Config            { return g.config }
func (g *gateway) LeftOut() config.Problems          { return g.config.LeftOut }
func (g *gateway) Reloaded() bool                    { return !g.stale }
func (g *gateway) Status() []balancer.ProviderStatus { return g.status }
func (g *gateway) Now() Now                          { return g.now }

const provider = "  - {provider: p, base_url: 'http://127.0.0.1:1/v1', api: " + servertest.UpstreamKey + ", model: [m]}\n"

// newPage tells of a gateway with one provider.
func newPage(t *testing.T) (*Page, *gateway) {
	t.Helper()
	g := &gateway{config: servertest.Config(t, provider)}
	books, err := usage.Open(usage.Options{Memory: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := books.Configure([]usage.Terms{{Secret: servertest.ClientKey, Alias: "tester"}}); err != nil {
		t.Fatal(err)
	}
	return New(Options{Log: slog.New(slog.DiscardHandler), Version: "v0-test", Lines: 2000, Counters: new(Counters), Books: books, Gateway: g}), g
}

// textOf is a page in Prometheus' text form.
func textOf(p *Page) string {
	page, _ := p.Text("")
	return string(page)
}
