package server

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// counters are what the server counts for metrics alone; the books count the
// rest. Counting takes no lock.
type counters struct {
	answers  [600]atomic.Int64 // HTTP answers of every kind, by status
	limited  [limitCount]atomic.Int64
	hedges   [hedgeCount]atomic.Int64
	retries  atomic.Int64 // attempts that followed a failed one
	outcomes outcomes
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

// outcomes counts requests by their outcome. A new one copies the map, which
// happens as often as there are outcomes.
type outcomes struct {
	known atomic.Pointer[map[outcome]*atomic.Int64]
	mu    sync.Mutex
	most  int // that are told apart
}

func (o *outcomes) count(of outcome) {
	if o.add(of) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	next := map[outcome]*atomic.Int64{}
	if known := o.known.Load(); known != nil {
		if len(*known) >= o.most {
			of.model = otherModels
		}
		if o.add(of) {
			return
		}
		next = maps.Clone(*known)
	}
	of.model = strings.Clone(of.model)
	next[of] = new(atomic.Int64)
	next[of].Add(1)
	o.known.Store(&next)
}

// add counts an outcome that is known.
func (o *outcomes) add(of outcome) bool {
	known := o.known.Load()
	if known == nil {
		return false
	}
	n := (*known)[of]
	if n != nil {
		n.Add(1)
	}
	return n != nil
}

// all visits what was counted, in no order.
func (o *outcomes) all(visit func(of outcome, n int64)) {
	if known := o.known.Load(); known != nil {
		for of, n := range *known {
			visit(of, n.Load())
		}
	}
}
