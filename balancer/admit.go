package balancer

import (
	"context"
	"net/netip"
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// Refused is why a request was not let in: a limit of this gateway's own.
type Refused struct {
	limit.Refusal
	Model       string // that the limit is for
	Global      bool   // the limit of all requests together, not the key's
	Shared      bool   // the limit of all requests for the model together
	OutOfCredit bool   // the key has no credit
	// Unknown is that the limit could not be asked for: it is shared with other instances (Stores.Strict).
	Unknown bool
}

// hasCredit says whether a key may spend anything: credits: 0 blocks it, and the
// books know what it has spent of more.
func (k *Key) hasCredit() bool {
	credits := k.Config.Preferences.Credits
	return credits == nil || *credits > 0 && (k.OutOfCredit == nil || !k.OutOfCredit())
}

// denies says whether, and why, a key in the place of a channel may not be used by who is at an address. Whoever
// explains has none.
func (k *Key) denies(client netip.Addr, explained bool) config.Denial {
	switch access := &k.Config.Preferences.Access; {
	case !access.Limited():
		return config.NotDenied
	case explained && !client.IsValid():
		return access.Over(time.Now())
	default:
		return access.Denies(time.Now(), client)
	}
}

// Admission is a request that was let in.
type Admission struct {
	key, global limit.Grant
	state       *State
	holds       [3]limit.Hold // of the key's quotas, the model's and those of all requests
	more        []limit.Hold  // of the key's for models that are named beside
}

// Settle ends what quotas were held for the request, with what it came to. It must be called once, whatever became of
// it.
func (a *Admission) Settle(came limit.Need) {
	if a.state == nil {
		return
	}
	now := a.state.now()
	for i := range a.holds {
		a.holds[i].Settle(came, now)
	}
	for i := range a.more {
		a.more[i].Settle(came, now)
	}
	a.state = nil
}

// Admit counts a request for a model against the key's limit and against that of
// all requests together, if both allow it; and against the key's limits for the
// models that it names beside, each of which may be the one that is used. Quotas
// hold what the request may need until Settle. A limit that refuses counts nothing.
// It waits only for limits that other instances share.
func (k *Key) Admit(ctx context.Context, need limit.Need, model string, beside ...string) (Admission, *Refused) {
	if !k.hasCredit() {
		return Admission{}, &Refused{OutOfCredit: true}
	}
	now := k.state.now()
	if refusal, ok := k.global.Check("", limit.Need{}, now); !ok { // before the key's own count, which cannot always be taken back
		return Admission{}, &Refused{Refusal: refusal, Global: true}
	}
	for _, other := range beside { // for the same reason
		if refusal, ok := k.limiter.Check(other, limit.Need{}, now); !ok {
			return Admission{}, &Refused{Refusal: refusal, Model: other}
		}
	}
	var admission Admission
	var taken counted
	stages := together
	if k.mixed {
		if !k.doubts.begin(now) {
			stages = apart
		}
		defer k.doubts.end()
	}
	for _, of := range stages {
		refused := k.admit(ctx, &admission, &taken, need, now, model, beside, of)
		if refused == nil {
			continue
		}
		taken.cancel()
		admission.release(now)
		k.doubts.learn(refused, now)
		return Admission{}, refused
	}
	admission.key, admission.global = taken.own, taken.all
	return admission, nil
}

// admit counts a request against some limits, or leaves it to who asks to take back what it has counted.
func (k *Key) admit(ctx context.Context, a *Admission, taken *counted, need limit.Need, now int64, model string, beside []string, of whose) *Refused {
	if refused := k.hold(a, need, now, model, beside, of); refused != nil {
		return refused
	}
	var asked questions
	k.askHolds(&asked, a, model, beside)
	if len(asked.grants) > 0 && !k.asksForAll(model, beside, of) {
		if refused := asked.answer(ctx, k.state); refused != nil {
			return refused
		}
		asked = questions{}
	}
	return k.count(ctx, taken, now, model, beside, asked, of)
}

// counted is a request in what windows count.
type counted struct {
	own, each, all limit.Grant // the key's, the model's and that of all requests
	others         []limit.Grant
}

func (c *counted) cancel() {
	c.own.Cancel()
	c.each.Cancel()
	for _, g := range c.others {
		g.Cancel()
	}
	c.all.Cancel()
}

// count counts a request against limits that are windows, as far as none refuses it. It comes after whatever else may
// refuse the request: a limit of many takes nothing back, and what a refused request has used up of one that keys share
// would be taken from the others. asked is what else is to be asked for, at the same time.
func (k *Key) count(ctx context.Context, c *counted, now int64, model string, beside []string, asked questions, of whose) *Refused {
	take := func(g *limit.Grant, l limit.Limiter, model string, as Refused) *Refused {
		grant, refusal, ok := l.Take(model, now)
		if *g = grant; !ok {
			said := as // as itself would be on the heap for each request that is let in, too
			said.Refusal = refusal
			return &said
		}
		asked.add(grant, as)
		return nil
	}
	if of.keys() {
		if refused := take(&c.own, k.limiter, model, Refused{Model: model}); refused != nil {
			return refused
		}
	}
	if of.shared() {
		if refused := take(&c.each, k.models, model, Refused{Model: model, Shared: true}); refused != nil {
			return refused
		}
	}
	if of.keys() && len(beside) > 0 {
		c.others = make([]limit.Grant, len(beside))
		for i, other := range beside {
			if refused := take(&c.others[i], k.limiter, other, Refused{Model: other}); refused != nil {
				return refused
			}
		}
	}
	if of.shared() {
		if refused := take(&c.all, k.global, "", Refused{Global: true}); refused != nil {
			return refused
		}
	}
	return asked.answer(ctx, k.state)
}

// hold takes what a request may need out of quotas.
func (k *Key) hold(a *Admission, need limit.Need, now int64, model string, beside []string, of whose) *Refused {
	var refused *Refused
	also := false // what all models have together is held once
	take := func(h *limit.Hold, l limit.Limiter, model string, as Refused) {
		if refused != nil {
			return
		}
		hold, refusal, ok := l.Hold(model, need, now, also)
		if *h = hold; !ok {
			said := as // as itself would be on the heap for each request that is let in, too
			said.Refusal = refusal
			refused = &said
		} else if hold.Holds() {
			a.state = k.state
		}
	}
	if of.keys() {
		take(&a.holds[0], k.limiter, model, Refused{Model: model})
	}
	if of.shared() {
		take(&a.holds[1], k.models, model, Refused{Model: model, Shared: true})
		take(&a.holds[2], k.global, "", Refused{Global: true})
	}
	if of.keys() && a.holds[0].Holds() && len(beside) > 0 {
		a.more, also = make([]limit.Hold, len(beside)), true
		for i, other := range beside {
			take(&a.more[i], k.limiter, other, Refused{Model: other})
		}
	}
	return refused
}

// release gives back what quotas hold for a request that was not let in.
func (a *Admission) release(now int64) {
	for i := range a.holds {
		a.holds[i].Cancel(now)
	}
	for i := range a.more {
		a.more[i].Cancel(now)
	}
}

// WouldRefuse says why Admit would refuse a request for a model, nil if it would
// not. It counts nothing.
func (k *Key) WouldRefuse(model string) *Refused {
	if !k.hasCredit() {
		return &Refused{OutOfCredit: true}
	}
	now := k.state.now()
	if refusal, ok := k.global.Check("", limit.Need{}, now); !ok {
		return &Refused{Refusal: refusal, Global: true}
	}
	if refusal, ok := k.models.Check(model, limit.Need{}, now); !ok {
		return &Refused{Refusal: refusal, Model: model, Shared: true}
	}
	if refusal, ok := k.limiter.Check(model, limit.Need{}, now); !ok {
		return &Refused{Refusal: refusal, Model: model}
	}
	return nil
}

// Left is what the limits that hold for requests for a model have left: the key's, and those of all keys together.
func (k *Key) Left(model string) (own, all []limit.Left) {
	now := k.state.now()
	return k.limiter.Left(model, now), append(k.models.Left(model, now), k.global.Left("", now)...)
}

// AdmitOther counts a request that is for no model: only the limit of all
// requests together knows it. A key uses up no more of that one than its own limit
// lets it: what it asks beyond is answered as long as others have room, and not counted.
func (k *Key) AdmitOther(ctx context.Context) *Refused {
	now := k.state.now()
	own, _, ok := k.limiter.Take("", now)
	if !ok {
		return k.fullForAll(now)
	}
	var asked questions
	asked.add(own, Refused{})
	if refused := asked.answer(ctx, k.state); refused != nil {
		own.Cancel()
		if refused.Unknown {
			return refused
		}
		return k.fullForAll(now)
	}
	all, refusal, ok := k.global.Take("", now)
	if !ok {
		own.Cancel()
		return &Refused{Refusal: refusal, Global: true}
	}
	asked = questions{}
	asked.add(all, Refused{Global: true})
	refused := asked.answer(ctx, k.state)
	if refused != nil {
		own.Cancel()
		all.Cancel()
	}
	return refused
}

// fullForAll says that all requests together have reached their limit, nil if they have not.
func (k *Key) fullForAll(now int64) *Refused {
	if refusal, ok := k.global.Check("", limit.Need{}, now); !ok {
		return &Refused{Refusal: refusal, Global: true}
	}
	return nil
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
func (s *State) limit(k *Key, global, models limit.Limiter) {
	k.limiter = s.limits.Subject("key "+string(hash(k.Config.Key)), k.Config.Preferences.RateLimit)
	k.global, k.models = global, models
	_, own := k.limiter.(asker)
	_, all := global.(asker)
	_, each := models.(asker)
	k.mixed = own && (all || each)
}

// globalLimit is the one limit of all requests.
func (s *State) globalLimit(all config.RateLimit) limit.Limiter {
	var table config.ModelTable[config.RateLimit]
	table.Set("default", all)
	return s.limits.Subject("all", table)
}

// modelLimits are those of all requests for a model, whoever makes them.
func (s *State) modelLimits(table config.ModelTable[config.RateLimit]) limit.Limiter {
	return s.limits.Subject("model", table)
}
