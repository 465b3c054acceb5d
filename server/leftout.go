package server

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/fetch"
	"uniapi/pool/provider"
	"uniapi/server/telemetry"
)

// reach prepares what a provider is asked with, and what fetches images for it. The error says why the provider is left
// out.
func reach(adapters *provider.Adapters, fetcher *fetch.Fetcher, cfg *config.Config, provider *config.Provider) (*provider.Channel, *fetch.Fetcher, error) {
	via, err := fetcher.Via(cfg.ProxyFor(provider, &url.URL{Scheme: "https"})) // whose images may be anybody's
	if err != nil && provider.Preferences.Proxy == "" && cfg.Preferences.Proxy == "" {
		err = fmt.Errorf("the environment's HTTPS_PROXY or ALL_PROXY cannot be used: %w", err)
	}
	if err != nil {
		return nil, nil, err
	}
	channel, err := adapters.Channel(cfg, provider)
	return channel, via, err
}

// LeftOut is what a server leaves out of a configuration: what was left out when it was read, and, as problems of its
// file, what `uni-api check` would else not find and `serve` only log.
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

// Loses is what a configuration would leave out that the one in force does not leave out already. A reload is refused
// for it: a word that is misspelt takes no provider away from those who use it, and what the start has told of may stay
// as it is.
func (s *Server) Loses(next *config.Config) config.Problems {
	told := map[string]bool{} // by the message: its line is another one in another file
	for _, problem := range s.snapshot.Load().leftOut {
		told[problem.Message] = true
	}
	return slices.DeleteFunc(LeftOut(next), func(problem config.Problem) bool { return told[problem.Message] })
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
	problem.Item, problem.Of = config.ItemProvider, secrets.Clean(provider.Name)
	return problem
}

func unusedOverride(provider *config.Provider, err error, secrets *telemetry.Redactor) config.Problem {
	problem := provider.Problem(secrets.Clean(fmt.Sprintf("provider %q: %v", provider.Name, err)))
	problem.Item, problem.Of = config.ItemOverride, secrets.Clean(provider.Name)
	return problem
}

// NotRead tells that the configuration could not be read again, and why, so that the one before it stays in force. It
// holds until one is put into force, or nil is told since the one in force is what is there.
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
	s.alerts.Look()
}

// reloadError is why the configuration could not be read again; "" if it could.
func (s *Server) reloadError() string {
	if text := s.notRead.Load(); text != nil {
		return *text
	}
	return ""
}
