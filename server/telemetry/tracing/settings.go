package tracing

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// settings are what the standard variables of OpenTelemetry ask for. What is not here is read by package otlp, how a
// collector is reached, and by the SDK: how often metrics are sent, and the resource's attributes.
type settings struct {
	traces, metrics bool
	sampler         sdktrace.Sampler
	propagates      bool // traceparent is read and written
	batching        batching
	temporality     sdkmetric.TemporalitySelector
	aggregation     sdkmetric.AggregationSelector
}

// usualBatching is what holds where the variables say nothing.
var usualBatching = batching{most: 8192, size: 512, delay: 5 * time.Second, timeout: 30 * time.Second}

// read reads the variables. What cannot be had is an error and left out; the rest holds.
func read(getenv func(string) string) (s settings, err error) {
	get := func(name string) string { return strings.TrimSpace(getenv(name)) }
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return settings{}, nil
	}
	var problems []error
	for signal, on := range map[string]*bool{"TRACES": &s.traces, "METRICS": &s.metrics} {
		is, err := wants(get, signal)
		told := func(before error) bool { return before.Error() == err.Error() } // one variable is for both
		if *on = is; err != nil && !slices.ContainsFunc(problems, told) {
			problems = append(problems, err)
		}
	}
	if !s.traces && !s.metrics {
		return settings{}, errors.Join(problems...)
	}
	if s.sampler, err = samplerOf(get("OTEL_TRACES_SAMPLER"), get("OTEL_TRACES_SAMPLER_ARG")); err != nil {
		problems = append(problems, err)
	}
	if s.propagates, err = propagatesBy(get("OTEL_PROPAGATORS")); err != nil {
		problems = append(problems, err)
	}
	if s.batching, err = batchingBy(get); err != nil {
		problems = append(problems, err)
	}
	if s.temporality, err = temporalityOf(get(temporalityVariable)); err != nil {
		problems = append(problems, err)
	}
	if s.aggregation, err = aggregationOf(get(aggregationVariable)); err != nil {
		problems = append(problems, err)
	}
	return s, errors.Join(problems...)
}

// wants says whether a signal is to be sent: where an address is given for it, or otlp is asked for by name.
func wants(get func(string) string, signal string) (bool, error) {
	asked, named := false, "OTEL_"+signal+"_EXPORTER"
	switch exporter := strings.ToLower(get(named)); exporter {
	case "none":
		return false, nil
	case "otlp":
		asked = true
	case "":
	default:
		return false, fmt.Errorf("%s is %q, and only otlp and none are known: nothing is sent", named, exporter)
	}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_" + signal + "_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"} {
		text := get(variable)
		if text == "" {
			continue
		}
		if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return false, fmt.Errorf("%s is to be an address like http://collector:4318: nothing is sent", variable)
		}
		asked = true
		break
	}
	if !asked {
		return false, nil
	}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		switch protocol := strings.ToLower(get(variable)); protocol {
		case "":
			continue
		case "http/protobuf":
			return true, nil
		default:
			return false, fmt.Errorf("%s is %q, and only http/protobuf is spoken: nothing is sent. Collectors take it at a port of its own, usually 4318, where 4317 is for grpc", variable, protocol)
		}
	}
	return true, nil
}

// samplerOf is the sampler of a name, which is the default one if the name or its argument cannot be used.
func samplerOf(name, arg string) (sdktrace.Sampler, error) {
	share := 1.0
	usual := sdktrace.ParentBased(sdktrace.AlwaysSample())
	name = strings.ToLower(name)
	if strings.HasSuffix(name, "traceidratio") && arg != "" {
		var err error
		if share, err = strconv.ParseFloat(arg, 64); err != nil || !(share >= 0 && share <= 1) {
			return usual, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG is a share from 0 to 1, not %q: all is traced", arg)
		}
	}
	switch name {
	case "", "parentbased_always_on":
		return usual, nil
	case "always_on":
		return sdktrace.AlwaysSample(), nil
	case "always_off":
		return sdktrace.NeverSample(), nil
	case "parentbased_always_off":
		return sdktrace.ParentBased(sdktrace.NeverSample()), nil
	case "traceidratio":
		return sdktrace.TraceIDRatioBased(share), nil
	case "parentbased_traceidratio":
		return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(share)), nil
	}
	return usual, fmt.Errorf("OTEL_TRACES_SAMPLER is %q; there are always_on, always_off, traceidratio, and these three behind parentbased_: all is traced", name)
}

// propagatesBy says whether traceparent is read and written. Baggage is left alone, which is in the standard's default.
func propagatesBy(names string) (bool, error) {
	if names == "" {
		return true, nil
	}
	propagates := false
	for name := range strings.SplitSeq(strings.ToLower(names), ",") {
		switch name = strings.TrimSpace(name); name {
		case "tracecontext":
			propagates = true
		case "baggage", "none", "":
		default:
			return true, fmt.Errorf("OTEL_PROPAGATORS names %q, and only tracecontext and none are known: traceparent is read and written", name)
		}
	}
	return propagates, nil
}

// batchingBy reads how spans are collected. A batch is no larger than what may wait.
func batchingBy(get func(string) string) (batching, error) {
	b := usualBatching
	var problems []error
	number := func(name, unit string, of *int) {
		text := get(name)
		if text == "" {
			return
		}
		if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= math.MaxInt32 {
			*of = n
			return
		}
		problems = append(problems, fmt.Errorf("%s is a number of %s above 0, not %q; %d holds", name, unit, text, *of))
	}
	delay, timeout := int(b.delay.Milliseconds()), int(b.timeout.Milliseconds())
	number("OTEL_BSP_MAX_QUEUE_SIZE", "spans", &b.most)
	number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "spans", &b.size)
	number("OTEL_BSP_SCHEDULE_DELAY", "milliseconds", &delay)
	number("OTEL_BSP_EXPORT_TIMEOUT", "milliseconds", &timeout)
	b.size, b.delay, b.timeout = min(b.size, b.most), time.Duration(delay)*time.Millisecond, time.Duration(timeout)*time.Millisecond
	return b, errors.Join(problems...)
}

const (
	temporalityVariable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
	aggregationVariable = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
)

// temporalityOf says whether points count since the beginning or since those before.
func temporalityOf(name string) (sdkmetric.TemporalitySelector, error) {
	switch strings.ToLower(name) {
	case "", "cumulative":
		return sdkmetric.CumulativeTemporalitySelector, nil
	case "delta":
		return sdkmetric.DeltaTemporalitySelector, nil
	case "lowmemory":
		return sdkmetric.LowMemoryTemporalitySelector, nil
	}
	return sdkmetric.CumulativeTemporalitySelector, fmt.Errorf("%s is %q; there are cumulative, delta and lowmemory: cumulative holds", temporalityVariable, name)
}

// aggregationOf says which kind the histograms are of: with the bounds that they are made with, or with ones that
// follow what is measured.
func aggregationOf(name string) (sdkmetric.AggregationSelector, error) {
	switch strings.ToLower(name) {
	case "", "explicit_bucket_histogram":
		return sdkmetric.DefaultAggregationSelector, nil
	case "base2_exponential_bucket_histogram":
		return func(sdkmetric.InstrumentKind) sdkmetric.Aggregation {
			return sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}
		}, nil
	}
	return sdkmetric.DefaultAggregationSelector, fmt.Errorf("%s is %q; there are explicit_bucket_histogram and base2_exponential_bucket_histogram: the first holds", aggregationVariable, name)
}
