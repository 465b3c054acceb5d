package tracing

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"uniapi/server/telemetry/tracing/otlp"
)

// TestSpansAreTheBytesOfTheSDKs has the official SDK make the same spans, and its exporter's transformation the
// messages.
func TestSpansAreTheBytesOfTheSDKs(t *testing.T) {
	tracer, _ := started(t, "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER=none", "OTEL_BSP_SCHEDULE_DELAY=3600000")
	defer tracer.Close()
	refused := with(tracer.Begin(nil, nil))
	refused.Attempts, refused.Status, refused.Error, refused.Tokens, refused.Cost, refused.FirstByte, refused.Model, refused.Key, refused.Stream = nil, 400, "400", Tokens{}, 0, 0, "", "", false
	failed := with(tracer.Begin(clientsSpan, []byte("a=1,b=2")))
	failed.Status, failed.Error, failed.Continued = 502, "502", 3
	failed.Attempts[0].BrokeOff, failed.Attempts[1].Status, failed.Attempts[1].LeftOut = true, 0, []string{"logprobs", "", "höher"}
	odd := with(tracer.Begin(clientsSpan, nil))
	odd.Start, odd.Tokens, odd.ID = time.Unix(-5, 0), Tokens{Input: -1, Output: 1 << 62}, ""
	about, err := resource.New(context.Background(), resource.WithTelemetrySDK(), resource.WithAttributes(attribute.String("service.name", "gate"), attribute.Int("n", -7), attribute.Bool("is", true), attribute.Float64("share", 0.5), attribute.StringSlice("list", []string{"a", ""})))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Request{"served": with(tracer.Begin(nil, nil)), "refused": refused, "failed": failed, "odd": odd} {
		var want taken
		exporter, err := otlptrace.New(context.Background(), &want)
		if err != nil {
			t.Fatal(err)
		}
		made := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithSampler(sdktrace.AlwaysSample()), sdktrace.WithIDGenerator(known{}), sdktrace.WithBatcher(exporter))
		bySDK(made.Tracer(scope), r)
		if err := made.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		tracer.addSpans(r)
		tracer.batches.flush()
		message := otlp.NewEnvelope(about, scope).Around(tracer.batches.full[0].data)
		tracer.batches.full = nil
		got := new(tracepb.TracesData)
		if err := (proto.UnmarshalOptions{}).Unmarshal(message, got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if wanted := (&tracepb.TracesData{ResourceSpans: want}); !proto.Equal(withStatus(got), wanted) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, prototext.Format(got), prototext.Format(wanted))
		}
	}
}

// withStatus has the empty status that the SDK sends of spans that have none.
func withStatus(data *tracepb.TracesData) *tracepb.TracesData {
	for _, s := range data.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans() {
		if s.Status == nil {
			s.Status = new(tracepb.Status)
		}
	}
	return data
}

// taken is what the SDK's exporter would send.
type taken []*tracepb.ResourceSpans

func (*taken) Start(context.Context) error { return nil }
func (*taken) Stop(context.Context) error  { return nil }
func (t *taken) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	*t = append(*t, spans...)
	return nil
}

// place is the context in which the SDK makes a span of a known name.
type place struct {
	context.Context
	trace trace.TraceID
	span  trace.SpanID
}

type placeKey struct{}

func (p *place) Value(key any) any {
	if key == (placeKey{}) {
		return p
	}
	return p.Context.Value(key)
}

type known struct{}

func (known) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	p := ctx.Value(placeKey{}).(*place)
	return p.trace, p.span
}

func (k known) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	_, id := k.NewIDs(ctx)
	return id
}

