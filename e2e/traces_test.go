package e2e

import (
	"strings"
	"testing"

	"uniapi/server/telemetry/tracing/tracingtest"
)

// traced is how the provider is told that a request is traced: the flags of traceparent, nothing if it is not told of
// it.
func traced(s *stage) string {
	s.chat()
	told := s.a.last().Header.Get("Traceparent")
	return told[strings.LastIndexByte(told, '-')+1:]
}

// tracedTo is traced where there is a collector.
func tracedTo(s *stage) string {
	s.env = append(s.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+s.side.url)
	return traced(s)
}

// collected is the span that a collector gets of a request, at the latest when the gateway ends.
func collected(s *stage) tracingtest.Span {
	c := tracingtest.Listen(s.T)
	s.env = append(s.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL)
	s.chat()
	s.stop()
	spans := c.Await(s.T, 2)
	return spans[len(spans)-1]
}

func TestCollectorGetsTracesAndMetricsOfTheProgram(t *testing.T) {
	c := tracingtest.Listen(t)
	s := newStage(t)
	s.env = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL}
	s.a.answer = fails(500, "out of order")
	s.write(file{}.text(t, inFile, ""))
	s.chat()
	s.stop()
	spans := c.Await(t, 3)
	if len(spans) != 3 || spans[0].Attributes["uniapi.provider"] != "a" || !spans[0].Failed || spans[1].Attributes["uniapi.provider"] != "b" || spans[1].Failed || spans[2].Kind != "SERVER" {
		t.Errorf("%+v", spans)
	}
	for i, up := range []*upstream{s.a, s.b} {
		if told := up.last().Header.Get("Traceparent"); told != "00-"+spans[2].Trace+"-"+spans[i].ID+"-01" {
			t.Errorf("%d was told %q", i, told)
		}
	}
	if len(c.Metric("gen_ai.client.operation.duration").GetHistogram().GetDataPoints()) != 2 {
		t.Error("no metrics of the attempts came")
	}
}

func TestGRPCIsRefusedWithWhatWouldHelp(t *testing.T) {
	s := newStage(t)
	s.env = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}
	s.write(file{}.text(t, inFile, ""))
	s.serve()
	if line := s.log.await(s, "OpenTelemetry: variables cannot be used"); !strings.Contains(line["error"].(string), "4318") {
		t.Error(line)
	}
}
