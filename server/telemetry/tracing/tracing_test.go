package tracing

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"uniapi/server/telemetry/tracing/tracingtest"
)

// log is one that several may write.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// started is a tracer that sends to an address, by the process's environment, which the library reads itself.
func started(t testing.TB, address string, env ...string) (*Tracer, *log) {
	t.Helper()
	for _, set := range append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + address, "OTEL_TRACES_SAMPLER=", "OTEL_TRACES_EXPORTER=", "OTEL_METRICS_EXPORTER="}, env...) {
		name, value, _ := strings.Cut(set, "=")
		t.Setenv(name, value)
	}
	l := new(log)
	tracer := Start(os.Getenv, slog.New(slog.NewTextHandler(l, nil)), "v0-test")
	if tracer == nil {
		t.Fatal("nothing is sent: ", l)
	}
	return tracer, l
}

var began = time.Unix(1_800_000_000, 0)

// request is one with two attempts, in a place of its own.
func request(t *Tracer) *Request {
	return with(t.Begin(nil, nil))
}

func with(tr *Trace) *Request {
	r := &Request{
		Trace: tr, ID: "r1", Method: "POST", Route: "/v1/chat/completions", Operation: "chat", Model: "m", Known: "m", Key: "team", Stream: true,
		Status: 200, Start: began, End: began.Add(3 * time.Second), FirstByte: 1500 * time.Millisecond, Tokens: Tokens{Input: 30, Output: 5}, Cost: 2_500_000,
		Attempts: []Attempt{
			{Provider: "first", Maker: "openai", Model: "gpt", Key: 2, Status: 429, Error: "rate_limit", Began: time.Millisecond, Ended: time.Second},
			{Provider: "second", Maker: "anthropic", Model: "claude", Status: 200, Began: time.Second, Ended: 3 * time.Second, FirstByte: 500 * time.Millisecond, Answered: true,
				LeftOut: []string{"logprobs"}, Tokens: Tokens{Input: 20, Output: 5, Cached: 15, CacheWrite: 1, Reasoning: 2}},
		},
	}
	if tr != nil {
		for i := range r.Attempts {
			r.Attempts[i].Span = tr.Child()
		}
	}
	return r
}

func TestSpansTellOfARequestAndOfEachAttempt(t *testing.T) {
	c := tracingtest.Listen(t)
	tracer, l := started(t, c.URL, "OTEL_SERVICE_NAME=gate", "OTEL_RESOURCE_ATTRIBUTES=team=a,service.name=b", "OTEL_EXPORTER_OTLP_HEADERS=x-token=sesame")
	r := request(tracer)
	tracer.End(r)
	tracer.Close()
	spans := c.Await(t, 3)
	if len(spans) != 3 || tracer.Lost() != 0 || strings.Contains(l.String(), "WARN") {
		t.Fatalf("%d spans, %d lost: %s", len(spans), tracer.Lost(), l)
	}
	first, second, whole := spans[0], spans[1], spans[2]
	if whole.Kind != "SERVER" || whole.Name != "POST /v1/chat/completions" || whole.Parent != "" || whole.Failed || !whole.Start.Equal(r.Start) || !whole.End.Equal(r.End) ||
		whole.Events["first byte"] != r.FirstByte {
		t.Errorf("%+v", whole)
	}
	for i, s := range []tracingtest.Span{first, second} {
		a := r.Attempts[i]
		if s.Kind != "CLIENT" || s.Name != "chat "+a.Model || s.Trace != whole.Trace || s.Parent != whole.ID || s.ID != a.Span.String() || s.Failed != (a.Error != "") ||
			!s.Start.Equal(r.Start.Add(a.Began)) || !s.End.Equal(r.Start.Add(a.Ended)) || s.Events["first byte"] != a.FirstByte {
			t.Errorf("%+v", s)
		}
	}
	for _, test := range []struct {
		got, want map[string]any
	}{
		{whole.Attributes, map[string]any{"http.request.method": "POST", "http.route": "/v1/chat/completions", "http.response.status_code": int64(200), "gen_ai.operation.name": "chat",
			"gen_ai.request.model": "m", "gen_ai.request.stream": true, "uniapi.request.id": "r1", "uniapi.attempts": int64(2), "uniapi.key": "team", "uniapi.tokens.input": int64(30),
			"uniapi.tokens.output": int64(5), "uniapi.cost.dollars": 0.0025}},
		{first.Attributes, map[string]any{"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt", "gen_ai.request.stream": true, "uniapi.provider": "first",
			"uniapi.provider.key": int64(2), "http.response.status_code": int64(429), "error.type": "rate_limit"}},
		{second.Attributes, map[string]any{"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude", "gen_ai.request.stream": true,
			"uniapi.provider": "second", "http.response.status_code": int64(200), "uniapi.left_out": second.Attributes["uniapi.left_out"], "gen_ai.response.time_to_first_chunk": 0.5,
			"gen_ai.usage.input_tokens": int64(20), "gen_ai.usage.output_tokens": int64(5), "gen_ai.usage.cache_read.input_tokens": int64(15),
			"gen_ai.usage.cache_creation.input_tokens": int64(1), "gen_ai.usage.reasoning.output_tokens": int64(2)}},
	} {
		if !maps.Equal(test.got, test.want) {
			t.Errorf("got  %v\nwant %v", test.got, test.want)
		}
	}
	if got := fmt.Sprint(second.Attributes["uniapi.left_out"]); !strings.Contains(got, "logprobs") {
		t.Error(got)
	}
	if of := whole.Resource; of["service.name"] != "gate" || of["team"] != "a" || of["service.version"] != "v0-test" || of["service.instance.id"] == "" || of["telemetry.sdk.language"] != "go" {
		t.Error(of)
	}
	if c.Header("X-Token") != "sesame" {
		t.Error("OTEL_EXPORTER_OTLP_HEADERS were not sent")
	}
}

