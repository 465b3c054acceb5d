package otlp

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

var (
	from, to = time.Unix(1_800_000_000, 1), time.Unix(1_800_000_060, 2)
	trace    = []byte("0123456789abcdef")
	span     = []byte("01234567")
)

func text(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func extreme[N int64 | float64](n N) metricdata.Extrema[N] { return metricdata.NewExtrema(n) }

func TestMetricsAreTheMessagesOfOTLP(t *testing.T) {
	labels := attribute.NewSet(attribute.String("a", "1"), attribute.String("b", "2"))
	kept := []metricdata.Exemplar[int64]{{Time: to, Value: -7, SpanID: span, TraceID: trace, FilteredAttributes: []attribute.KeyValue{attribute.String("c", "3")}}}
	list := []metricdata.Metrics{
		{Name: "whole", Description: "of whole numbers", Unit: "{token}", Data: metricdata.Histogram[int64]{Temporality: metricdata.CumulativeTemporality, DataPoints: []metricdata.HistogramDataPoint[int64]{
			{Attributes: labels, StartTime: from, Time: to, Count: 3, Sum: -4, Bounds: []float64{1, 2.5}, BucketCounts: []uint64{1, 0, 2}, Min: extreme[int64](-9), Max: extreme[int64](5), Exemplars: kept},
			{StartTime: from, Time: to},
		}}},
		{Name: "seconds", Unit: "s", Data: metricdata.Histogram[float64]{Temporality: metricdata.DeltaTemporality, DataPoints: []metricdata.HistogramDataPoint[float64]{
			{StartTime: from, Time: to, Count: 1, Sum: 0.5, BucketCounts: []uint64{1 << 60}, Exemplars: []metricdata.Exemplar[float64]{{Time: from, Value: 0.5, SpanID: span, TraceID: trace}}},
		}}},
		{Name: "following", Data: metricdata.ExponentialHistogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: []metricdata.ExponentialHistogramDataPoint[float64]{
			{Attributes: labels, StartTime: from, Time: to, Count: 9, Sum: math.Inf(1), Scale: -3, ZeroCount: 2, ZeroThreshold: 1e-9, PositiveBucket: metricdata.ExponentialBucket{Offset: -5, Counts: []uint64{1, 0, 300}},
				NegativeBucket: metricdata.ExponentialBucket{Offset: 4}, Min: extreme(-1.5), Max: extreme(1.5)},
		}}},
		{Name: "of whole numbers", Data: metricdata.ExponentialHistogram[int64]{Temporality: metricdata.DeltaTemporality, DataPoints: []metricdata.ExponentialHistogramDataPoint[int64]{
			{StartTime: from, Time: to, Count: 1, Sum: 4, Scale: 20, Exemplars: kept},
		}}},
	}
	data, err := AppendMetrics(nil, list)
	if err != nil {
		t.Fatal(err)
	}
	about, err := resource.New(context.Background(), resource.WithAttributes(attribute.String("service.name", "gate")), resource.WithSchemaURL("https://schema"))
	if err != nil {
		t.Fatal(err)
	}
	got := new(metricspb.MetricsData)
	if err := proto.Unmarshal(NewEnvelope(about, "scope").Around(data), got); err != nil {
		t.Fatal(err)
	}
	ab := []*commonpb.KeyValue{text("a", "1"), text("b", "2")}
	start, end := uint64(from.UnixNano()), uint64(to.UnixNano())
	exemplars := []*metricspb.Exemplar{{TimeUnixNano: end, SpanId: span, TraceId: trace, FilteredAttributes: []*commonpb.KeyValue{text("c", "3")}, Value: &metricspb.Exemplar_AsInt{AsInt: -7}}}
	const cumulative, delta = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	want := []*metricspb.Metric{
		{Name: "whole", Description: "of whole numbers", Unit: "{token}", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{AggregationTemporality: cumulative, DataPoints: []*metricspb.HistogramDataPoint{
			{Attributes: ab, StartTimeUnixNano: start, TimeUnixNano: end, Count: 3, Sum: proto.Float64(-4), ExplicitBounds: []float64{1, 2.5}, BucketCounts: []uint64{1, 0, 2}, Min: proto.Float64(-9), Max: proto.Float64(5), Exemplars: exemplars},
			{StartTimeUnixNano: start, TimeUnixNano: end, Sum: proto.Float64(0)},
		}}}},
		{Name: "seconds", Unit: "s", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{AggregationTemporality: delta, DataPoints: []*metricspb.HistogramDataPoint{
			{StartTimeUnixNano: start, TimeUnixNano: end, Count: 1, Sum: proto.Float64(0.5), BucketCounts: []uint64{1 << 60}, Exemplars: []*metricspb.Exemplar{{TimeUnixNano: start, SpanId: span, TraceId: trace, Value: &metricspb.Exemplar_AsDouble{AsDouble: 0.5}}}},
		}}}},
		{Name: "following", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{AggregationTemporality: cumulative, DataPoints: []*metricspb.ExponentialHistogramDataPoint{
			{Attributes: ab, StartTimeUnixNano: start, TimeUnixNano: end, Count: 9, Sum: proto.Float64(math.Inf(1)), Scale: -3, ZeroCount: 2, ZeroThreshold: 1e-9, Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: -5, BucketCounts: []uint64{1, 0, 300}},
				Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: 4}, Min: proto.Float64(-1.5), Max: proto.Float64(1.5)},
		}}}},
		{Name: "of whole numbers", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{AggregationTemporality: delta, DataPoints: []*metricspb.ExponentialHistogramDataPoint{
			{StartTimeUnixNano: start, TimeUnixNano: end, Count: 1, Sum: proto.Float64(4), Scale: 20, Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{}, Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{}, Exemplars: exemplars},
		}}}},
	}
	wanted := &metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", "gate")}}, SchemaUrl: "https://schema",
		ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: &commonpb.InstrumentationScope{Name: "scope"}, Metrics: want}},
	}}}
	if !proto.Equal(got, wanted) {
		t.Errorf("got\n%s\nwant\n%s", prototext.Format(got), prototext.Format(wanted))
	}
}

func TestMetricsThatAreNoHistogramsAreToldAndLeftOut(t *testing.T) {
	data, err := AppendMetrics(nil, []metricdata.Metrics{{Name: "sum", Data: metricdata.Sum[int64]{}}})
	if len(data) != 0 || err == nil || !strings.Contains(err.Error(), "the metric sum is a metricdata.Sum[int64]") {
		t.Error(data, err)
	}
}

func TestTextsThatAreNoUTF8CostNoMessage(t *testing.T) {
	var s Span
	s.Verb, s.Subject = "chat", "gpt\xff"
	s.Begin()
	s.String("model", "\xc3(")
	s.Strings("list", []string{"\xff", "ü"})
	if got := fmt.Sprintf("%q", s.bytes); strings.Contains(got, `\xff`) || !strings.Contains(got, "gpt?") || !strings.Contains(got, "?(") || !strings.Contains(got, "ü") {
		t.Error(got)
	}
}
