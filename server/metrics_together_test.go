package server

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// twoAtOnce is a collector that sees whether it is asked by two at once.
type twoAtOnce struct {
	inside atomic.Int32
	two    chan struct{}
}

func (*twoAtOnce) Describe(chan<- *prometheus.Desc) {}

func (c *twoAtOnce) Collect(chan<- prometheus.Metric) {
	if c.inside.Add(1) == 2 {
		close(c.two)
	}
	defer c.inside.Add(-1)
	select {
	case <-c.two:
	case <-time.After(50 * time.Millisecond): // nobody has come
	}
}

// A page of metrics takes some times its size, and is as long as there are models.
func TestPagesOfMetricsAreMadeOneAtATime(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	c := &twoAtOnce{two: make(chan struct{})}
	g.registry.MustRegister(c)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { g.metricsPage() })
	}
	all.Wait()
	select {
	case <-c.two:
		t.Error("two pages were made at once")
	default:
	}
}
