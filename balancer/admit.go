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
	if refused := k.hold(&admission, need, now, model, beside); refused != nil {
		return Admission{}, refused
	}
	var held questions
	k.askHolds(&held, &admission, model, beside)
	if len(held.grants) > 0 && !k.asksForAll(model, beside) {
		if refused := held.answer(ctx, k.state); refused != nil {
			admission.release(now)
			return Admission{}, refused
		}
		held = questions{}
	}
	if refused := k.count(ctx, &admission, now, model, beside, held); refused != nil {
		admission.release(now)
		return Admission{}, refused
	}
	return admission, nil
}

// count counts a request against all limits that are windows, or against none. It comes after whatever else may refuse
// the request: a limit of many takes nothing back, and what a refused request has used up of one that keys share would
// be taken from the others. held is what else is to be asked for, at the same time.
func (k *Key) count(ctx context.Context, a *Admission, now int64, model string, beside []string, held questions) *Refused {
	own, refusal, ok := k.limiter.Take(model, now)
	if !ok {
		return &Refused{Refusal: refusal, Model: model}
	}
	each, refusal, ok := k.models.Take(model, now)
	if !ok {
		own.Cancel()
		return &Refused{Refusal: refusal, Model: model, Shared: true}
	}
	var others []limit.Grant
	cancel := func() {
		own.Cancel()
		each.Cancel()
		for _, g := range others {
			g.Cancel()
		}
	}
	for _, other := range beside {
		g, refusal, ok := k.limiter.Take(other, now)
		if !ok {
			cancel()
			return &Refused{Refusal: refusal, Model: other}
		}
		others = append(others, g)
	}
	all, refusal, ok := k.global.Take("", now)
	if !ok {
		cancel()
		return &Refused{Refusal: refusal, Global: true}
	}
	if refused := k.confirm(ctx, model, [...]limit.Grant{own, each, all}, beside, others, held); refused != nil {
		cancel()
		all.Cancel()
		return refused
	}
	a.key, a.global = own, all
	return nil
}

// hold takes what a request may need out of quotas, all of them or none.
func (k *Key) hold(a *Admission, need limit.Need, now int64, model string, beside []string) *Refused {
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
	take(&a.holds[0], k.limiter, model, Refused{Model: model})
	take(&a.holds[1], k.models, model, Refused{Model: model, Shared: true})
	take(&a.holds[2], k.global, "", Refused{Global: true})
	if a.holds[0].Holds() && len(beside) > 0 {
		a.more, also = make([]limit.Hold, len(beside)), true
		for i, other := range beside {
			take(&a.more[i], k.limiter, other, Refused{Model: other})
		}
	}
	if refused != nil {
		a.release(now)
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

// confirm asks for what other instances have a say in of the grants of a request for a model, and for those beside it.
// of are the key's, that for the model of all keys, and that of all requests.
func (k *Key) confirm(ctx context.Context, model string, of [3]limit.Grant, beside []string, others []limit.Grant, asked questions) *Refused {
	unsure := len(asked.grants) > 0 || of[0].Unsure() || of[1].Unsure() || of[2].Unsure()
	for _, g := range others {
		unsure = unsure || g.Unsure()
	}
	if !unsure {
		return nil
	}
	asked.add(of[0], Refused{Model: model})
	asked.add(of[1], Refused{Model: model, Shared: true})
	for i, g := range others {
		asked.add(g, Refused{Model: beside[i]})
	}
	asked.add(of[2], Refused{Global: true})
	return asked.answer(ctx, k.state)
}

// asker is a limiter that can tell whether others have a say in each request for a model, so that what they let in can
// be taken back.
type asker interface{ Asks(model string) bool }

// asksForAll says whether others have one in whatever windows a request is counted in. Then what they say of its quotas
// can be asked at the same time, and a round trip is spared.
func (k *Key) asksForAll(model string, beside []string) bool {
	asks := func(l limit.Limiter, model string) bool {
		if _, free := l.(limit.Unlimited); free {
			return true
		}
		a, can := l.(asker)
		return can && a.Asks(model)
	}
	for _, other := range beside {
		if !asks(k.limiter, other) {
			return false
		}
	}
	return asks(k.limiter, model) && asks(k.models, model) && asks(k.global, "")
}

// askHolds collects what others have a say in of what is held of quotas.
func (k *Key) askHolds(asked *questions, a *Admission, model string, beside []string) {
	unsure := a.holds[0].Unsure() || a.holds[1].Unsure() || a.holds[2].Unsure()
	for i := range a.more {
		unsure = unsure || a.more[i].Unsure()
	}
	if !unsure {
		return
	}
	add := func(h *limit.Hold, as Refused) {
		if h.Unsure() {
			asked.add(h.Asked(), as)
		}
	}
	add(&a.holds[0], Refused{Model: model})
	add(&a.holds[1], Refused{Model: model, Shared: true})
	for i := range a.more {
		add(&a.more[i], Refused{Model: beside[i]})
	}
	add(&a.holds[2], Refused{Global: true})
}

// questions are what other instances have a say in of one request.
type questions struct {
	grants []limit.Grant
	words  []Refused // what each would be refused as
}

func (q *questions) add(g limit.Grant, as Refused) {
	if g.Unsure() {
		q.grants, q.words = append(q.grants, g), append(q.words, as)
	}
}

// answer asks them, and says what refuses the request; nil is nothing.
func (q *questions) answer(ctx context.Context, s *State) *Refused {
	refused, why, ok := s.confirm(ctx, q.grants)
	switch {
	case ok:
		return nil
	case refused < 0:
		return &Refused{Unknown: true}
	}
	q.words[refused].Refusal = why
	return &q.words[refused]
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
	all, refusal, ok := k.global.Take("", now)
	if !ok {
		own.Cancel()
		return &Refused{Refusal: refusal, Global: true}
	}
	refused := k.confirm(ctx, "", [...]limit.Grant{0: own, 2: all}, nil, nil, questions{})
	if refused != nil {
		own.Cancel()
		all.Cancel()
		if !refused.Global && !refused.Unknown {
			return k.fullForAll(now)
		}
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
