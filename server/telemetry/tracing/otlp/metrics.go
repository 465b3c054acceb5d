package otlp

import (
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/encoding/protowire"
)

// The fields of Metric, and of what is in it.
const (
	metricName        number = 1
	metricDescription number = 2
	metricUnit        number = 3
	metricHistogram   number = 9
	metricExponential number = 10

	dataPoint       number = 1 // Histogram, ExponentialHistogram
	dataTemporality number = 2

	pointStart number = 2 // HistogramDataPoint, ExponentialHistogramDataPoint
	pointTime  number = 3
	pointCount number = 4
	pointSum   number = 5

	histogramCounts    number = 6
	histogramBounds    number = 7
	histogramExemplar  number = 8
	histogramAttribute number = 9
	histogramMin       number = 11
	histogramMax       number = 12

	exponentialAttribute number = 1
	exponentialScale     number = 6
	exponentialZeros     number = 7
	exponentialPositive  number = 8
	exponentialNegative  number = 9
	exponentialExemplar  number = 11
	exponentialMin       number = 12
	exponentialMax       number = 13
	exponentialThreshold number = 14

	bucketsOffset number = 1
	bucketsCounts number = 2

	exemplarTime      number = 2
	exemplarDouble    number = 3
	exemplarSpan      number = 4
	exemplarTrace     number = 5
	exemplarInt       number = 6
	exemplarAttribute number = 7
)

// AppendMetrics adds metrics to the data of an Envelope. Those that are no histograms are left out, and told by the
// error.
func AppendMetrics(data []byte, list []metricdata.Metrics) ([]byte, error) {
	var err error
	for i := range list {
		m := &list[i]
		b := appendText(nil, metricName, m.Name)
		b = appendText(b, metricDescription, m.Description)
		b = appendText(b, metricUnit, m.Unit)
		switch of := m.Data.(type) {
		case metricdata.Histogram[int64]:
			b = appendBytes(b, metricHistogram, histogram(of))
		case metricdata.Histogram[float64]:
			b = appendBytes(b, metricHistogram, histogram(of))
		case metricdata.ExponentialHistogram[int64]:
			b = appendBytes(b, metricExponential, exponential(of))
		case metricdata.ExponentialHistogram[float64]:
			b = appendBytes(b, metricExponential, exponential(of))
		default:
			err = fmt.Errorf("the metric %s is a %T, and only histograms are sent", m.Name, m.Data)
			continue
		}
		data = appendBytes(data, scopeData, b)
	}
	return data, err
}

func histogram[N int64 | float64](h metricdata.Histogram[N]) (b []byte) {
	for i := range h.DataPoints {
		p := &h.DataPoints[i]
		out := appendPoint(nil, p.StartTime, p.Time, p.Count, float64(p.Sum))
		out = appendAttributes(out, histogramAttribute, p.Attributes)
		out = appendFixed64s(out, histogramCounts, p.BucketCounts, func(n uint64) uint64 { return n })
		out = appendFixed64s(out, histogramBounds, p.Bounds, math.Float64bits)
		out = appendExtreme(out, histogramMin, p.Min)
		out = appendExtreme(out, histogramMax, p.Max)
		out = appendExemplars(out, histogramExemplar, p.Exemplars)
		b = appendBytes(b, dataPoint, out)
	}
	return appendVarint(b, dataTemporality, uint64(temporality(h.Temporality)))
}

func exponential[N int64 | float64](h metricdata.ExponentialHistogram[N]) (b []byte) {
	for i := range h.DataPoints {
		p := &h.DataPoints[i]
		out := appendPoint(nil, p.StartTime, p.Time, p.Count, float64(p.Sum))
		out = appendAttributes(out, exponentialAttribute, p.Attributes)
		out = appendVarint(out, exponentialScale, protowire.EncodeZigZag(int64(p.Scale)))
		out = appendFixed64(out, exponentialZeros, p.ZeroCount)
		out = appendDouble(out, exponentialThreshold, p.ZeroThreshold)
		out = appendBuckets(out, exponentialPositive, p.PositiveBucket)
		out = appendBuckets(out, exponentialNegative, p.NegativeBucket)
		out = appendExtreme(out, exponentialMin, p.Min)
		out = appendExtreme(out, exponentialMax, p.Max)
		out = appendExemplars(out, exponentialExemplar, p.Exemplars)
		b = appendBytes(b, dataPoint, out)
	}
	return appendVarint(b, dataTemporality, uint64(temporality(h.Temporality)))
}

// temporality is what OTLP calls one.
func temporality(t metricdata.Temporality) int {
	if t == metricdata.DeltaTemporality {
		return 1
	}
	return 2
}

func appendPoint(b []byte, start, end time.Time, count uint64, sum float64) []byte {
	b = appendFixed64(b, pointStart, nanos(start))
	b = appendFixed64(b, pointTime, nanos(end))
	b = appendFixed64(b, pointCount, count)
	return appendDouble(b, pointSum, sum)
}

func appendAttributes(b []byte, field number, set attribute.Set) []byte {
	for of := set.Iter(); of.Next(); {
		b = appendPair(b, field, of.Attribute())
	}
	return b
}

func appendFixed64s[T any](b []byte, field number, list []T, bits func(T) uint64) []byte {
	if len(list) == 0 {
		return b
	}
	b = appendHead(b, field, 8*len(list))
	for _, item := range list {
		b = protowire.AppendFixed64(b, bits(item))
	}
	return b
}

func appendExtreme[N int64 | float64](b []byte, field number, of metricdata.Extrema[N]) []byte {
	if value, is := of.Value(); is {
		return appendDouble(b, field, float64(value))
	}
	return b
}

func appendBuckets(b []byte, field number, of metricdata.ExponentialBucket) []byte {
	out := appendVarint(nil, bucketsOffset, protowire.EncodeZigZag(int64(of.Offset)))
	var counts []byte
	for _, n := range of.Counts {
		counts = protowire.AppendVarint(counts, n)
	}
	return appendBytes(b, field, appendBytes(out, bucketsCounts, counts))
}

func appendExemplars[N int64 | float64](b []byte, field number, list []metricdata.Exemplar[N]) []byte {
	for i := range list {
		e := &list[i]
		out := appendFixed64(nil, exemplarTime, nanos(e.Time))
		switch value := any(e.Value).(type) {
		case int64:
			out = appendFixed64(out, exemplarInt, uint64(value))
		case float64:
			out = appendDouble(out, exemplarDouble, value)
		}
		for _, kv := range e.FilteredAttributes {
			out = appendPair(out, exemplarAttribute, kv)
		}
		out = appendBytes(appendBytes(out, exemplarSpan, e.SpanID), exemplarTrace, e.TraceID)
		b = appendBytes(b, field, out)
	}
	return b
}
