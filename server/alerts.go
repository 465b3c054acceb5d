package server

import (
	"fmt"

	"uniapi/config"
	"uniapi/server/alerts"
)

// useAlerts has alerts go where a configuration says.
func (s *Server) useAlerts(cfg *config.Config) {
	a := cfg.Preferences.Alerts
	s.alerts.Use(&a)
}

// Percents of a key's credits that are told when they are used.
const (
	usedMostly = 80
	usedUp     = 100
)

// alarming is what an operator may want to be told of now. Texts hold no secrets: they go to others.
func (s *Server) alarming() (found []alerts.Condition) {
	snap := s.snapshot.Load()
	say := func(kind config.Alert, subject, format string, args ...any) {
		text := s.secrets.Load().Clean(fmt.Sprintf(format, args...))
		found = append(found, alerts.Condition{Kind: kind, Subject: subject, Text: text})
	}
	for _, k := range snap.config.APIKeys {
		state, known := s.books.State(k.Key)
		if !known || state.Granted <= 0 {
			continue
		}
		switch used := (state.Granted - state.Balance) / max(state.Granted/100, 1); {
		case used >= usedUp:
			say(config.AlertCredit100, k.Alias, "The API key %s has used all of its credits and is refused. POST /v1/add_credits gives it more.", k.Alias)
		case used >= usedMostly:
			say(config.AlertCredit80, k.Alias, "The API key %s has used %d %% of its credits.", k.Alias, used)
		}
	}
	for _, p := range s.state.Overview(snap.table) {
		for _, c := range p.Channels {
			if c.Resting {
				say(config.AlertBreakerOpen, p.Name+"/"+c.Upstream, "The model %s of the provider %s has been resting for 5 minutes after failures. The last one: %s", c.Upstream, p.Name, c.LastError)
			}
		}
		for _, k := range p.Keys {
			if k.Resting {
				say(config.AlertBreakerOpen, fmt.Sprintf("%s key %d", p.Name, k.Index+1), "Key %d of the provider %s has been resting for 5 minutes after failures. The last one: %s", k.Index+1, p.Name, k.LastError)
			}
		}
	}
	if why := s.notRead.Load(); why != nil {
		say(config.AlertReloadRefused, "api.yaml", "The configuration could not be read again, and the old one serves: %s", *why)
	}
	if err := s.books.Health(); err != nil {
		say(config.AlertLedgerLagging, "ledger", "The books cannot be written: %v. Nothing is lost as long as the process runs.", err)
	}
	s.counters.Unpriced.Each(func(provider string, n int64) {
		if n > 0 {
			say(config.AlertPriceMissing, provider, "Requests to the provider %s have cost the default price (%d since the start), since neither api.yaml nor the list prices have one for their models. `uni-api check` names them.", provider, n)
		}
	})
	return found
}