func TestHistogramsHaveTheSpansThatTheyCountAsExemplars(t *testing.T) {
	c := tracingtest.Listen(t)
	tracer, _ := started(t, c.URL)
	r := request(tracer)
	tracer.End(r)
	tracer.Close()
	for name, want := range map[string][]string{ // the spans of its points
		"gen_ai.server.request.duration":              {r.Trace.own.SpanID().String()},
		"gen_ai.server.time_to_first_token":           {r.Trace.own.SpanID().String()},
		"gen_ai.client.operation.duration":            {r.Attempts[0].Span.String(), r.Attempts[1].Span.String()},
		"gen_ai.client.operation.time_to_first_chunk": {r.Attempts[1].Span.String()},
		"gen_ai.client.token.usage":                   {r.Attempts[1].Span.String(), r.Attempts[1].Span.String()},
	} {
		points := c.Metric(name).GetHistogram().GetDataPoints()
		if len(points) != len(want) {
			t.Errorf("%s has %d points, want %d", name, len(points), len(want))
			continue
		}
		found := map[string]int{}
		for _, p := range points {
			for _, e := range p.GetExemplars() {
				found[fmt.Sprintf("%x", e.GetSpanId())]++
				if trace := fmt.Sprintf("%x", e.GetTraceId()); trace != r.Trace.ID() {
					t.Errorf("%s: an exemplar of the trace %s", name, trace)
				}
			}
			if p.GetCount() != 1 {
				t.Errorf("%s counts %d", name, p.GetCount())
			}
		}
		wanted := map[string]int{}
		for _, id := range want {
			wanted[id]++
		}
		if !maps.Equal(found, wanted) {
			t.Errorf("%s has exemplars of %v, want %v", name, found, wanted)
		}
	}
}

