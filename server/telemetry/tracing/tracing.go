// Package tracing tells an OpenTelemetry collector of requests that have ended: a span for each and one for each of its
// attempts, and histograms of how long they took. All of it is made when a request has ended. What must be known before
// is which place the request has in whose trace, since providers are told that: see Trace.
//
// The official SDK samples, propagates, describes the process and measures. Spans are written as the bytes that are
// sent, and what is sent is sent by package otlp: the SDK's spans and exporters cost more than all else that a request
// takes.
package tracing

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"uniapi/server/telemetry/tracing/otlp"
)

// Tracer sends what it is told to a collector. Use Start.
type Tracer struct {
	sampler    sdktrace.Sampler
	propagates bool
	batches    *batches  // nil: metrics only
	measures   *measures // nil: traces only
	reports    *reports
	ends       []func(context.Context) error
}

// mostSeries bounds what a metric is told apart by; what comes after is told together.
const mostSeries = 2000

// Start makes what the environment's standard variables ask for; nil if that is nothing. Variables that cannot be used
// are told to the log, and what they are about is left out.
func Start(getenv func(string) string, log *slog.Logger, version string) *Tracer {
	s, err := read(getenv)
	if err != nil {
		log.Error("OpenTelemetry: variables cannot be used", "error", err)
	}
	if !s.traces && !s.metrics {
		return nil
	}
	t := &Tracer{sampler: s.sampler, propagates: s.propagates, reports: &reports{log: log}}
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(t.reports)
	about, err := resource.New(context.Background(),
		resource.WithAttributes(attribute.String("service.name", "uni-api"), attribute.String("service.version", version), attribute.String("service.instance.id", hex.EncodeToString(randomBytes(16)))),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		log.Error("OpenTelemetry: OTEL_RESOURCE_ATTRIBUTES is a list of name=value with commas between them", "error", err)
	}
	if s.traces {
		if to := t.client(getenv, otlp.Traces, version); to != nil {
			t.batches = newBatches(s.batching, to, otlp.NewEnvelope(about, scope), t.reports)
			t.ends = append(t.ends, t.batches.close)
		}
	}
	if s.metrics {
		if to := t.client(getenv, otlp.Metrics, version); to != nil {
			if err := t.startMetrics(&exporter{to, otlp.NewEnvelope(about, scope), t.reports, s.temporality, s.aggregation}); err != nil {
				log.Error("OpenTelemetry: no metrics are sent", "error", err)
			}
		}
	}
	if t.batches == nil && t.measures == nil {
		return nil
	}
	log.Info("OpenTelemetry is on", "traces", t.batches != nil, "metrics", t.measures != nil)
	return t
}

const scope = "uniapi"

// client is who sends a signal; nil if nobody can, which is told.
func (t *Tracer) client(getenv func(string) string, signal otlp.Signal, version string) *otlp.Client {
	to, problem, err := otlp.NewClient(getenv, signal, "uni-api/"+version)
	if problem != nil {
		t.reports.log.Error("OpenTelemetry: variables cannot be used", "error", problem)
	}
	if err != nil {
		t.reports.log.Error("OpenTelemetry: "+signal.Name+" are not sent", "error", err)
		return nil
	}
	return to
}

func (t *Tracer) startMetrics(to *exporter) error {
	made := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(to)), sdkmetric.WithResource(resource.Empty()), sdkmetric.WithCardinalityLimit(mostSeries))
	t.ends = append(t.ends, func(ctx context.Context) error {
		to.to.Hurry()
		return made.Shutdown(ctx)
	})
	var err error
	t.measures, err = newMeasures(made.Meter(scope))
	return err
}

// longestEnd is how long Close waits for the collector to take what is left.
const longestEnd = 5 * time.Second