// bySDK makes the spans of a request as the SDK has them.
func bySDK(spans trace.Tracer, r *Request) {
	ctx := context.Background()
	if r.Trace.parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, r.Trace.parent)
	}
	under := trace.ContextWithSpanContext(context.Background(), r.Trace.own)
	for i := range r.Attempts {
		attemptBySDK(under, spans, r, &r.Attempts[i])
	}
	a := attributes{
		attribute.String("http.request.method", r.Method), attribute.String("http.route", r.Route), attribute.Int("http.response.status_code", r.Status),
		attribute.String("gen_ai.operation.name", r.Operation), attribute.String("uniapi.request.id", r.ID), attribute.Int("uniapi.attempts", len(r.Attempts)),
	}
	a.add(r.Model != "", attribute.String("gen_ai.request.model", r.Model))
	a.add(r.Stream, attribute.Bool("gen_ai.request.stream", true))
	a.add(r.Key != "", attribute.String("uniapi.key", r.Key))
	a.add(r.Tokens != (Tokens{}), attribute.Int64("uniapi.tokens.input", r.Tokens.Input), attribute.Int64("uniapi.tokens.output", r.Tokens.Output))
	a.add(r.Cost > 0, attribute.Float64("uniapi.cost.dollars", float64(r.Cost)/1e9))
	a.add(r.Continued > 0, attribute.Int("uniapi.continued", r.Continued))
	a.add(r.Error != "", attribute.String("error.type", r.Error))
	at := &place{ctx, r.Trace.own.TraceID(), r.Trace.own.SpanID()}
	_, span := spans.Start(at, r.Method+" "+r.Route, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(r.Start), trace.WithAttributes(a...))
	if r.FirstByte > 0 {
		span.AddEvent("first byte", trace.WithTimestamp(r.Start.Add(r.FirstByte)))
	}
	if r.Status >= 500 {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(r.End))
}

func attemptBySDK(ctx context.Context, spans trace.Tracer, r *Request, of *Attempt) {
	a := attributes{attribute.String("gen_ai.operation.name", r.Operation), attribute.String("gen_ai.provider.name", of.Maker), attribute.String("gen_ai.request.model", of.Model), attribute.String("uniapi.provider", of.Provider)}
	a.add(r.Stream, attribute.Bool("gen_ai.request.stream", true))
	a.add(of.Key > 0, attribute.Int("uniapi.provider.key", of.Key))
	a.add(of.Status > 0, attribute.Int("http.response.status_code", of.Status))
	a.add(of.Status == 0, attribute.Bool("uniapi.outrun", true))
	a.add(len(of.LeftOut) > 0, attribute.StringSlice("uniapi.left_out", of.LeftOut))
	a.add(of.BrokeOff, attribute.Bool("uniapi.broke_off", true))
	a.add(of.FirstByte > 0 && r.Stream, attribute.Float64("gen_ai.response.time_to_first_chunk", of.FirstByte.Seconds()))
	u := of.Tokens
	a.add(u != Tokens{}, attribute.Int64("gen_ai.usage.input_tokens", u.Input), attribute.Int64("gen_ai.usage.output_tokens", u.Output))
	a.add(u.Cached > 0, attribute.Int64("gen_ai.usage.cache_read.input_tokens", u.Cached))
	a.add(u.CacheWrite > 0, attribute.Int64("gen_ai.usage.cache_creation.input_tokens", u.CacheWrite))
	a.add(u.Reasoning > 0, attribute.Int64("gen_ai.usage.reasoning.output_tokens", u.Reasoning))
	a.add(of.Error != "", attribute.String("error.type", of.Error))
	at := &place{ctx, r.Trace.own.TraceID(), of.Span}
	_, span := spans.Start(at, r.Operation+" "+of.Model, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(r.Start.Add(of.Began)), trace.WithAttributes(a...))
	if of.FirstByte > 0 {
		span.AddEvent("first byte", trace.WithTimestamp(r.Start.Add(of.Began+of.FirstByte)))
	}
	if of.Error != "" {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(r.Start.Add(of.Ended)))
}

type attributes []attribute.KeyValue

func (a *attributes) add(is bool, more ...attribute.KeyValue) {
	if is {
		*a = append(*a, more...)
	}
}