func TestHistogramsAreOfTheKindThatIsAskedFor(t *testing.T) {
	c := tracingtest.Listen(t)
	tracer, _ := started(t, c.URL, "OTEL_EXPORTER_OTLP_COMPRESSION=gzip", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta", "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=base2_exponential_bucket_histogram")
	tracer.End(request(tracer))
	tracer.Close()
	of := c.Metric("gen_ai.server.request.duration").GetExponentialHistogram()
	if points := of.GetDataPoints(); len(points) != 1 || points[0].GetCount() != 1 || points[0].GetSum() != 3 || len(points[0].GetExemplars()) != 1 || of.GetAggregationTemporality() != metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA {
		t.Error(of)
	}
}

func TestSignalThatCannotBeSentIsToldAndTheOtherIsSent(t *testing.T) {
	c := tracingtest.Listen(t)
	tracer, l := started(t, c.URL, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE=/nowhere", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT=soon")
	tracer.End(with(tracer.Begin(nil, nil)))
	tracer.Close()
	if said := l.String(); c.Metric("gen_ai.server.request.duration") == nil || len(c.Spans()) != 0 || !strings.Contains(said, "traces are not sent") || !strings.Contains(said, "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT is a number") {
		t.Error(said)
	}
}

func TestTraceIsTheClientsWhereItHasOne(t *testing.T) {
	const (
		id     = "0af7651916cd43dd8448eb211c80319c"
		parent = "b7ad6b7169203331"
	)
	for _, c := range []struct {
		name, sampler, traceparent, tracestate string
		continues                              bool
		state, flags                           string
	}{
		{name: "none", flags: "01"},
		{name: "sampled", traceparent: "00-" + id + "-" + parent + "-01", tracestate: "a=1,b=2", continues: true, state: "a=1,b=2", flags: "01"},
		{name: "not sampled", traceparent: "00-" + id + "-" + parent + "-00", continues: true, flags: "00"},
		{name: "not sampled, and all are", sampler: "always_on", traceparent: "00-" + id + "-" + parent + "-00", continues: true, flags: "01"},
		{name: "sampled, and none are", sampler: "always_off", traceparent: "00-" + id + "-" + parent + "-01", continues: true, flags: "00"},
		{name: "of a later version", traceparent: "01-" + id + "-" + parent + "-01-more", continues: true, flags: "01"},
		{name: "a state that is none", traceparent: "00-" + id + "-" + parent + "-01", tracestate: "a=1\r\nX-Evil: 1", continues: true, flags: "01"},
		{name: "the longest state", traceparent: "00-" + id + "-" + parent + "-01", tracestate: "a=1,b=" + strings.Repeat("x", 250) + ",c=" + strings.Repeat("y", 253), continues: true, state: "a=1,b=" + strings.Repeat("x", 250) + ",c=" + strings.Repeat("y", 253), flags: "01"},
		{name: "a longer one", traceparent: "00-" + id + "-" + parent + "-01", tracestate: "a=1,b=" + strings.Repeat("x", 250) + ",c=" + strings.Repeat("y", 254), continues: true, flags: "01"},
		{name: "a state alone", tracestate: "a=1", flags: "01"},
		{name: "no ids", traceparent: "00-" + strings.Repeat("0", 32) + "-" + parent + "-01", flags: "01"},
		{name: "too short", traceparent: "00-" + id, flags: "01"},
		{name: "no version", traceparent: "ff-" + id + "-" + parent + "-01", flags: "01"},
		{name: "capital letters", traceparent: "00-" + strings.ToUpper(id) + "-" + parent + "-01", flags: "01"},
		{name: "no letters at all", traceparent: "\x00\xff", flags: "01"},
	} {
		tracer, _ := started(t, "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER=none", "OTEL_TRACES_SAMPLER="+c.sampler)
		tr := tracer.Begin([]byte(c.traceparent), []byte(c.tracestate))
		span := tr.Child()
		told, state := tr.Headers(span)
		if (tr.ID() == id) != c.continues || state != c.state || told != "00-"+tr.ID()+"-"+span.String()+"-"+c.flags || c.continues && tr.parent.SpanID().String() != parent {
			t.Errorf("%s: %q %q", c.name, told, state)
		}
		tracer.Close()
	}
}

func FuzzBegin(f *testing.F) {
	f.Add([]byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), []byte("a=1"))
	f.Add([]byte("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x"), []byte("a=1,,b= 2"))
	sampler, err := samplerOf("", "")
	if err != nil {
		f.Fatal(err)
	}
	tracer := &Tracer{propagates: true, batches: new(batches), sampler: sampler}
	f.Fuzz(func(t *testing.T, parent, state []byte) {
		tr := tracer.Begin(parent, state)
		told, list := tr.Headers(tr.Child())
		if len(told) != 55 || strings.ContainsAny(told+list, "\r\n\x00") || len(list) > len(state) {
			t.Errorf("%q %q", told, list)
		}
	})
}

