package server

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool/provider"
	"uniapi/server/telemetry/tracing"
	"uniapi/server/telemetry/tracing/tracingtest"
)

// traces has a gateway send its traces to a collector of the test's. What has not come yet comes by end.
func traces(t *testing.T, env []string, providers ...string) (g *gateway, c *tracingtest.Collector, end func()) {
	t.Helper()
	c = tracingtest.Listen(t)
	for _, set := range append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL}, env...) {
		name, value, _ := strings.Cut(set, "=")
		t.Setenv(name, value)
	}
	tracer := tracing.Start(os.Getenv, slog.New(slog.DiscardHandler), "v0-test")
	g = startWith(t, Options{Tracer: tracer}, providers...)
	return g, c, tracer.Close
}

const (
	clientTrace = "0af7651916cd43dd8448eb211c80319c"
	clientSpan  = "b7ad6b7169203331"
	traceparent = "00-" + clientTrace + "-" + clientSpan + "-01"
)

// quick has no provider rest, and the first one asked first.
const quick = "    preferences: {cooldown_period: 0, passthrough_request_headers: [Traceparent, Tracestate, X-Kept]}\n"

func TestTracesFollowARequestFromItsClientToEachProvider(t *testing.T) {
	refuses, serves := listen(t, says(reply(429, "application/json", errorBody("slow down, "+upstreamKeyText)))), listen(t, both)
	g, c, end := traces(t, nil, providerOf("first", refuses, quick), providerOf("second", serves, quick))
	g.chat(streamRequest, "Traceparent", traceparent, "Tracestate", "vendor=1", "X-Kept", "yes", "X-Request-Id", "mine")
	g.log.Next(t, "request")
	end()
	spans := c.Await(t, 3)
	if len(spans) != 3 {
		t.Fatalf("%d spans: %+v", len(spans), spans)
	}
	first, second, whole := spans[0], spans[1], spans[2]
	if whole.Trace != clientTrace || whole.Parent != clientSpan || whole.Kind != "SERVER" || whole.Name != "POST /v1/chat/completions" || whole.State != "vendor=1" ||
		whole.Attributes["http.response.status_code"] != int64(200) || whole.Attributes["uniapi.request.id"] != "mine" || whole.Attributes["gen_ai.request.model"] != "m" || whole.Events["first byte"] <= 0 {
		t.Errorf("%+v", whole)
	}
	if first.Name != "chat m" || !first.Failed || first.Attributes["error.type"] != "rate_limit" || first.Attributes["http.response.status_code"] != int64(429) || first.Attributes["uniapi.provider"] != "first" ||
		first.Attributes["gen_ai.provider.name"] != "openai" || len(first.Events) != 0 {
		t.Errorf("%+v", first)
	}
	if second.Failed || second.Attributes["uniapi.provider"] != "second" || second.Attributes["gen_ai.usage.input_tokens"] == nil || second.Events["first byte"] <= 0 || second.End.Before(first.End) || !second.End.Equal(whole.End) {
		t.Errorf("%+v", second)
	}
	for i, up := range []*upstream{refuses, serves} {
		asked := up.requests()
		if len(asked) != 1 {
			t.Fatalf("%d was asked %d times", i, len(asked))
		}
		told, states := asked[0].Header["Traceparent"], asked[0].Header["Tracestate"]
		if want := "00-" + clientTrace + "-" + spans[i].ID + "-01"; len(told) != 1 || told[0] != want || len(states) != 1 || states[0] != "vendor=1" || asked[0].Header.Get("X-Kept") != "yes" {
			t.Errorf("%d was told %v %v, want %s", i, told, states, want)
		}
	}
	if all := fmt.Sprint(spans); strings.Contains(all, upstreamKeyText) || strings.Contains(all, clientKeyText) || strings.Contains(all, "slow down") || strings.Contains(all, "hi\"") {
		t.Error("spans tell what was said, or a key: ", all)
	}
}

