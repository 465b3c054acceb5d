package server

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/fetch"
	"uniapi/pool/provider"
	"uniapi/server/telemetry"
)

// reach prepares what a provider is asked with, and what fetches images for it. The error says why the provider is left out.
func reach(adapters *provider.Adapters, fetcher *fetch.Fetcher, cfg *config.Config, provider *config.Provider) (*provider.Channel, *fetch.Fetcher, error) {
	via, err := fetcher.Via(cfg.ProxyFor(provider, &url.URL{Scheme: "https"})) // whose images may be anybody's
	if err != nil {
		return nil, nil, err
	}
	channel, err := adapters.Channel(cfg, provider)
	return channel, via, err
}

// LeftOut is what a server leaves out of a configuration: what was left out when it was read, and, as problems of its file, what `uni-api check`
// would else not find and `serve` only log.
func LeftOut(cfg *config.Config) config.Problems {
	p := pool.New(pool.Options{})
	defer p.Close()
	adapters := provider.NewAdapters(p)
	fetcher, secrets := fetch.New(cfg.Preferences.ImageFetch, p.TLS(), nil), telemetry.NewRedactor(cfg.Secrets())
	problems := slices.Clone(cfg.LeftOut)
	for _, provider := range cfg.Providers {
		if _, _, err := reach(adapters, fetcher, cfg, provider); err != nil {
			problems = append(problems, unreachable(provider, err, secrets))
			continue
		}
		_, unused := compileOverrides(provider, provider.Models)
		for _, err := range unused {
			problems = append(problems, unusedOverride(provider, err, secrets))
		}
	}
	return problems
}

// ServesNothing says of a configuration that a server would leave every provider out of it.
func ServesNothing(cfg *config.Config) bool {
	left := 0
	for _, problem := range LeftOut(cfg)[len(cfg.LeftOut):] {
		if problem.Item == config.ItemProvider {
			left++
		}
	}
	return left > 0 && left == len(cfg.Providers)
}

func unreachable(provider *config.Provider, err error, secrets *telemetry.Redactor) config.Problem {
	message := secrets.Clean(fmt.Sprintf("provider %q is left out: %v", provider.Name, err))
	problem := provider.Problem(message)
	if provider.Engine != "" && config.EngineError(provider.Engine) != nil {
		problem = provider.EngineProblem(message)
	}
	problem.Item = config.ItemProvider
	return problem
}

func unusedOverride(provider *config.Provider, err error, secrets *telemetry.Redactor) config.Problem {
	problem := provider.Problem(secrets.Clean(fmt.Sprintf("provider %q: %v", provider.Name, err)))
	problem.Item = config.ItemOverride
	return problem
}

// NotRead tells that the configuration could not be read again, and why, so that the one before it stays in force. It holds until one is put into
// force, or nil is told since the one in force is what is there.
func (s *Server) NotRead(err error) {
	if err == nil {
		s.notRead.Store(nil)
		return
	}
	if unusable, is := errors.AsType[*config.Unusable](err); is { // the warnings of such a file are no reason
		err = slices.DeleteFunc(slices.Clone(unusable.Problems), func(p config.Problem) bool { return p.Item == "" })
	}
	text := s.secrets.Load().Clean(err.Error())
	s.notRead.Store(&text)
}

// reloadError is why the configuration could not be read again; "" if it could.
func (s *Server) reloadError() string {
	if text := s.notRead.Load(); text != nil {
		return *text
	}
	return ""
}

// leftItems are all kinds of what may be left out, so that each has its metric from the beginning.
var leftItems = []config.Item{
	config.ItemProvider, config.ItemProviderKey, config.ItemModel, config.ItemOverride, config.ItemKey, config.ItemRule, config.ItemWeight, config.ItemPrice,
	config.ItemPreference,
}

// tellConfiguration tells how the configuration in force was read.
func (s *Server) tellConfiguration(ch chan<- prometheus.Metric) {
	left := gauge("uniapi_config_left_out", "What was left out of the configuration in force because of an error in it, by what it is.")
	counts := map[config.Item]int{}
	for _, problem := range s.snapshot.Load().leftOut {
		counts[problem.Item]++
	}
	for _, item := range leftItems {
		left.add(float64(counts[item]), "item", string(item))
	}
	left.collect(ch)
	gauge("uniapi_config_last_reload_successful", "0 while the configuration cannot be read again, and the one before it is in force.").of(oneIf(s.notRead.Load() == nil)).collect(ch)
}

// overviewLeft is what was left out of the configuration, as /v1/overview tells it.
type overviewLeft struct {
	Item    config.Item `json:"item"`
	Problem string      `json:"problem"`
}

func (snap *snapshot) overviewLeft() []overviewLeft {
	list := make([]overviewLeft, len(snap.leftOut))
	for i, problem := range snap.leftOut {
		list[i] = overviewLeft{problem.Item, problem.String()}
	}
	return list
}
