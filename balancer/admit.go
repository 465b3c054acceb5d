package balancer

import (
	"context"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// Refused is why a request was not let in: a limit of this gateway's own.
type Refused struct {
	limit.Refusal
	Model  string // that the limit is for
	Global bool   // the limit of all requests together, not the key's
	Broke  bool   // the key has no credit
	// Unknown is that the limit could not be asked for: it is shared with other instances (Stores.Strict).
	Unknown bool
}

// hasCredit says whether a key may spend anything: credits: 0 blocks it, and the
// books know what it has spent of more.
func (k *Key) hasCredit() bool {
	credits := k.Config.Preferences.Credits
	return credits == nil || *credits > 0 && (k.Broke == nil || !k.Broke())
}

// Admission is a request that was let in.
type Admission struct {
	key, global limit.Grant
}

// Admit counts a request for a model against the key's limit and against that of
// all requests together, if both allow it; and against the key's limits for the
// models that it names beside, each of which may be the one that is used. A limit
// that refuses counts nothing. It waits only for limits that other instances share.
func (k *Key) Admit(ctx context.Context, model string, beside ...string) (Admission, *Refused) {
	if !k.hasCredit() {
		return Admission{}, &Refused{Broke: true}
	}
	now := k.state.now()
	if refusal, ok := k.global.Check("", now); !ok { // before the key's own count, which cannot always be taken back
		return Admission{}, &Refused{Refusal: refusal, Global: true}
	}
	for _, other := range beside { // for the same reason
		if refusal, ok := k.limiter.Check(other, now); !ok {
			return Admission{}, &Refused{Refusal: refusal, Model: other}
		}
	}
	own, refusal, ok := k.limiter.Take(model, now)
	if !ok {
		return Admission{}, &Refused{Refusal: refusal, Model: model}
	}
	var others []limit.Grant
	cancel := func() {
		own.Cancel()
		for _, g := range others {
			g.Cancel()
		}
	}
	for _, other := range beside {
		g, refusal, ok := k.limiter.Take(other, now)
		if !ok {
			cancel()
			return Admission{}, &Refused{Refusal: refusal, Model: other}
		}
		others = append(others, g)
	}
	all, refusal, ok := k.global.Take("", now)
	if !ok {
		cancel()
		return Admission{}, &Refused{Refusal: refusal, Global: true}
	}
	if refused := k.confirm(ctx, model, own, all, beside, others); refused != nil {
		cancel()
		all.Cancel()
		return Admission{}, refused
	}
	return Admission{own, all}, nil
}

// confirm asks for what other instances have a say in of the grants of a request for a model, and for those beside it.
func (k *Key) confirm(ctx context.Context, model string, own, all limit.Grant, beside []string, others []limit.Grant) *Refused {
	unsure := own.Unsure() || all.Unsure()
	for _, g := range others {
		unsure = unsure || g.Unsure()
	}
	if !unsure {
		return nil
	}
	var grants []limit.Grant
	var of []Refused // what each would be refused as
	ask := func(g limit.Grant, as Refused) {
		if g.Unsure() {
			grants, of = append(grants, g), append(of, as)
		}
	}
	ask(own, Refused{Model: model})
	for i, g := range others {
		ask(g, Refused{Model: beside[i]})
	}
	ask(all, Refused{Global: true})
	refused, why, ok := k.state.confirm(ctx, grants)
	switch {
	case ok:
		return nil
	case refused < 0:
		return &Refused{Unknown: true}
	}
	of[refused].Refusal = why
	return &of[refused]
}

// WouldRefuse says why Admit would refuse a request for a model, nil if it would
// not. It counts nothing.
func (k *Key) WouldRefuse(model string) *Refused {
	if !k.hasCredit() {
		return &Refused{Broke: true}
	}
	now := k.state.now()
	if refusal, ok := k.global.Check("", now); !ok {
		return &Refused{Refusal: refusal, Global: true}
	}
	if refusal, ok := k.limiter.Check(model, now); !ok {
		return &Refused{Refusal: refusal, Model: model}
	}
	return nil
}

// AdmitOther counts a request that is for no model: only the limit of all
// requests together knows it.
func (k *Key) AdmitOther(ctx context.Context) *Refused {
	all, refusal, ok := k.global.Take("", k.state.now())
	if !ok {
		return &Refused{Refusal: refusal, Global: true}
	}
	refused := k.confirm(ctx, "", limit.Grant{}, all, nil, nil)
	if refused != nil {
		all.Cancel()
	}
	return refused
}

// Quota is what is left of the limit that is nearest to its end, the key's before
// that of all requests.
func (a Admission) Quota() limit.Quota {
	if q := a.key.Quota(); q.Limit.Count > 0 {
		return q
	}
	return a.global.Quota()
}

// limit gives a key the limits of its configuration.
func (s *State) limit(k *Key, global limit.Limiter) {
	k.limiter = s.limits.Subject("key "+string(hash(k.Config.Key)), k.Config.Preferences.RateLimit)
	k.global = global
}

// globalLimit is the one limit of all requests.
func (s *State) globalLimit(all config.RateLimit) limit.Limiter {
	var table config.ModelTable[config.RateLimit]
	table.Set("default", all)
	return s.limits.Subject("all", table)
}