func TestTraceThatAClientDoesNotNameRightlyIsNotContinued(t *testing.T) {
	up := listen(t, both)
	g, c, end := traces(t, nil, providerOf("p", up, quick))
	for _, header := range [][]string{nil, {"Traceparent", "00-nonsense"}, {"Tracestate", "a=1"}, {"Traceparent", traceparent, "Traceparent", traceparent}} {
		client := g.dial()
		client.post(plainRequest, header...)
		io.ReadAll(client.head().Body)
		g.log.Next(t, "request")
	}
	end()
	seen := map[string]bool{}
	for _, s := range c.Await(t, 8) {
		if s.Kind == "SERVER" && s.Parent != "" || s.Trace == clientTrace {
			t.Errorf("%+v", s)
		}
		seen[s.Trace] = true
	}
	for _, r := range up.requests() {
		if told := r.Header["Traceparent"]; len(told) != 1 || !seen[strings.Split(told[0]+"--", "-")[1]] || r.Header.Get("Tracestate") != "" {
			t.Errorf("the provider was told %v", r.Header)
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d traces", len(seen))
	}
}

func TestTracesTellOfStreamsThatBreakOffAndRequestsThatNobodyServes(t *testing.T) {
	breaks := listen(t, func(p *peer, r seen) bool {
		p.say(streamHead + chunk(event("a")))
		return false
	})
	g, c, end := traces(t, nil, providerOf("p", breaks, quick))
	client := g.dial()
	client.post(streamRequest)
	io.ReadAll(client.head().Body)
	g.log.Next(t, "request")
	g.chat(strings.Replace(plainRequest, `"m"`, `"`+upstreamKeyText+`"`, 1))
	g.log.Next(t, "request")
	g.do("POST", "/v1/chat/completions", plainRequest, "Authorization", "Bearer nobody")
	g.log.Next(t, "request")
	end()
	spans := c.Await(t, 4)
	attempt, broke, unknown, stranger := spans[0], spans[1], spans[2], spans[3]
	if !attempt.Failed || attempt.Attributes["error.type"] != "server" || attempt.Events["first byte"] <= 0 {
		t.Errorf("%+v", attempt)
	}
	if !broke.Failed || broke.Attributes["http.response.status_code"].(int64) < 500 {
		t.Errorf("%+v", broke)
	}
	if unknown.Failed || unknown.Attributes["error.type"] != "404" || strings.Contains(fmt.Sprint(unknown), upstreamKeyText) {
		t.Errorf("%+v", unknown)
	}
	if stranger.Failed || stranger.Attributes["error.type"] != "401" || stranger.Attributes["uniapi.key"] != nil {
		t.Errorf("%+v", stranger)
	}
}

// TestLogAndMetricsNameTheTracesThatTheCollectorHas has a request that is sampled and one that is not.
func TestLogAndMetricsNameTheTracesThatTheCollectorHas(t *testing.T) {
	g, c, end := traces(t, nil, providerOf("p", listen(t, both)))
	for _, test := range []struct {
		flags string
		want  any
	}{{"-01", clientTrace}, {"-00", nil}} {
		g.chat(streamRequest, "Traceparent", strings.TrimSuffix(traceparent, "-01")+test.flags)
		if got := g.log.Next(t, "request")["trace_id"]; got != test.want {
			t.Errorf("%s: the log's line names the trace %v", test.flags, got)
		}
	}
	g.settled(2)
	page, _ := g.page.Text("application/openmetrics-text;version=1.0.0")
	for _, name := range []string{"uniapi_request_seconds_bucket", "uniapi_first_byte_seconds_bucket"} {
		n := 0
		for line := range strings.Lines(string(page)) {
			if strings.HasPrefix(line, name) && strings.Contains(line, ` # {trace_id="`+clientTrace+`"} `) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s has %d exemplars:\n%s", name, n, page)
		}
	}
	end()
	if spans := c.Await(t, 2); len(spans) != 2 {
		t.Errorf("%d spans", len(spans))
	}
}

func TestWithoutATracerTraceparentIsAnyHeader(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up, quick))
	g.chat(plainRequest, "Traceparent", traceparent)
	if told := up.requests()[0].Header["Traceparent"]; len(told) != 1 || told[0] != traceparent {
		t.Error(told)
	}
}

func TestMakersAreCalledAsOpenTelemetryCallsThem(t *testing.T) {
	for address, want := range map[string]string{
		"https://api.openai.com/v1": "openai", "https://api.anthropic.com/v1/messages": "anthropic", "https://generativelanguage.googleapis.com/v1beta": "gcp.gemini",
		"https://x.openai.azure.com": "azure.ai.openai", "https://bedrock-runtime.us-east-1.amazonaws.com": "aws.bedrock", "https://api.cohere.com": "cohere",
		"https://api.deepseek.com/v1": "deepseek", "https://api.groq.com/openai/v1": "groq", "https://api.mistral.ai/v1": "mistral_ai", "https://api.x.ai/v1": "x_ai",
		"https://notx.ai/v1": "openai", "https://europe-west1-aiplatform.googleapis.com": "gcp.vertex_ai", "http://10.0.0.1/v1": "openai",
	} {
		if got := provider.MakerOf(&config.Provider{Name: "p", BaseURL: address}); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

// BenchmarkTracing is what tracing takes of a request with one attempt, while nothing is traced and while all is: its
// place, what its provider is told, its spans, its measurements. The collector is away.
func BenchmarkTracing(b *testing.B) {
	for _, name := range []string{"off", "on"} {
		b.Run(name, func(b *testing.B) {
			var o Options
			if name == "on" {
				b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
				b.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8192") // sending is no part of it
				tracer := tracing.Start(os.Getenv, slog.New(slog.DiscardHandler), "v0-test")
				defer tracer.Close()
				o.Tracer = tracer
			}
			g := startWith(b, o, providerOf("p", listen(b, both)))
			x := &exchange{inbound: inbound{origin: origin{server: g.Server, snap: g.snapshot.Load(), ctx: requestWith(clientKeyText)}}}
			x.at, x.start, x.began, x.endpoint = &x.lone, time.Now(), time.Now(), provider.Chat
			r := record{id: g.ids.Append(nil), status: 200, end: x.start, took: time.Second, ttft: time.Millisecond, key: x.snap.keys.find(x.ctx),
				endpoint: "POST /v1/chat/completions", model: "gpt-5.2", known: "gpt-5.2", attempts: 1, provider: "p", upstream: "gpt-5.2-2026-01-01",
				charge: charge{cost: 12345, usage: codec.Usage{Prompt: 1000, Completion: 50}}, tries: []trial{{provider: "p", upstream: "gpt-5.2-2026-01-01", status: 200, took: time.Millisecond}}}
			b.ReportAllocs()
			for b.Loop() {
				x.place = g.placeOf(x.ctx)
				if x.place != nil {
					r.tries[0].span = x.place.Child()
					x.place.Headers(r.tries[0].span)
				}
				x.tellTracer(&r)
			}
		})
	}
}