func TestTracerThatPropagatesNothingTellsNobody(t *testing.T) {
	tracer, _ := started(t, "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER=none", "OTEL_PROPAGATORS=none")
	defer tracer.Close()
	tr := tracer.Begin([]byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), nil)
	if told, state := tr.Headers(tr.Child()); told != "" || state != "" || tr.parent.IsValid() {
		t.Errorf("%q %q", told, state)
	}
}

func TestWhatIsNotSampledIsMeasuredOnly(t *testing.T) {
	c := tracingtest.Listen(t)
	tracer, _ := started(t, c.URL, "OTEL_TRACES_SAMPLER=always_off")
	tracer.End(request(tracer))
	tracer.Close()
	points := c.Metric("gen_ai.server.request.duration").GetHistogram().GetDataPoints()
	if len(points) != 1 || points[0].GetCount() != 1 || len(points[0].GetExemplars()) != 0 || len(c.Spans()) != 0 {
		t.Error(points, c.Spans())
	}
}

func TestMetricsAloneHaveNoTraces(t *testing.T) {
	c := tracingtest.Listen(t)
	tracer, _ := started(t, c.URL, "OTEL_TRACES_EXPORTER=none")
	if tr := tracer.Begin(nil, nil); tr != nil {
		t.Error(tr)
	}
	tracer.End(with(nil))
	tracer.Close()
	if len(c.Metric("gen_ai.client.token.usage").GetHistogram().GetDataPoints()) != 2 {
		t.Error(c.Metric("gen_ai.client.token.usage"))
	}
}

