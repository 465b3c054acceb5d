package server

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/pool/provider"
	"uniapi/server/telemetry/tracing"
)

// Tracer is who is told of requests that have ended, and says before which place they have in whose trace.
type Tracer interface {
	Begin(traceparent, tracestate []byte) *tracing.Trace
	End(*tracing.Request)
	Lost() int64
}

const (
	headerTraceparent = "Traceparent"
	headerTracestate  = "Tracestate"
)

// placeOf is the place of a request in its client's trace, or in one of its own; nil where none is kept. Of two
// traceparents none holds.
func (s *Server) placeOf(ctx *fasthttp.RequestCtx) *tracing.Trace {
	if s.options.Tracer == nil {
		return nil
	}
	var parent []byte
	if all := ctx.Request.Header.PeekAll(headerTraceparent); len(all) == 1 {
		parent = all[0]
	}
	return s.options.Tracer.Begin(parent, bytes.Join(ctx.Request.Header.PeekAll(headerTracestate), []byte(",")))
}

// writeTrace tells the provider of the attempt's span, in the place of what the client has said of its own.
func (a *attempt) writeTrace() {
	parent, state := a.place.Headers(a.span)
	if parent == "" {
		return
	}
	out := make([]byte, 0, len(a.request.Header)+len(headerTraceparent)+len(parent)+len(headerTracestate)+len(state)+8)
	for line := range bytes.Lines(a.request.Header) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, []byte(headerTraceparent)) && !bytes.EqualFold(name, []byte(headerTracestate)) {
			out = append(out, line...)
		}
	}
	out = append(append(append(out, headerTraceparent+": "...), parent...), "\r\n"...)
	if state != "" {
		out = append(append(append(out, headerTracestate+": "...), state...), "\r\n"...)
	}
	a.request.Header = out
}

// toldRequests are those that tracers were told of, who keep nothing of them.
var toldRequests = sync.Pool{New: func() any { return new(tracing.Request) }}

// tellTracer tells of a request that has ended. Like the log it names keys by their alias and says nothing of what was
// said.
func (x *exchange) tellTracer(r *record) {
	if x.server.options.Tracer == nil {
		return
	}
	t := toldRequests.Get().(*tracing.Request)
	defer toldRequests.Put(t)
	*t = tracing.Request{
		Attempts: t.Attempts[:0],
		Trace:    x.place, Operation: operationOf(x.endpoint), Stream: r.stream, Status: r.status, Start: x.start, End: x.start.Add(r.took), FirstByte: r.ttft,
		Cost: r.cost, Continued: r.continued, Known: x.clean(r.known), Model: x.clean(clip(r.model)), ID: string(r.id),
	}
	if !x.server.ids.Made(r.id) {
		t.ID = x.clean(t.ID)
	}
	t.Method, t.Route, _ = strings.Cut(r.endpoint, " ")
	if r.key != nil {
		t.Key = x.clean(r.key.Alias)
	} else if x.place.Sampled() {
		if _, may := x.server.strangers.spans.take(r.end, ofSpans); !may {
			t.Trace = nil
		}
	}
	if r.status >= 400 {
		t.Error = strconv.Itoa(r.status)
	}
	t.Tokens = tracing.Tokens{Input: r.tokens.Prompt, Output: r.tokens.Completion}
	t.Attempts = slices.Grow(t.Attempts, len(r.tries))[:len(r.tries)]
	for i := range r.tries {
		x.tellAttempt(&t.Attempts[i], &r.tries[i], r)
	}
	x.server.options.Tracer.End(t)
}

func (x *exchange) tellAttempt(a *tracing.Attempt, t *trial, r *record) {
	*a = tracing.Attempt{
		Span: t.span, Provider: x.clean(t.provider), Maker: x.snap.backends[t.index].maker, Model: x.clean(t.upstream), Key: t.key + 1, Status: t.status,
		Began: t.began, Ended: t.began + t.took, LeftOut: t.leftOut, BrokeOff: t.broke,
	}
	switch {
	case t.status != fasthttp.StatusOK:
		if t.status != statusOutrun {
			a.Error = wordOf(t.class)
		}
		return
	case t.broke:
		a.Error, a.Ended = wordOf(t.class), t.until
	default:
		a.Answered, a.Ended = true, r.took
		a.Tokens = tracing.Tokens{Input: r.usage.Prompt, Output: r.usage.Completion, Cached: r.usage.Cached, CacheWrite: r.usage.CacheWrite, Reasoning: r.usage.Reasoning}
		if r.failure != nil && r.status >= 400 && r.status != statusClientGone {
			a.Error = wordOf(r.failure.Class)
		}
	}
	a.FirstByte = t.took
}

// clean is a text without secrets.
func (x *exchange) clean(text string) string {
	secrets := x.snap.secrets
	if secrets.Short(text) {
		return text
	}
	return secrets.Clean(text)
}

// wordOf is a class as an error.type.
func wordOf(c codec.Class) string { return strings.ReplaceAll(c.String(), " ", "_") }

func (s *Server) spansLost() int64 {
	if s.options.Tracer == nil {
		return 0
	}
	return s.options.Tracer.Lost()
}

// operations are what OpenTelemetry calls what is asked at an endpoint, or would.
var operations = map[provider.Endpoint]string{
	provider.Chat: "chat", provider.Completions: "text_completion", provider.Embeddings: "embeddings", provider.CountTokens: "count_tokens",
	provider.Compact: "compact", provider.Images: "image_generation", provider.ImageEdits: "image_edit", provider.Transcriptions: "transcription",
	provider.Translations: "translation", provider.Speech: "speech", provider.Moderations: "moderation", provider.Rerank: "rerank", provider.Search: "search",
}

func operationOf(endpoint provider.Endpoint) string {
	if name, is := operations[endpoint]; is {
		return name
	}
	return string(endpoint)
}