// Close sends what is left, as far as the collector takes it in some seconds.
func (t *Tracer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), longestEnd)
	defer cancel()
	ended := make(chan error, len(t.ends))
	for _, end := range t.ends {
		go func() { ended <- end(ctx) }()
	}
	for range t.ends {
		select {
		case err := <-ended:
			if err != nil {
				t.reports.Handle(err)
			}
		case <-ctx.Done():
			t.reports.Handle(ctx.Err())
			return
		}
	}
}

// Lost is how many spans the collector has not got: there was no room for them to wait, or it did not take them.
func (t *Tracer) Lost() int64 {
	if t.batches == nil {
		return 0
	}
	return t.batches.lost.Load()
}

// SpanID is the name of a span in its trace.
type SpanID = trace.SpanID

// Trace is a request's place in a trace, which is known as soon as it comes.
type Trace struct {
	parent     trace.SpanContext // the client's span; not valid if it has named none
	own        trace.SpanContext
	state      string // of own
	propagates bool
}

// longestState is the longest tracestate that is kept and told: what the standard (W3C's Trace Context) asks for at
// least. Every span has it, and every attempt tells it.
const longestState = 512

// Begin finds the place of a request whose head has these lines of traceparent and tracestate, which may be empty. It
// is nil where nothing is traced.
func (t *Tracer) Begin(parent, state []byte) *Trace {
	if t.batches == nil {
		return nil
	}
	tr := &Trace{propagates: t.propagates}
	ctx := context.Background()
	if t.propagates && len(parent) > 0 {
		if len(state) > longestState {
			state = nil // the trace goes on without it
		}
		ctx = propagation.TraceContext{}.Extract(ctx, &lines{string(parent), string(state)})
		tr.parent = trace.SpanContextFromContext(ctx)
	}
	place := trace.SpanContextConfig{TraceID: tr.parent.TraceID(), SpanID: newSpanID(), TraceState: tr.parent.TraceState()}
	if !tr.parent.IsValid() {
		place.TraceID = newTraceID()
	}
	verdict := t.sampler.ShouldSample(sdktrace.SamplingParameters{ParentContext: ctx, TraceID: place.TraceID, Name: "request", Kind: trace.SpanKindServer})
	if verdict.Decision == sdktrace.RecordAndSample {
		place.TraceFlags = trace.FlagsSampled
	}
	tr.own, tr.state = trace.NewSpanContext(place), place.TraceState.String()
	return tr
}

// Child names a span below the request's.
func (t *Trace) Child() SpanID { return newSpanID() }

// Sampled says whether the collector gets it. That nothing is traced it says of nil.
func (t *Trace) Sampled() bool { return t != nil && t.own.IsSampled() }

// ID is the trace's name, as logs have it.
func (t *Trace) ID() string { return t.own.TraceID().String() }

// Headers are what a provider is told of a span below the request's: the values of traceparent and of tracestate, which
// are empty where nothing is to be said.
func (t *Trace) Headers(span SpanID) (parent, state string) {
	if !t.propagates {
		return "", ""
	}
	b := make([]byte, 0, 55)
	id := t.own.TraceID()
	b = hex.AppendEncode(append(b, "00-"...), id[:])
	b = hex.AppendEncode(append(b, '-'), span[:])
	b = append(b, "-00"...)
	if t.own.IsSampled() {
		b[len(b)-1] = '1'
	}
	return string(b), t.state
}

// Propagates says whether traceparent and tracestate are the gateway's to write.
func (t *Trace) Propagates() bool { return t.propagates }

// lines are the two headers as the library reads them.
type lines struct{ parent, state string }

func (l *lines) Get(name string) string {
	switch name {
	case "traceparent":
		return l.parent
	case "tracestate":
		return l.state
	}
	return ""
}

func (*lines) Set(string, string) {}
func (*lines) Keys() []string     { return []string{"traceparent", "tracestate"} }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

func newSpanID() (id trace.SpanID) {
	for !id.IsValid() {
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

func newTraceID() (id trace.TraceID) {
	for !id.IsValid() {
		binary.BigEndian.PutUint64(id[:8], rand.Uint64())
		binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id
}
