package metrics

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Exemplars are requests whose traces a collector has, as examples of what the histograms count: for each provider's
// model the last in each bucket, or nearly.
type Exemplars struct {
	mu    sync.RWMutex
	known map[[2]string]*examples
	most  int // that are told apart; others have none
}

// examples are those of a provider's model.
type examples struct{ firstByte, duration exampleRow }

type exampleRow [len(histogramBounds) + 1]atomic.Pointer[example]

type example struct {
	trace string
	took  time.Duration
	at    time.Time
}

// exampleEvery is how often an example gives way to another: each page needs one at most.
const exampleEvery = time.Second

// Keep keeps a request that succeeded, unless it has enough examples like it. firstByte is 0 if none came. trace names
// its trace.
func (e *Exemplars) Keep(provider, model string, firstByte, duration time.Duration, at time.Time, trace func() string) {
	of := e.of(provider, model)
	if of == nil {
		return
	}
	if firstByte > 0 {
		of.firstByte.keep(firstByte, at, trace)
	}
	of.duration.keep(duration, at, trace)
}

func (r *exampleRow) keep(took time.Duration, at time.Time, trace func() string) {
	bucket := 0
	for bucket < len(histogramBounds) && took > histogramBounds[bucket] {
		bucket++
	}
	if last := r[bucket].Load(); last == nil || at.Sub(last.at) >= exampleEvery {
		r[bucket].Store(&example{trace(), took, at})
	}
}

// of are the examples of a provider's model, nil if there is no place for them.
func (e *Exemplars) of(provider, model string) *examples {
	e.mu.RLock()
	of := e.known[[2]string{provider, model}]
	e.mu.RUnlock()
	if of != nil {
		return of
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	of = e.known[[2]string{provider, model}]
	if of == nil && len(e.known) < e.most {
		if e.known == nil {
			e.known = map[[2]string]*examples{}
		}
		of = new(examples)
		e.known[[2]string{provider, strings.Clone(model)}] = of
	}
	return of
}

// told are those of one page.
type toldExamples struct {
	provider, model     string
	firstByte, duration []prometheus.Exemplar
}

func (e *Exemplars) all() (list []toldExamples) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for key, of := range e.known {
		list = append(list, toldExamples{key[0], key[1], of.firstByte.all(), of.duration.all()})
	}
	return list
}

func (r *exampleRow) all() (list []prometheus.Exemplar) {
	for i := range r {
		if x := r[i].Load(); x != nil {
			list = append(list, prometheus.Exemplar{Value: x.took.Seconds(), Labels: prometheus.Labels{"trace_id": x.trace}, Timestamp: x.at})
		}
	}
	return list
}
