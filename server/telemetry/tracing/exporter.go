package tracing

import (
	"context"
	"fmt"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"uniapi/server/telemetry/tracing/otlp"
)

// exporter sends what the library has measured.
type exporter struct {
	to          *otlp.Client
	envelope    otlp.Envelope
	reports     *reports
	temporality sdkmetric.TemporalitySelector
	aggregation sdkmetric.AggregationSelector
}

// Temporality is what an instrument's points are counted since.
func (e *exporter) Temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	return e.temporality(kind)
}

// Aggregation is what is made of an instrument's measurements.
func (e *exporter) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return e.aggregation(kind)
}

// Export sends what has been measured, all of which is of one scope.
func (e *exporter) Export(ctx context.Context, measured *metricdata.ResourceMetrics) error {
	var data []byte
	var err error
	for i := range measured.ScopeMetrics {
		if data, err = otlp.AppendMetrics(data, measured.ScopeMetrics[i].Metrics); err != nil {
			return fmt.Errorf("writing metrics: %w", err)
		}
	}
	if len(data) == 0 {
		return nil
	}
	partial, err := e.to.Send(ctx, e.envelope.Around(data))
	if err != nil {
		return fmt.Errorf("sending metrics: %w", err)
	}
	if partial != (otlp.Partial{}) {
		e.reports.tell("OpenTelemetry: the collector complains of metrics", "message", clip(partial.Message), "rejected", partial.Rejected)
	}
	return nil
}

// ForceFlush has nothing to do: nothing waits here.
func (*exporter) ForceFlush(context.Context) error { return nil }

// Shutdown ends the connections.
func (e *exporter) Shutdown(context.Context) error {
	e.to.Close()
	return nil
}
