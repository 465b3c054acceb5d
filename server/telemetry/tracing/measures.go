package tracing

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// measures are the histograms, by the names and bounds that OpenTelemetry's conventions for generative AI give them.
type measures struct {
	tokens                    metric.Int64Histogram
	served, servedFirst       metric.Float64Histogram // as the client sees it
	operation, operationFirst metric.Float64Histogram // as the gateway sees a provider
	sets                      sync.Map                // metric.MeasurementOption by labels
	kept                      atomic.Int64            // of them
}

// labels are what a measurement is told apart by.
type labels struct{ operation, maker, provider, model, failure, token string }

var (
	secondBounds     = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	firstTokenBounds = []float64{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	tokenBounds      = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
)

func newMeasures(from metric.Meter) (*measures, error) {
	m := new(measures)
	for _, h := range []struct {
		to         *metric.Float64Histogram
		name, help string
		bounds     []float64
	}{
		{&m.served, "gen_ai.server.request.duration", "Time from a request's arrival to the end of its answer.", secondBounds},
		{&m.servedFirst, "gen_ai.server.time_to_first_token", "Time from a request's arrival to the first byte of its answer, of streams that succeeded.", firstTokenBounds},
		{&m.operation, "gen_ai.client.operation.duration", "Time that an attempt at a provider took.", secondBounds},
		{&m.operationFirst, "gen_ai.client.operation.time_to_first_chunk", "Time from the beginning of an attempt to the first event of its stream.", firstTokenBounds},
	} {
		made, err := from.Float64Histogram(h.name, metric.WithUnit("s"), metric.WithDescription(h.help), metric.WithExplicitBucketBoundaries(h.bounds...))
		if err != nil {
			return nil, fmt.Errorf("making %s: %w", h.name, err)
		}
		*h.to = made
	}
	var err error
	if m.tokens, err = from.Int64Histogram("gen_ai.client.token.usage", metric.WithUnit("{token}"), metric.WithDescription("Tokens of prompts and answers."), metric.WithExplicitBucketBoundaries(tokenBounds...)); err != nil {
		return nil, fmt.Errorf("making gen_ai.client.token.usage: %w", err)
	}
	return m, nil
}

// record measures a request that has ended. The spans that the measurements belong to are their exemplars.
func (m *measures) record(r *Request) {
	ctx := within(r.Trace, SpanID{})
	of := labels{operation: r.Operation, model: r.Known, failure: r.Error}
	for i := range r.Attempts {
		if a := &r.Attempts[i]; a.Answered || i == len(r.Attempts)-1 {
			of.maker, of.provider = a.Maker, a.Provider
		}
	}
	m.served.Record(ctx, r.End.Sub(r.Start).Seconds(), m.set(of))
	if r.Stream && r.FirstByte > 0 && r.Error == "" {
		m.servedFirst.Record(ctx, r.FirstByte.Seconds(), m.set(of))
	}
	for i := range r.Attempts {
		a := &r.Attempts[i]
		if a.Status == 0 {
			continue // nobody waited for it: its time says nothing
		}
		ctx := within(r.Trace, a.Span)
		of := labels{operation: r.Operation, maker: a.Maker, provider: a.Provider, model: a.Model, failure: a.Error}
		m.operation.Record(ctx, (a.Ended - a.Began).Seconds(), m.set(of))
		of.failure = ""
		if r.Stream && a.FirstByte > 0 {
			m.operationFirst.Record(ctx, a.FirstByte.Seconds(), m.set(of))
		}
		if a.Tokens == (Tokens{}) {
			continue
		}
		of.token = "input"
		m.tokens.Record(ctx, a.Tokens.Input, m.set(of))
		of.token = "output"
		m.tokens.Record(ctx, a.Tokens.Output, m.set(of))
	}
}

// within is the context of a span of a request, or of the request's own, for exemplars.
func within(t *Trace, span SpanID) context.Context {
	ctx := context.Background()
	if !t.Sampled() {
		return ctx
	}
	if of := t.own; !span.IsValid() {
		return trace.ContextWithSpanContext(ctx, of)
	}
	return trace.ContextWithSpanContext(ctx, t.own.WithSpanID(span))
}

// set is the attributes of labels, which are made once for the first of them that come.
func (m *measures) set(of labels) metric.MeasurementOption {
	if made, is := m.sets.Load(of); is {
		return made.(metric.MeasurementOption)
	}
	attrs := make([]attribute.KeyValue, 0, 6)
	for _, a := range []struct{ name, value string }{
		{"gen_ai.operation.name", of.operation}, {"gen_ai.provider.name", of.maker}, {"uniapi.provider", of.provider},
		{"gen_ai.request.model", of.model}, {"error.type", of.failure}, {"gen_ai.token.type", of.token},
	} {
		if a.value != "" {
			attrs = append(attrs, attribute.String(a.name, a.value))
		}
	}
	made := metric.WithAttributeSet(attribute.NewSet(attrs...))
	if m.kept.Load() < 4*mostSeries {
		m.kept.Add(1)
		m.sets.Store(of, made)
	}
	return made
}
