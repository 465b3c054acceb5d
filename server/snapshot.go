package server

import (
	"crypto/sha256"
	"reflect"
	"slices"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/formats"
	"uniapi/codec/modifier"
	"uniapi/config"
	"uniapi/pool/fetch"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/relay"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// snapshot is everything a request needs to know of the configuration. It is
// immutable: a reload or a newly discovered model list builds another one, and
// requests in flight keep theirs.
type snapshot struct {
	config   *config.Config
	table    *balancer.Table
	backends []backend // by provider index
	keys     keyIndex
	secrets  *telemetry.Redactor
	fetcher  *fetch.Fetcher // of images that are given by address
	prices   *usage.Prices
	leftOut  config.Problems // of the configuration, with what became of it here

	stages      stages // of every request
	translates  bool   // some provider speaks another format than clients do
	buffers     bool   // some streams wait for their end, whoever asks for them
	keepsBodies bool   // the log of requests has all that is said
	continues   bool   // some streams are gone on with by another channel, whoever asks for them
}

// backend is a provider as requests need it.
type backend struct {
	channel    *provider.Channel // nil where the provider cannot be reached
	maker      string            // what traces call who is behind it
	fetcher    *fetch.Fetcher    // of images, by the provider's proxy
	maskedKeys []string
	overrides  map[string]*overrides // by request model
	searching  map[string]bool       // aliases that ask for a web search of a model of Google's in OpenAI's format
	suits      suits                 // what is known of the models, the same
	asking     map[string]*asking    // for their usage are its streams: the same
}

// build compiles cfg and what discovery knows at this moment.
func (s *Server) build(cfg *config.Config) *snapshot {
	snap := &snapshot{config: cfg, keys: make(keyIndex, len(cfg.APIKeys)), secrets: s.redactor(cfg), buffers: buffersSome(cfg), continues: continuesSome(cfg), keepsBodies: s.requests != nil && cfg.Preferences.RequestLog.Level == config.RequestLogBodies}
	cfg = cfg.WithPrices(s.prices.List())
	snap.config = cfg
	snap.stages = s.stagesOf(snap)
	s.secrets.Store(snap.secrets)
	snap.backends = make([]backend, len(cfg.Providers))
	snap.fetcher = s.fetcher(cfg)
	snap.leftOut = slices.Clone(cfg.LeftOut)
	for i, p := range cfg.Providers {
		channel, via, err := reach(s.adapters, snap.fetcher, cfg, p)
		if err != nil {
			s.log.Error("this provider is left out", "provider", p.Name, "error", err)
			snap.leftOut = append(snap.leftOut, unreachable(p, err, snap.secrets))
			continue
		}
		snap.backends[i].maker = provider.MakerOf(p)
		snap.backends[i].channel, snap.backends[i].fetcher = channel, via
		snap.translates = snap.translates || channel.Format(provider.Ask{Endpoint: provider.Chat}) != formats.Chat.Name()
	}
	snap.prices = usage.NewPrices(cfg)
	snap.route(s.state, s.discovery.Models)
	for i, p := range snap.table.Providers {
		b := &snap.backends[i]
		b.maskedKeys = maskKeysOf(p.Config) // those of one that is left out are shown, too
		if b.channel == nil {
			continue
		}
		var problems []error
		b.overrides, problems = compileOverrides(p.Config, p.Models)
		for _, err := range problems {
			s.log.Error("a part of this provider's configuration is not used", "provider", p.Config.Name, "error", err)
			snap.leftOut = append(snap.leftOut, unusedOverride(p.Config, err, snap.secrets))
		}
		b.searching = searchingOf(p.Models)
		b.asking = s.askingOf(p.Config, p.Models)
	}
	for _, k := range cfg.APIKeys {
		balance, book := snap.table.Key(k.Key), s.books.Key(k.Key)
		balance.OutOfCredit = book.OutOfCredit
		key := &clientKey{APIKey: k, id: keyID(k.Key), balance: balance, routes: balance.Routes, admin: cfg.IsAdmin(k), book: book,
			only: len(cfg.APIKeys) == 1, limitsTokens: limitsTokens(k.Preferences.RateLimit), queue: cfg.Queue(k)}
		key.share, key.hedges = s.shares(k.Key)
		key.stages = key.stagesOf()
		snap.keys.add(key)
	}
	return snap
}

// searchingOf finds the aliases that end in -search of models that are Google's.
func searchingOf(models []config.Model) (found map[string]bool) {
	for _, m := range models {
		if modifier.IsGoogles(m.Upstream) && modifier.Read(m.Alias, m.Upstream).Search {
			if found == nil {
				found = map[string]bool{}
			}
			found[m.Alias] = true
		}
	}
	return found
}

// searching puts Google's web search among the tools of the attempt's request; nil if it is not to be there.
func (a *attempt) searching() codec.Searcher {
	if a.endpoint != provider.Chat || !a.backend.searching[a.model] || !a.chosen.Provider.Config.Tools {
		return nil
	}
	search, _ := a.to.(codec.Searcher)
	return search
}

// shares are what a key has of the memory and the places for requests, and of attempts beside others; they stay the
// same from one configuration to the next, as the requests do.
func (s *Server) shares(key string) (*budget.Share, *relay.HedgeShare) {
	if old := s.snapshot.Load(); old != nil {
		if known := old.keys[sha256.Sum256([]byte(key))]; known != nil {
			return known.share, known.hedges
		}
	}
	return new(budget.Share), new(relay.HedgeShare)
}

// route compiles who serves what, once the channels are known. discovered are the models of a provider whose
// configuration names none.
func (snap *snapshot) route(state *balancer.State, discovered func(*config.Provider) []config.Model) {
	snap.table = balancer.Build(snap.config, state, func(i int) []config.Model {
		switch p := snap.config.Providers[i]; {
		case snap.backends[i].channel == nil:
			return nil
		case p.Models != nil:
			return p.Models
		default:
			return discovered(p)
		}
	})
	for i, p := range snap.table.Providers {
		if channel := snap.backends[i].channel; channel != nil {
			p.Engine = string(channel.Engine)
			snap.backends[i].suits = suit(snap.config, p.Config, channel, p.Models)
		}
	}
}

// fetcher keeps the one in use, and what it has in its cache, as long as its rules
// stay the same.
func (s *Server) fetcher(cfg *config.Config) *fetch.Fetcher {
	if old := s.snapshot.Load(); old != nil && reflect.DeepEqual(old.config.Preferences.ImageFetch, cfg.Preferences.ImageFetch) {
		return old.fetcher
	}
	fetcher := fetch.New(cfg.Preferences.ImageFetch, s.pool.TLS(), s.fetched)
	if s.options.Reach != nil { // it is to see all that would leave
		fetcher = fetcher.Nowhere()
	}
	return fetcher
}

// redactor keeps the one in use as long as the configuration stays the same. It
// knows the secrets of the one before, too: requests go on under it.
func (s *Server) redactor(cfg *config.Config) *telemetry.Redactor {
	secrets := cfg.Secrets()
	if old := s.snapshot.Load(); old != nil {
		if old.config == cfg {
			return old.secrets
		}
		secrets = append(secrets, old.config.Secrets()...)
	}
	return telemetry.NewRedactor(secrets)
}

// Apply puts a configuration into force. Requests that have begun finish under
// the one they began with.
func (s *Server) Apply(cfg *config.Config) {
	s.building.Lock()
	defer s.building.Unlock()
	if err := s.books.Configure(terms(cfg)); err != nil {
		s.log.Error("the ledger does not say what the keys have spent", "error", err)
	}
	s.bindRequests(cfg)
	s.prices.Use(cfg.Preferences.PriceSource)
	s.useAlerts(cfg)
	s.pool.KeepFor(cfg.Preferences.ConnectionMaxAge)
	old := s.snapshot.Load()
	s.snapshot.Store(s.build(cfg))
	s.notRead.Store(nil)
	s.tellAdmins(old, cfg)
	s.tellFleet(old, cfg)
	s.discovery.Watch(cfg, s.snapshot.Load().channels())
}

// Renew has requests go over new connections to the providers from now on, so that names are looked up again, and list
// prices read again. What is under way goes on.
func (s *Server) Renew() {
	s.pool.Renew()
	s.prices.Look()
}

// rebuild takes up model lists that discovery has found.
func (s *Server) rebuild() {
	s.building.Lock()
	defer s.building.Unlock()
	s.snapshot.Store(s.build(s.snapshot.Load().config))
}

// channels are those of the providers, by their index.
func (snap *snapshot) channels() []*provider.Channel {
	channels := make([]*provider.Channel, len(snap.backends))
	for i := range snap.backends {
		channels[i] = snap.backends[i].channel
	}
	return channels
}
