// Package tracingtest is an OpenTelemetry collector for tests: it takes OTLP over HTTP and keeps what came.
package tracingtest

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one as it came.
type Span struct {
	Name, Kind, Trace, ID, Parent, State string
	Failed                               bool
	Attributes, Resource                 map[string]any
	Events                               map[string]time.Duration // since the span began
	Start, End                           time.Time
}

// Collector is one on loopback.
type Collector struct {
	URL string
	// Answer, if there is one, answers in the collector's place, which keeps nothing then.
	Answer http.HandlerFunc
	// Before, if there is one, is called before anything is taken.
	Before func()

	mu      sync.Mutex
	spans   []Span
	metrics map[string]*metricspb.Metric
	headers []http.Header
	strange []string // what could not be read
	came    chan struct{}
}

// Listen starts one for a test.
func Listen(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{metrics: map[string]*metricspb.Metric{}, came: make(chan struct{}, 1)}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, what := range c.strange {
			t.Error("the collector cannot read what came:", what)
		}
	})
	c.URL = server.URL
	return c
}

// ServeHTTP takes what is sent.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		select {
		case c.came <- struct{}{}:
		default:
		}
	}()
	if c.Answer != nil {
		c.Answer(w, r)
		return
	}
	if c.Before != nil {
		c.Before()
	}
	body, err := read(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = append(c.headers, r.Header)
	switch {
	case err != nil:
	case r.Header.Get("Content-Type") != "application/x-protobuf":
		c.strange = append(c.strange, r.Header.Get("Content-Type"))
	case r.URL.Path == "/v1/traces":
		var data tracepb.TracesData // as bytes it is what a request is
		if err = proto.Unmarshal(body, &data); err == nil {
			c.takeSpans(&data)
		}
	case r.URL.Path == "/v1/metrics":
		var data metricspb.MetricsData
		if err = proto.Unmarshal(body, &data); err == nil {
			for _, of := range data.GetResourceMetrics() {
				for _, scope := range of.GetScopeMetrics() {
					for _, m := range scope.GetMetrics() {
						c.metrics[m.GetName()] = m
					}
				}
			}
		}
	default:
		c.strange = append(c.strange, r.URL.Path)
	}
	if err != nil {
		c.strange = append(c.strange, err.Error())
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func read(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	plain, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(plain)
}

func (c *Collector) takeSpans(data *tracepb.TracesData) {
	for _, of := range data.GetResourceSpans() {
		resource := values(of.GetResource().GetAttributes())
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				span := Span{
					Name: s.GetName(), Kind: s.GetKind().String()[len("SPAN_KIND_"):], Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()),
					Parent: hex.EncodeToString(s.GetParentSpanId()), State: s.GetTraceState(), Failed: s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
					Attributes: values(s.GetAttributes()), Resource: resource, Events: map[string]time.Duration{},
					Start: time.Unix(0, int64(s.GetStartTimeUnixNano())), End: time.Unix(0, int64(s.GetEndTimeUnixNano())),
				}
				for _, e := range s.GetEvents() {
					span.Events[e.GetName()] = time.Unix(0, int64(e.GetTimeUnixNano())).Sub(span.Start)
				}
				c.spans = append(c.spans, span)
			}
		}
	}
}

func values(attributes []*commonpb.KeyValue) map[string]any {
	out := make(map[string]any, len(attributes))
	for _, a := range attributes {
		switch v := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			out[a.GetKey()] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			out[a.GetKey()] = v.IntValue
		case *commonpb.AnyValue_BoolValue:
			out[a.GetKey()] = v.BoolValue
		case *commonpb.AnyValue_DoubleValue:
			out[a.GetKey()] = v.DoubleValue
		case *commonpb.AnyValue_ArrayValue:
			out[a.GetKey()] = v.ArrayValue.String()
		}
	}
	return out
}

// Spans are those that came.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Await waits until so many have.
func (c *Collector) Await(t testing.TB, n int) []Span {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		if spans := c.Spans(); len(spans) >= n {
			return spans
		}
		select {
		case <-c.came:
		case <-late:
			t.Fatalf("%d spans came, want %d", len(c.Spans()), n)
		}
	}
}

// Metric is what came last of a metric, nil if nothing did.
func (c *Collector) Metric(name string) *metricspb.Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.metrics[name]
}

// Header is a header that the last request had.
func (c *Collector) Header(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.headers) == 0 {
		return ""
	}
	return c.headers[len(c.headers)-1].Get(name)
}
