package tracing

import (
	"sync"

	"go.opentelemetry.io/otel/trace"

	"uniapi/server/telemetry/tracing/otlp"
)

// spans are those that are being written. The library's own, which are kept as values and made bytes of later, take 20
// µs of a request; these take two.
var spans = sync.Pool{New: func() any { return new(otlp.Span) }}

// addSpans makes the spans of a request's attempts and its own, and has them sent.
func (t *Tracer) addSpans(r *Request) {
	s := spans.Get().(*otlp.Span)
	s.Trace, s.State, s.Flags = r.Trace.own.TraceID(), r.Trace.state, byte(r.Trace.own.TraceFlags())
	for i := range r.Attempts {
		writeAttempt(s, r, &r.Attempts[i])
		t.batches.add(s)
	}
	writeRequest(s, r)
	t.batches.add(s)
	spans.Put(s)
}

const firstByte = "first byte"

func writeRequest(s *otlp.Span, r *Request) {
	s.ID, s.Parent, s.Remote = r.Trace.own.SpanID(), trace.SpanID{}, false
	if r.Trace.parent.IsValid() {
		s.Parent, s.Remote = r.Trace.parent.SpanID(), true
	}
	s.Verb, s.Subject, s.Kind, s.Start, s.End = r.Method, r.Route, otlp.KindServer, r.Start, r.End
	s.Begin()
	s.String("http.request.method", r.Method)
	s.String("http.route", r.Route)
	s.Int("http.response.status_code", int64(r.Status))
	s.String("gen_ai.operation.name", r.Operation)
	s.String("uniapi.request.id", r.ID)
	s.Int("uniapi.attempts", int64(len(r.Attempts)))
	if r.Model != "" {
		s.String("gen_ai.request.model", r.Model)
	}
	if r.Stream {
		s.True("gen_ai.request.stream")
	}
	if r.Key != "" {
		s.String("uniapi.key", r.Key)
	}
	if r.Tokens != (Tokens{}) {
		s.Int("uniapi.tokens.input", r.Tokens.Input)
		s.Int("uniapi.tokens.output", r.Tokens.Output)
	}
	if r.Cost > 0 {
		s.Float("uniapi.cost.dollars", float64(r.Cost)/1e9)
	}
	if r.Continued > 0 {
		s.Int("uniapi.continued", int64(r.Continued))
	}
	if r.Error != "" {
		s.String("error.type", r.Error)
	}
	if r.FirstByte > 0 {
		s.Event(firstByte, r.Start.Add(r.FirstByte))
	}
	if r.Error != "" && r.Status >= 500 { // what is wrong with a request is no failure of who serves it
		s.Fail()
	}
}

func writeAttempt(s *otlp.Span, r *Request, a *Attempt) {
	s.ID, s.Parent, s.Remote = a.Span, r.Trace.own.SpanID(), false
	s.Verb, s.Subject, s.Kind, s.Start, s.End = r.Operation, a.Model, otlp.KindClient, r.Start.Add(a.Began), r.Start.Add(a.Ended)
	s.Begin()
	s.String("gen_ai.operation.name", r.Operation)
	s.String("gen_ai.provider.name", a.Maker)
	s.String("gen_ai.request.model", a.Model)
	s.String("uniapi.provider", a.Provider)
	if r.Stream {
		s.True("gen_ai.request.stream")
	}
	if a.Key > 0 {
		s.Int("uniapi.provider.key", int64(a.Key))
	}
	if a.Status > 0 {
		s.Int("http.response.status_code", int64(a.Status))
	} else {
		s.True("uniapi.outrun")
	}
	if len(a.LeftOut) > 0 {
		s.Strings("uniapi.left_out", a.LeftOut)
	}
	if a.BrokeOff {
		s.True("uniapi.broke_off")
	}
	if a.FirstByte > 0 && r.Stream {
		s.Float("gen_ai.response.time_to_first_chunk", a.FirstByte.Seconds())
	}
	writeTokens(s, &a.Tokens)
	if a.Error != "" {
		s.String("error.type", a.Error)
	}
	if a.FirstByte > 0 {
		s.Event(firstByte, r.Start.Add(a.Began+a.FirstByte))
	}
	if a.Error != "" {
		s.Fail()
	}
}

func writeTokens(s *otlp.Span, u *Tokens) {
	if *u == (Tokens{}) {
		return
	}
	s.Int("gen_ai.usage.input_tokens", u.Input)
	s.Int("gen_ai.usage.output_tokens", u.Output)
	if u.Cached > 0 {
		s.Int("gen_ai.usage.cache_read.input_tokens", u.Cached)
	}
	if u.CacheWrite > 0 {
		s.Int("gen_ai.usage.cache_creation.input_tokens", u.CacheWrite)
	}
	if u.Reasoning > 0 {
		s.Int("gen_ai.usage.reasoning.output_tokens", u.Reasoning)
	}
}
