package usage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"uniapi/codec/saturate"
	"uniapi/config"
)

// Repriced is what the requests of a client key for a model at a provider have cost, and what they cost by today's
// prices.
type Repriced struct {
	Key, Provider, Model string // the key by its alias; one that is no longer configured by its hash
	Requests             int64
	Was, Is              int64 // nano-dollars
	// Base is that the price depends on what the ledger does not keep, such as the service tier: Is is at the price
	// without that.
	Base bool
	// LeftOut is why nothing was changed, "" if it was.
	LeftOut string

	hash string
}

// RepriceOptions say what Reprice does.
type RepriceOptions struct {
	From, To time.Time // days of UTC
	Inexact  bool      // price what has tiers without them, too; else it is left out
	DryRun   bool      // change nothing
}

// Reprice applies a configuration's prices to the tokens that the ledger of a gateway that does not run has of some
// days, and writes what requests cost by them into the rows, so that credits count that; each key's correction is put
// into its history. What is done again changes nothing.
func Reprice(o Options, cfg *config.Config, r RepriceOptions) (list []Repriced, err error) {
	o = o.offline()
	l, err := OpenLedger(o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := l.Close(); err == nil && closing != nil {
			err = fmt.Errorf("closing the ledger: %w", closing)
		}
	}()
	p := repricing{RepriceOptions: r, ledger: l, prices: NewPrices(cfg), aliases: aliasesOf(cfg)}
	if list, err = p.report(o.Now()); err != nil || r.DryRun {
		return list, err
	}
	switch l := l.(type) {
	case *localLedger:
		p.index = l.journal.index
		err = l.store.update(func(w writer) error { return errors.Join(p.writeSpans(w, o.Now()), p.writeHistory(w, list, o.Now())) })
	case *sharedLedger:
		err = l.alone(context.Background(), func(w *sharedTx, _ *marks, index *index) error {
			p.index = index
			names, err := w.instances()
			for _, name := range names {
				of, err := w.of(name)
				if err != nil {
					return err
				}
				if err := p.writeSpans(of, o.Now()); err != nil || of.err != nil {
					return errors.Join(err, of.err)
				}
			}
			if err != nil {
				return err
			}
			return p.writeHistory(w, list, o.Now())
		})
	}
	if err != nil {
		return nil, fmt.Errorf("writing the ledger: %w", err)
	}
	return list, nil
}

func aliasesOf(cfg *config.Config) map[string]string {
	aliases := make(map[string]string, len(cfg.APIKeys))
	for _, k := range cfg.APIKeys {
		aliases[hashOf(k.Key)] = k.Alias
	}
	return aliases
}

type repricing struct {
	RepriceOptions
	ledger  Ledger
	index   *index
	prices  *Prices
	aliases map[string]string
}

