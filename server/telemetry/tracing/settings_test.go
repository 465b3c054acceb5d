package tracing

import (
	"strings"
	"testing"
	"time"
)

func TestSettingsAreWhatTheVariablesSay(t *testing.T) {
	const at = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
	usual, _ := samplerOf("", "")
	for _, c := range []struct {
		name, env       string
		traces, metrics bool
		sampler, wrong  string
	}{
		{name: "nothing"},
		{name: "an address", env: at, traces: true, metrics: true},
		{name: "one for traces", env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://collector/v1/traces", traces: true},
		{name: "one for metrics", env: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=https://collector/v1/metrics", metrics: true},
		{name: "no metrics", env: at + "\nOTEL_METRICS_EXPORTER=none", traces: true},
		{name: "no traces", env: at + "\nOTEL_TRACES_EXPORTER=none", metrics: true},
		{name: "by name, at the usual address", env: "OTEL_TRACES_EXPORTER=otlp", traces: true},
		{name: "another exporter", env: at + "\nOTEL_TRACES_EXPORTER=zipkin", metrics: true, wrong: `OTEL_TRACES_EXPORTER is "zipkin", and only otlp and none`},
		{name: "disabled", env: at + "\nOTEL_SDK_DISABLED=True"},
		{name: "not disabled", env: at + "\nOTEL_SDK_DISABLED=1", traces: true, metrics: true},
		{name: "protobuf", env: at + "\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", traces: true, metrics: true},
		{name: "grpc", env: at + "\nOTEL_EXPORTER_OTLP_PROTOCOL=grpc", wrong: `only http/protobuf is spoken`},
		{name: "grpc for metrics", env: at + "\nOTEL_EXPORTER_OTLP_METRICS_PROTOCOL=grpc", traces: true, wrong: "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"},
		{name: "grpc for all but traces", env: at + "\nOTEL_EXPORTER_OTLP_PROTOCOL=grpc\nOTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf", traces: true, wrong: "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{name: "json", env: at + "\nOTEL_EXPORTER_OTLP_PROTOCOL=http/json", wrong: `"http/json"`},
		{name: "no address", env: "OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", wrong: "OTEL_EXPORTER_OTLP_ENDPOINT is to be an address like"},
		{name: "never", env: at + "\nOTEL_TRACES_SAMPLER=always_off", traces: true, metrics: true, sampler: "AlwaysOffSampler"},
		{name: "a share", env: at + "\nOTEL_TRACES_SAMPLER=traceidratio\nOTEL_TRACES_SAMPLER_ARG=0.25", traces: true, metrics: true, sampler: "TraceIDRatioBased{0.25}"},
		{name: "a share of what begins here", env: at + "\nOTEL_TRACES_SAMPLER=parentbased_traceidratio\nOTEL_TRACES_SAMPLER_ARG=0.25", traces: true, metrics: true, sampler: "root:TraceIDRatioBased{0.25}"},
		{name: "a share that is none", env: at + "\nOTEL_TRACES_SAMPLER=traceidratio\nOTEL_TRACES_SAMPLER_ARG=NaN", traces: true, metrics: true, wrong: "OTEL_TRACES_SAMPLER_ARG is a share"},
		{name: "an unknown sampler", env: at + "\nOTEL_TRACES_SAMPLER=jaeger_remote", traces: true, metrics: true, wrong: `OTEL_TRACES_SAMPLER is "jaeger_remote"`},
		{name: "another propagator", env: at + "\nOTEL_PROPAGATORS=b3", traces: true, metrics: true, wrong: `OTEL_PROPAGATORS names "b3"`},
		{name: "no queue", env: at + "\nOTEL_BSP_MAX_QUEUE_SIZE=-1", traces: true, metrics: true, wrong: "OTEL_BSP_MAX_QUEUE_SIZE"},
		{name: "no delay", env: at + "\nOTEL_BSP_SCHEDULE_DELAY=5s", traces: true, metrics: true, wrong: `OTEL_BSP_SCHEDULE_DELAY is a number of milliseconds above 0, not "5s"; 5000 holds`},
		{name: "another temporality", env: at + "\nOTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=some", traces: true, metrics: true, wrong: "TEMPORALITY_PREFERENCE is"},
		{name: "another aggregation", env: at + "\nOTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=some", traces: true, metrics: true, wrong: "HISTOGRAM_AGGREGATION is"},
	} {
		s, err := read(func(name string) string {
			for line := range strings.Lines(c.env) {
				if n, value, _ := strings.Cut(strings.TrimSpace(line), "="); n == name {
					return value
				}
			}
			return ""
		})
		if s.traces != c.traces || s.metrics != c.metrics {
			t.Errorf("%s: traces %v, metrics %v", c.name, s.traces, s.metrics)
		}
		if (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s is told twice: %v", c.name, err)
		}
		want := c.sampler
		if want == "" {
			want = usual.Description()
		}
		if s.sampler != nil && !strings.Contains(s.sampler.Description(), want) {
			t.Errorf("%s: %s", c.name, s.sampler.Description())
		}
	}
}

func TestPropagatorsAreTraceContextOrNone(t *testing.T) {
	for names, want := range map[string]bool{"": true, "tracecontext": true, "tracecontext,baggage": true, "baggage": false, "none": false} {
		if is, err := propagatesBy(names); is != want || err != nil {
			t.Errorf("%q: %v, %v", names, is, err)
		}
	}
}

func TestBatchesAreWhatTheVariablesSay(t *testing.T) {
	for _, c := range []struct {
		set  map[string]string
		want batching
	}{
		{nil, batching{8192, 512, 5 * time.Second, 30 * time.Second}},
		{map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "100"}, batching{100, 100, 5 * time.Second, 30 * time.Second}},
		{map[string]string{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "7", "OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_BSP_EXPORT_TIMEOUT": "30"}, batching{8192, 7, 20 * time.Millisecond, 30 * time.Millisecond}},
	} {
		if got, err := batchingBy(func(name string) string { return c.set[name] }); got != c.want || err != nil {
			t.Errorf("%v: %+v, %v", c.set, got, err)
		}
	}
}
