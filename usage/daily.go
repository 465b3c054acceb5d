package usage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"uniapi/codec/saturate"
	"uniapi/config"
)

// DayModel is a day of UTC and what a provider calls a model.
type DayModel struct {
	Day   int64 // seconds since 1970
	Model string
}

// Spent is what was counted of a model.
type Spent struct {
	Requests, Input, Output int64
	Cost                    int64 // nano-dollars
}

// Add adds what another has counted.
func (s *Spent) Add(o Spent) {
	s.Requests, s.Input = saturate.Add(s.Requests, o.Requests), saturate.Add(s.Input, o.Input)
	s.Output, s.Cost = saturate.Add(s.Output, o.Output), saturate.Add(s.Cost, o.Cost)
}

// Daily is what the ledger of a gateway that does not run has of some days, by day and by what the provider calls the
// model; of one provider, or of all ("").
func Daily(o Options, cfg *config.Config, provider string, from, to time.Time) (days map[DayModel]*Spent, err error) {
	o = o.offline()
	l, err := OpenLedger(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	days = make(map[DayModel]*Spent)
	err = l.Read(context.Background(), o.Now(), []Kind{ofChannels}, func(v View) error {
		clear(days)
		for at := from.Unix(); at < to.Unix(); at += day {
			t := newTally(columnsOf(requests, promptTokens, completionTokens, cost), func(n Name) (Name, bool) {
				return n, n.Model != "" && (provider == "" || n.Provider == provider)
			})
			if err := t.scan(v, ofChannels, at, at+day, day); err != nil {
				return err
			}
			for n, c := range t.sums {
				of := DayModel{at, upstreamBy(cfg, n.Provider, n.Model)}
				if days[of] == nil {
					days[of] = new(Spent)
				}
				days[of].Add(Spent{c.Row[requests], c.Row[promptTokens], c.Row[completionTokens], c.Row[cost]})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	return days, nil
}

// upstreamBy is what a provider calls a model.
func upstreamBy(cfg *config.Config, provider, model string) string {
	for _, p := range cfg.Providers {
		for _, m := range p.Models {
			if p.Name == provider && m.Alias == model && m.Upstream != "" {
				return m.Upstream
			}
		}
	}
	return model
}
