package server

import (
	"cmp"
	"fmt"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/fetch"
	"uniapi/pool/provider"
	"uniapi/server/telemetry"
)

// reach prepares what a provider is asked with, and what fetches images for it. The error says why the provider is left out.
func reach(adapters *provider.Adapters, fetcher *fetch.Fetcher, cfg *config.Config, provider *config.Provider) (*provider.Channel, *fetch.Fetcher, error) {
	via, err := fetcher.Via(cmp.Or(provider.Preferences.Proxy, cfg.Preferences.Proxy))
	if err != nil {
		return nil, nil, err
	}
	channel, err := adapters.Channel(cfg, provider)
	return channel, via, err
}

// LeftOut is what a server would leave out of a configuration, as problems of its file, so that `uni-api check` finds what `serve` would only
// log. An engine that is not served is not among them: that is one of the configuration's own warnings.
func LeftOut(cfg *config.Config) (problems config.Problems) {
	p := pool.New(pool.Options{})
	defer p.Close()
	adapters := provider.NewAdapters(p)
	fetcher, secrets := fetch.New(cfg.Preferences.ImageFetch, p.TLS(), nil), telemetry.NewRedactor(cfg.Secrets())
	note := func(provider *config.Provider, format string, args ...any) {
		problems = append(problems, provider.Problem(secrets.Clean(fmt.Sprintf(format, args...))))
	}
	for _, provider := range cfg.Providers {
		if _, _, err := reach(adapters, fetcher, cfg, provider); err != nil && config.EngineError(cmp.Or(provider.Engine, "gpt")) == nil {
			note(provider, "provider %q is left out: %v", provider.Name, err)
		}
		_, unused := compileOverrides(provider, provider.Models)
		for _, err := range unused {
			note(provider, "provider %q: %v", provider.Name, err)
		}
	}
	return problems
}