// TestCollectorThatFailsCostsSpansAndNothingElse has collectors that are away, hang, refuse and talk nonsense.
func TestCollectorThatFailsCostsSpansAndNothingElse(t *testing.T) {
	const gone = "127.0.0.1:1" // a port that no other test gets
	leave := make(chan struct{})
	defer close(leave)
	for name, answer := range map[string]http.HandlerFunc{
		"away": nil,
		"hangs": func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			select {
			case <-leave:
			case <-r.Context().Done():
			}
		},
		"refuses": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("no ", 1000), http.StatusForbidden)
		},
		"is busy": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"nonsense": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-protobuf")
			w.Write([]byte("\xff\xff<html>"))
		},
	} {
		address := "http://" + gone
		if answer != nil {
			c := tracingtest.Listen(t)
			c.Answer, address = answer, c.URL
		}
		tracer, l := started(t, address, "OTEL_METRICS_EXPORTER=none", "OTEL_BSP_MAX_QUEUE_SIZE=10", "OTEL_EXPORTER_OTLP_TIMEOUT=200")
		for range 20 { // 60 spans: more than may wait
			tracer.End(request(tracer))
		}
		before := time.Now()
		tracer.Close()
		if took := time.Since(before); took > 4*longestEnd {
			t.Errorf("%s: ending took %v", name, took)
		}
		// What was handed on may be sent or not; nothing is both, and nothing waits for ever.
		if lost := tracer.Lost(); name != "nonsense" && lost < 40 || lost > 60 || tracer.batches.now.Load() > 10 {
			t.Errorf("%s: %d of 60 lost, %d wait", name, lost, tracer.batches.now.Load())
		}
		if said := l.String(); strings.Count(said, "level=WARN") > 1 || len(said) > 2000 || name != "nonsense" && !strings.Contains(said, "level=WARN") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

func TestReportsAreAtMostOneAMinute(t *testing.T) {
	l := new(log)
	r := &reports{log: slog.New(slog.NewTextHandler(l, nil))}
	for range 5 {
		r.tell("it fails")
	}
	r.last = r.last.Add(-reportEvery)
	r.tell("it fails")
	if said := l.String(); strings.Count(said, "it fails") != 2 || !strings.Contains(said, "failures_since_the_last_line=4") {
		t.Error(said)
	}
}

var clientsSpan = []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

// served is a request with one attempt, whose provider was told of its span.
func served(t *Tracer) *Request {
	r := with(t.Begin(clientsSpan, nil))
	r.Attempts = r.Attempts[1:]
	r.Trace.Headers(r.Attempts[0].Span)
	return r
}

func TestSpansThatComeFasterThanTheyAreTakenAreLostAndCounted(t *testing.T) {
	c := tracingtest.Listen(t)
	asked, goOn := make(chan struct{}, 1), make(chan struct{})
	c.Before = func() {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-goOn
	}
	tracer, l := started(t, c.URL, "OTEL_METRICS_EXPORTER=none", "OTEL_BSP_MAX_QUEUE_SIZE=30", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=7")
	const requests = 1000
	for range requests {
		tracer.End(request(tracer))
	}
	<-asked // none has been taken: a request with the first seven is under way
	if lost, now := tracer.Lost(), tracer.batches.now.Load(); lost != 3*requests-30 || now != 30 {
		t.Errorf("%d are lost and %d wait", lost, now)
	}
	close(goOn)
	tracer.Close()
	if sent, lost := int64(len(c.Spans())), tracer.Lost(); sent != 30 || lost != 3*requests-30 {
		t.Errorf("%d are sent and %d lost", sent, lost)
	}
	if said := l.String(); strings.Count(said, "level=WARN") != 1 || !strings.Contains(said, "more come than are taken") {
		t.Error(said)
	}
}

// TestSpansThatWaitAreBoundedByTheirBytes tells of requests with long texts, as somebody without a key may send them,
// while the collector takes nothing.
func TestSpansThatWaitAreBoundedByTheirBytes(t *testing.T) {
	c := tracingtest.Listen(t)
	goOn := make(chan struct{})
	c.Before = func() { <-goOn }
	const most, size = 64, 8
	tracer, _ := started(t, c.URL, "OTEL_METRICS_EXPORTER=none", fmt.Sprint("OTEL_BSP_MAX_QUEUE_SIZE=", most), fmt.Sprint("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=", size))
	long := request(tracer)
	long.ID, long.Model, long.Attempts = strings.Repeat("i", 5000), strings.Repeat("m", 5000), nil
	for range 2 * most {
		tracer.End(long)
	}
	b := tracer.batches
	b.mu.Lock()
	held, largest := b.held, 0
	for _, of := range append(b.full, b.filling) {
		largest = max(largest, len(of.data))
	}
	b.mu.Unlock()
	const one = 11_000 // bytes of such a span
	if held > most*spanRoom+one || largest > size*spanRoom+one || tracer.Lost() == 0 {
		t.Errorf("%d bytes are held, %d in one batch, and %d spans lost", held, largest, tracer.Lost())
	}
	close(goOn)
	tracer.Close()
	if sent, lost := int64(len(c.Spans())), tracer.Lost(); sent+lost != 2*most || b.held != 0 {
		t.Errorf("%d are sent and %d lost; %d bytes are still held", sent, lost, b.held)
	}
}

func TestBatchIsSentWhenItIsFullAndAfterAWhile(t *testing.T) {
	for _, c := range []struct {
		name, size, delay string
		requests          int
	}{
		{"full", "6", "3600000", 2}, // they come though nobody flushes
		{"after a while", "512", "10", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := tracingtest.Listen(t)
			tracer, _ := started(t, to.URL, "OTEL_METRICS_EXPORTER=none", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE="+c.size, "OTEL_BSP_SCHEDULE_DELAY="+c.delay)
			for range c.requests {
				tracer.End(request(tracer))
			}
			to.Await(t, 3*c.requests)
			tracer.Close()
			if n := len(to.Spans()); n != 3*c.requests {
				t.Errorf("%d spans came", n)
			}
		})
	}
}

func TestSpansThatTheCollectorRejectsAreLost(t *testing.T) {
	c := tracingtest.Listen(t)
	c.Answer = func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-protobuf")
		io.WriteString(w, "\x0a\x0b\x08\x02\x12\x07too old") // partial_success: rejected_spans 2, error_message
	}
	tracer, l := started(t, c.URL, "OTEL_METRICS_EXPORTER=none")
	tracer.End(request(tracer))
	tracer.Close()
	if tracer.Lost() != 2 || !strings.Contains(l.String(), `message="too old" rejected=2 lost=2`) {
		t.Errorf("%d lost: %s", tracer.Lost(), l)
	}
}
