package tracing

import "time"

// Request is one that has ended. Its texts hold no secret: who makes it sees to that.
type Request struct {
	Trace      *Trace // nil: only measured
	ID         string
	Method     string // of HTTP
	Route      string // the endpoint's path
	Operation  string // chat, embeddings and the like
	Model      string // that was asked for
	Known      string // the same, if there is such a model
	Key        string // the alias of the client's
	Stream     bool
	Status     int
	Error      string // its class; "" if there was none
	Start, End time.Time
	FirstByte  time.Duration // until the first byte of the answer was ready; 0 if none was
	Tokens     Tokens
	Cost       int64 // nano-dollars
	Continued  int
	Attempts   []Attempt
}

// Tokens are what an answer has taken.
type Tokens struct{ Input, Output, Cached, CacheWrite, Reasoning int64 }

// Attempt is one request to a provider.
type Attempt struct {
	Span         SpanID
	Provider     string        // as the configuration calls it
	Maker        string        // as OpenTelemetry does
	Model        string        // there
	Key          int           // which of the provider's, from 1; 0 if it has none
	Status       int           // 0 if nobody waited for its answer
	Error        string        // its class; "" if there was none
	Began, Ended time.Duration // since the request came
	FirstByte    time.Duration // since the attempt began; 0 if none came
	LeftOut      []string      // of the request, since the provider cannot be told
	BrokeOff     bool
	Answered     bool   // what the client has is of it, to the end
	Tokens       Tokens // of the answer; none if it has not answered
}

// End tells of a request that has ended. It keeps nothing of it.
func (t *Tracer) End(r *Request) {
	if t.measures != nil {
		t.measures.record(r)
	}
	if t.batches != nil && r.Trace.Sampled() {
		t.addSpans(r)
	}
}
