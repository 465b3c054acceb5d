package balancer

import (
	"context"
	"sync/atomic"
	"time"

	"uniapi/balancer/limit"
)

// whose limits are meant.
type whose uint8

const (
	ofKey whose = 1 << iota // the client key's own
	ofAll                   // those that keys share
)

func (w whose) keys() bool   { return w&ofKey != 0 }
func (w whose) shared() bool { return w&ofAll != 0 }

// A request is counted against all limits at the same time, or against the key's own first.
var (
	together = []whose{ofKey | ofAll}
	apart    = []whose{ofKey, ofAll}
)

const (
	// doubtful is how long a key whose own limits have refused a request is asked about those first.
	doubtful = int64(time.Minute)
	// mostTogether is how many requests of a key may be counted against its own limits and shared ones at a time.
	mostTogether = 4
)

// doubts are whether a key's own limits may refuse its requests, where other instances have a say in that. What a
// request is counted in together is taken until all have answered, so one that the key's own limits refuse takes a
// place of all keys meanwhile. That is for requests that will hardly be refused, and never for many of one key.
type doubts struct {
	refused atomic.Int64 // when they did last, on the clock of limits; 0 is never
	under   atomic.Int64 // requests that are being counted
}

// begin says whether one more may be counted together. It is ended by end in any case.
func (d *doubts) begin(now int64) bool {
	last := d.refused.Load()
	return d.under.Add(1) <= mostTogether && (last == 0 || now-last >= doubtful)
}

func (d *doubts) end() { d.under.Add(-1) }

// learn learns from what refused a request.
func (d *doubts) learn(refused *Refused, now int64) {
	if !refused.Unknown && !refused.Shared && !refused.Global {
		d.refused.Store(max(now, 1))
	}
}

// asker is a limiter that can tell whether others have a say in each request for a model, so that what they let in can
// be taken back.
type asker interface{ Asks(model string) bool }

// asksForAll says whether others have one in whatever windows a request is counted in. Then what they say of its quotas
// can be asked at the same time, and a round trip is spared.
func (k *Key) asksForAll(model string, beside []string, of whose) bool {
	asks := func(l limit.Limiter, model string) bool {
		if _, free := l.(limit.Unlimited); free {
			return true
		}
		a, can := l.(asker)
		return can && a.Asks(model)
	}
	if of.shared() && !(asks(k.models, model) && asks(k.global, "")) {
		return false
	}
	if !of.keys() {
		return true
	}
	for _, other := range beside {
		if !asks(k.limiter, other) {
			return false
		}
	}
	return asks(k.limiter, model)
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
	if len(q.grants) == 0 {
		return nil
	}
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
