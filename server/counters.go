package server

import (
	"cmp"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// counters are what the server counts for metrics alone; the books count the
// rest. Counting takes no lock.
type counters struct {
	answers   [600]atomic.Int64 // HTTP answers of every kind, by status
	limited   [limitCount]atomic.Int64
	continued atomic.Int64 // answers that another channel went on with, each time
	hedges    [hedgeCount]atomic.Int64
	retries   atomic.Int64 // attempts that followed a failed one
	outcomes  outcomes
}

// limitKind is a limit of the gateway's own that a request can meet.
type limitKind int

const (
	limitKey         limitKind = iota // rate_limit of the client key
	limitGateway                      // preferences.rate_limit
	limitProviderKey                  // api_key_rate_limit of all keys that could have served
	limitCredits
	limitPrompt // tpr
	limitCount
)

// limitNames are the kinds as /metrics has them.
var limitNames = [limitCount]string{"key", "gateway", "provider_key", "credits", "prompt_tokens"}

// answered counts the answer that ctx has.
func (c *counters) answered(ctx *fasthttp.RequestCtx) {
	c.answers[statusIndex(ctx.Response.StatusCode())].Add(1)
}

// statusIndex keeps a status that is none, which a provider may send, in bounds.
func statusIndex(status int) int {
	if status < 100 || status > 599 {
		return fasthttp.StatusInternalServerError
	}
	return status
}

// mostOutcomes bounds what is told apart in the life of a process, within what pages
// of metrics have room for: a provider may list other models each time that it is asked
// for them.
const mostOutcomes = 20_000

// otherModels stands for those that come after.
const otherModels = "others"

// outcome is what requests for answers are told apart by. All of it is bounded by
// the configuration: provider and model are empty where none was found.
type outcome struct {
	provider, model, endpoint string
	status                    int
}

// outcomes counts requests by their outcome. What is known takes no lock. What is new
// joins it together with others, so that each is copied a few times at most.
type outcomes struct {
	known atomic.Pointer[map[outcome]*atomic.Int64]
	mu    sync.Mutex
	fresh map[outcome]*atomic.Int64 // those that are not among the known yet
	most  int                       // that are told apart
}

func (o *outcomes) count(of outcome) {
	if n := o.found(of); n != nil {
		n.Add(1)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	n := cmp.Or(o.found(of), o.fresh[of])
	if n == nil && o.told() >= o.most {
		of.model = otherModels
		n = cmp.Or(o.found(of), o.fresh[of])
	}
	if n == nil {
		n = o.remember(of)
	}
	n.Add(1)
}

// found is the count of an outcome that is known, nil if it is not.
func (o *outcomes) found(of outcome) *atomic.Int64 {
	if known := o.known.Load(); known != nil {
		return (*known)[of]
	}
	return nil
}

// told is how many are told apart.
func (o *outcomes) told() int {
	if known := o.known.Load(); known != nil {
		return len(*known) + len(o.fresh)
	}
	return len(o.fresh)
}

// remember begins to count an outcome. As many as a quarter of the known join them.
func (o *outcomes) remember(of outcome) *atomic.Int64 {
	n := new(atomic.Int64)
	of.model = strings.Clone(of.model)
	if o.fresh == nil {
		o.fresh = map[outcome]*atomic.Int64{}
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
func (o *outcomes) all(visit func(of outcome, n int64)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	lists := []map[outcome]*atomic.Int64{o.fresh}
	if known := o.known.Load(); known != nil {
		lists = append(lists, *known)
	}
	for _, list := range lists {
		for of, n := range list {
			visit(of, n.Load())
		}
	}
}
