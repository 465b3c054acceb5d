package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"uniapi/codec/saturate"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// family is a metric with its series. What is added to equal labels is added up:
// Prometheus refuses a page on which a series comes twice, and two accounts of one
// provider may share a name.
type family[T any] struct {
	name, help string
	series     map[string]*series[T] // by the values of their labels
}

type series[T any] struct {
	names, values []string // of labels
	of            T
}

// at is the series of labels, which are names and values in turn.
func (f *family[T]) at(labels []string) *T {
	names, values, key := split(labels)
	s := f.series[key]
	if s == nil {
		s = &series[T]{names: names, values: values}
		f.series[key] = s
	}
	return &s.of
}

// split takes labels apart, and has a key for their values.
func split(labels []string) (names, values []string, key string) {
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, strings.ToValidUTF8(telemetry.Clip(labels[i+1]), "?"))
	}
	return names, values, strings.Join(values, "\xff")
}

// tell hands each series to the library.
func (f *family[T]) tell(ch chan<- prometheus.Metric, make func(desc *prometheus.Desc, of *T, values []string) (prometheus.Metric, error)) {
	for _, s := range f.series {
		desc := prometheus.NewDesc(f.name, f.help, s.names, nil)
		metric, err := make(desc, &s.of, s.values)
		if err != nil {
			metric = prometheus.NewInvalidMetric(desc, err)
		}
		ch <- metric
	}
}

// numbers is a family of counters or gauges.
type numbers struct {
	family[float64]
	kind prometheus.ValueType
}

func counter(name, help string) *numbers {
	return &numbers{family[float64]{name, help, make(map[string]*series[float64])}, prometheus.CounterValue}
}

func gauge(name, help string) *numbers {
	return &numbers{family[float64]{name, help, make(map[string]*series[float64])}, prometheus.GaugeValue}
}

// add adds to a series.
func (f *numbers) add(value float64, labels ...string) { *f.at(labels) += value }

// of adds to the one series of a family without labels.
func (f *numbers) of(value float64) *numbers {
	f.add(value)
	return f
}

func (f *numbers) collect(ch chan<- prometheus.Metric) {
	f.tell(ch, func(desc *prometheus.Desc, of *float64, values []string) (prometheus.Metric, error) {
		return prometheus.NewConstMetric(desc, f.kind, *of, values...)
	})
}

// histogramBounds are those that /metrics tells, in seconds, each the double of
// the one before. The books count in finer buckets that end there too, so that
// nothing is estimated.
var histogramBounds = func() (bounds [16]time.Duration) {
	for i := range bounds {
		bounds[i] = 10 * time.Millisecond << i
	}
	return bounds
}()

// histograms is a family of histograms of seconds.
type histograms struct{ family[histogram] }

type histogram struct {
	within   [len(histogramBounds)]int64 // cumulative
	count    int64
	sum      float64 // seconds
	examples []prometheus.Exemplar
}

func histogramOf(name, help string) *histograms {
	return &histograms{family[histogram]{name, help, make(map[string]*series[histogram])}}
}

func (f *histograms) add(from *usage.Histogram, sum float64, labels ...string) {
	h := f.at(labels)
	passed, bound := int64(0), 0
	for i, n := range from {
		passed = saturate.Add(passed, n)
		if bound < len(histogramBounds) && usage.BucketBound(i) == histogramBounds[bound] {
			h.within[bound] = saturate.Add(h.within[bound], passed)
			bound++
		}
	}
	h.count = saturate.Add(h.count, passed)
	h.sum += sum
}

// illustrate gives a series examples, if there is such a series.
func (f *histograms) illustrate(examples []prometheus.Exemplar, labels ...string) {
	if _, _, key := split(labels); f.series[key] != nil {
		f.series[key].of.examples = append(f.series[key].of.examples, examples...)
	}
}

func (f *histograms) collect(ch chan<- prometheus.Metric) {
	f.tell(ch, func(desc *prometheus.Desc, of *histogram, values []string) (prometheus.Metric, error) {
		buckets := make(map[float64]uint64, len(histogramBounds))
		for i, n := range of.within {
			buckets[histogramBounds[i].Seconds()] = uint64(n)
		}
		made, err := prometheus.NewConstHistogram(desc, uint64(of.count), of.sum, buckets, values...)
		if err != nil || len(of.examples) == 0 {
			return made, err
		}
		return prometheus.NewMetricWithExemplars(made, of.examples...)
	})
}
