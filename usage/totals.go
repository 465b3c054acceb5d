package usage

import "time"

// Total is what was counted of something since the process began.
type Total struct {
	Provider, Model, Endpoint string
	Requests, Failures        int64
	Tokens                    Tokens
	Cost                      int64 // nano-dollars
	FirstByteTime, TotalTime  time.Duration
	FirstBytes                int64 // requests that FirstByteTime is of
}

// Totals tells of requests by provider, model and endpoint, and of attempts by provider and model, for metrics.
func (b *Books) Totals() (ofAll, attempts []Total) {
	b.fold()
	b.folding.Lock()
	defer b.folding.Unlock()
	byRequest, byAttempt := sums[name]{}, sums[name]{}
	for n, r := range b.totals {
		switch n.kind {
		case ofRequests:
			byRequest.add(name{b: n.b, c: n.c, d: n.d}, r)
		case ofAttempts:
			byAttempt.add(name{b: n.a, c: n.b}, r)
		}
	}
	list := func(s sums[name]) (out []Total) {
		for n, r := range s {
			out = append(out, Total{
				Provider: n.b, Model: n.c, Endpoint: n.d, Requests: r[requests], Failures: r[failures],
				Tokens: Tokens{Prompt: r[promptTokens], Cached: r[cachedTokens], CacheWrite: r[cacheWriteTokens], Completion: r[completionTokens], Reasoning: r[reasoningTokens]},
				Cost:   r[cost], FirstByteTime: time.Duration(r[firstByteTime]) * time.Microsecond, FirstBytes: r[firstBytes],
				TotalTime: time.Duration(r[totalTime]) * time.Microsecond,
			})
		}
		return out
	}
	return list(byRequest), list(byAttempt)
}