// report finds out what is different.
func (p *repricing) report(now time.Time) ([]Repriced, error) {
	byModel := make(map[Name]*Repriced) // endpoints together
	err := p.ledger.Read(context.Background(), now, []Kind{ofRequests, ofParts}, func(v View) error {
		clear(byModel)
		to := min(p.To.Unix(), v.End())
		for from := max(v.Aligned(ofRequests, p.From.Unix()), p.From.Unix()); from < to; from = begin(from, day) + day { // so that no more than a day's rows are held
			some := false
			if err := p.scan(v, byModel, from, min(begin(from, day)+day, to), day, func(n Name) bool {
				timed := priceBy(p.prices, n.Provider, n.Model).Price.HasHours()
				some = some || timed
				return !timed
			}); err != nil {
				return err
			}
			if !some {
				continue
			}
			if err := p.scan(v, byModel, from, min(begin(from, day)+day, to), minute, func(n Name) bool { return priceBy(p.prices, n.Provider, n.Model).Price.HasHours() }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	list := make([]Repriced, 0, len(byModel))
	for _, r := range byModel {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Repriced) int {
		return strings.Compare(a.Key+"\x00"+a.Provider+"\x00"+a.Model+"\x00"+a.LeftOut, b.Key+"\x00"+b.Provider+"\x00"+b.Model+"\x00"+b.LeftOut)
	})
	return list, nil
}

// scan counts the rows of some series of a time, by spans of at most a length.
func (p *repricing) scan(v View, byModel map[Name]*Repriced, from, to, longest int64, wanted func(Name) bool) error {
	bySpan := make(map[spanOf]bill)
	for _, kind := range [...]Kind{ofParts, ofRequests} {
		t := newTally(billed, func(n Name) (Name, bool) { return n, wanted(n) })
		var at spanOf
		count := func() {
			for n, c := range t.sums {
				if c.Row != (Row{}) {
					bySpan[at] = bySpan[at].with(n, c.Row)
					c.Row = Row{}
				}
			}
		}
		if err := v.Scan(Question{kind, from, to, longest, t.wanted}, func(begun, long int64) {
			count()
			at = spanOf{begun, long}
		}, t.of); err != nil {
			return err
		}
		count()
	}
	for at, b := range bySpan {
		b.each(func(n Name, row *Row) { p.count(byModel, n, row, at.begun, at.length) })
	}
	return nil
}

// count adds what a row of a time came to and comes to.
func (p *repricing) count(byModel map[Name]*Repriced, n Name, row *Row, at, length int64) {
	is, base, why := p.price(n, row, at, length)
	key := Name{ofRequests, n.Who, n.Provider, n.Model, why}
	sum := byModel[key]
	if sum == nil {
		alias := p.aliases[n.Who]
		if alias == "" {
			alias = n.Who
		}
		sum = &Repriced{Key: alias, Provider: n.Provider, Model: n.Model, LeftOut: why, hash: n.Who}
		byModel[key] = sum
	}
	sum.Requests = saturate.Add(sum.Requests, row[requests])
	sum.Was, sum.Is = saturate.Add(sum.Was, row[cost]), saturate.Add(sum.Is, is)
	sum.Base = sum.Base || base
}

// media says of an endpoint's path whether what it gives is no text.
func media(endpoint string) bool {
	for _, word := range [...]string{"images/", "audio/", "moderations", "rerank"} {
		if strings.Contains(endpoint, word) {
			return true
		}
	}
	return false
}

// priceBy is the price of a model by the names that the books have of it and its provider.
func priceBy(prices *Prices, provider, model string) *config.Priced {
	for _, p := range prices.config.Providers {
		if p.Name != provider {
			continue
		}
		for _, m := range p.Models {
			if m.Alias == model {
				return prices.Of(p, model, m.Upstream)
			}
		}
		return prices.Of(p, model, "")
	}
	return prices.Of(nil, model, "")
}

// writeSpans puts the new costs into all rows of the time, whatever their length.
func (p *repricing) writeSpans(w writer, now time.Time) error {
	var lost damages
	days := make(map[int64]*repricedDay)
	for _, length := range [...]int64{minute, hour, day} {
		if err := w.each(spanTable(length, ofRequests), func(key, _ []byte) error {
			if begun, ok := spanAt(key); ok && begun >= p.From.Unix() && begun < p.To.Unix() {
				of := days[begin(begun, day)]
				if of == nil {
					of = &repricedDay{repricing: p, known: make(map[Name][]known)}
					days[begin(begun, day)] = of
				}
				of.spans = append(of.spans, spanOf{begun, length})
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, of := range days {
		if err := of.write(w, &lost); err != nil {
			return err
		}
	}
	return lost.setAside(w, now)
}

// writeHistory tells the history of each key.
func (p *repricing) writeHistory(w writer, list []Repriced, now time.Time) error {
	byKey := make(map[string]int64)
	for _, r := range list {
		byKey[r.hash] = saturate.Add(byKey[r.hash], saturate.Sub(r.Is, r.Was))
	}
	for hash, by := range byKey {
		if by == 0 {
			continue
		}
		added, _ := amount(w.get(tableCredits, []byte(hash)))
		c := Correction{At: now.UTC(), Total: added, Repriced: by, By: "uni-api reprice",
			Note: fmt.Sprintf("what was asked from %s to %s costs what today's prices say", p.From.Format(time.DateOnly), p.To.AddDate(0, 0, -1).Format(time.DateOnly))}
		row, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if err := w.put(tableCorrections, freeCorrectionKey(w, hash, c.At), row); err != nil {
			return err
		}
	}
	return nil
}
