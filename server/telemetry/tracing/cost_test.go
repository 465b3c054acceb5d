package tracing

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"uniapi/server/telemetry/tracing/tracingtest"
)

// BenchmarkPlace is what a request costs before it is served: its place in a trace, and what its provider is told of
// it.
func BenchmarkPlace(b *testing.B) {
	tracer, _ := started(b, "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER=none")
	defer tracer.Close()
	for name, parent := range map[string][]byte{"own": nil, "clients": clientsSpan} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t := tracer.Begin(parent, nil)
				t.Headers(t.Child())
			}
		})
	}
}

// BenchmarkSpans is the making of two spans: as bytes, and for comparison as the SDK's, which are no bytes yet.
func BenchmarkSpans(b *testing.B) {
	tracer, _ := started(b, "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER=none")
	tracer.Close()
	r := served(tracer)
	b.Run("bytes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tracer.addSpans(r)
			tracer.batches.filling.spans, tracer.batches.filling.data = 0, tracer.batches.filling.data[:0]
			tracer.batches.now.Store(0)
		}
	})
	b.Run("sdk", func(b *testing.B) {
		made := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.AlwaysSample()), sdktrace.WithIDGenerator(known{}), sdktrace.WithSpanProcessor(nobody{})).Tracer(scope)
		b.ReportAllocs()
		for b.Loop() {
			bySDK(made, r)
		}
	})
}

// nobody takes the SDK's spans.
type nobody struct{}

func (nobody) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (nobody) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (nobody) Shutdown(context.Context) error                  { return nil }
func (nobody) ForceFlush(context.Context) error                { return nil }

// BenchmarkMeasures is the measuring of a request with one attempt: six values.
func BenchmarkMeasures(b *testing.B) {
	tracer, _ := started(b, "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER=none")
	defer tracer.Close()
	m, err := newMeasures(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()), sdkmetric.WithCardinalityLimit(mostSeries)).Meter(scope))
	if err != nil {
		b.Fatal(err)
	}
	r := served(tracer)
	b.ReportAllocs()
	for b.Loop() {
		m.record(r)
	}
}

// BenchmarkLoopback is all of it: a request's place, its spans, its measurements, and that they are sent. The collector
// takes part in it, and no span is lost. cpu-ns/op is the time of all threads.
func BenchmarkLoopback(b *testing.B) {
	for _, compression := range []string{"none", "gzip"} {
		b.Run(compression, func(b *testing.B) {
			c := tracingtest.Listen(b)
			c.Answer = func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }
			tracer, _ := started(b, c.URL, "OTEL_EXPORTER_OTLP_COMPRESSION="+compression)
			defer tracer.Close()
			before := processTime()
			b.ReportAllocs()
			for b.Loop() {
				for tracer.batches.now.Load() > int64(tracer.batches.most)/2 {
					runtime.Gosched()
				}
				tracer.End(served(tracer))
			}
			b.ReportMetric(float64(processTime()-before)/float64(b.N), "cpu-ns/op")
			if lost := tracer.Lost(); lost > 0 {
				b.Errorf("%d spans are lost", lost)
			}
		})
	}
}
