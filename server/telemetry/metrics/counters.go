package metrics

import (
	"cmp"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// Counters are what a gateway counts for its metrics alone; the books count the
// rest. Counting takes no lock.
type Counters struct {
	Outcomes  Outcomes
	Failures  Failures                 // of attempts
	Exemplars Exemplars                // of requests that are traced
	Limited   [limitCount]atomic.Int64 // requests that met a limit
	Continued atomic.Int64             // answers that another channel went on with, each time
	Hedged    atomic.Int64             // attempts begun beside one of the same request that was slow
	HedgesWon atomic.Int64             // of these
	Retries   atomic.Int64             // attempts that followed a failed one

	Idempotent [idempotentCount]atomic.Int64 // requests with an Idempotency-Key

	Lacks        Lacks
	Drops        PerProvider // events of streams that could not be read and were left out
	Unpriced     PerProvider // requests that cost the default price, since nobody has said another
	AffinityKept PerProvider // tokens of prompts that were read from a provider's cache, since affinity has kept them there
	AffinityLost PerProvider // those that were not, where affinity had to give way

	answers [600]atomic.Int64 // HTTP answers of every kind, by status
}

// LimitKind is a limit of the gateway's own that a request can meet.
type LimitKind int

const (
	KeyLimit         LimitKind = iota // rate_limit of the client key
	GatewayLimit                      // preferences.rate_limit
	ProviderKeyLimit                  // api_key_rate_limit of all keys that could have served
	CreditsLimit
	PromptLimit   // tpr
	UnpricedLimit // unpriced_media
	limitCount
)

// limitNames are the kinds as /metrics has them.
var limitNames = [limitCount]string{"key", "gateway", "provider_key", "credits", "prompt_tokens", "unpriced_media"}

// Idempotent is what became of a request with an Idempotency-Key.
type Idempotent int

const (
	Executed Idempotent = iota
	Replayed
	Conflict
	NotKept
	WaitTimeout
	InvalidKey
	Exhausted
	idempotentCount
)

// String is the word for it, in /metrics and in the answer's header.
func (i Idempotent) String() string {
	return [idempotentCount]string{"executed", "replayed", "conflict", "executed-nonreplayable", "wait-timeout", "invalid-key", "capacity-exhausted"}[i]
}

// Answered counts an HTTP answer.
func (c *Counters) Answered(status int) { c.answers[Status(status)].Add(1) }

// Status keeps a status that is none, which a provider may send, in bounds.
func Status(status int) int {
	if status < 100 || status > 599 {
		return 500
	}
	return status
}

// mostOutcomes bounds what is told apart in the life of a process, within what pages
// of metrics have room for: a provider may list other models each time that it is asked
// for them.
const mostOutcomes = 20_000

// OtherModels stands for those that come after.
const OtherModels = "others"

// Labels is what requests for answers are told apart by. All of it is bounded by
// the configuration: provider and model are empty where none was found.
type Labels struct {
	Provider, Model, Endpoint string
	Status                    int
}

// Outcomes counts requests by their labels. What is known takes no lock. What is new
// joins it together with others, so that each is copied a few times at most.
type Outcomes struct {
	known atomic.Pointer[map[Labels]*atomic.Int64]
	mu    sync.Mutex
	fresh map[Labels]*atomic.Int64 // those that are not among the known yet
	most  int                      // that are told apart
}

// Count counts one.
func (o *Outcomes) Count(of Labels) {
	if n := o.found(of); n != nil {
		n.Add(1)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	n := cmp.Or(o.found(of), o.fresh[of])
	if n == nil && o.told() >= o.most {
		of.Model = OtherModels
		n = cmp.Or(o.found(of), o.fresh[of])
	}
	if n == nil {
		n = o.remember(of)
	}
	n.Add(1)
}

// found is the count of an outcome that is known, nil if it is not.
func (o *Outcomes) found(of Labels) *atomic.Int64 {
	if known := o.known.Load(); known != nil {
		return (*known)[of]
	}
	return nil
}

// told is how many are told apart.
func (o *Outcomes) told() int {
	if known := o.known.Load(); known != nil {
		return len(*known) + len(o.fresh)
	}
	return len(o.fresh)
}

// remember begins to count an outcome. As many as a quarter of the known join them.
func (o *Outcomes) remember(of Labels) *atomic.Int64 {
	n := new(atomic.Int64)
	of.Model = strings.Clone(of.Model)
	if o.fresh == nil {
		o.fresh = map[Labels]*atomic.Int64{}
	}
	if o.fresh[of] = n; 4*len(o.fresh) < o.told()-len(o.fresh) {
		return n
	}
	next := maps.Clone(o.fresh)
	if known := o.known.Load(); known != nil {
		maps.Copy(next, *known)
	}
	o.known.Store(&next)
	clear(o.fresh)
	return n
}

// all visits what was counted, in no order.
func (o *Outcomes) all(visit func(of Labels, n int64)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	lists := []map[Labels]*atomic.Int64{o.fresh}
	if known := o.known.Load(); known != nil {
		lists = append(lists, *known)
	}
	for _, list := range lists {
		for of, n := range list {
			visit(of, n.Load())
		}
	}
}
