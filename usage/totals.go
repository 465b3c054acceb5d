package usage

import "time"

// Total is what was counted of something since the process began.
type Total struct {
	Provider, Model, Endpoint string
	Requests, Failures        int64
	Tokens                    Tokens
	Cost                      int64 // nano-dollars
	// FirstByte and Duration are of the requests that succeeded, and so are their sums.
	FirstByte, Duration       Histogram
	FirstByteSum, DurationSum time.Duration
}

// Totals tells of requests by provider, model and endpoint, and of attempts by provider and model, for metrics.
func (b *Books) Totals() (ofAll, attempts []Total) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.gather(b.options.Now().Unix()); err != nil {
		b.options.Log.Error("the ledger could not be read; the totals lack what was counted last", "dir", b.options.Dir, "error", err)
	}
	for n, c := range b.totals {
		if n.kind == ofAttempts {
			attempts = append(attempts, total(n, c))
		} else {
			ofAll = append(ofAll, total(n, c))
		}
	}
	return ofAll, attempts
}

func total(n name, c *counts) Total {
	r := &c.Row
	t := Total{
		Provider: n.b, Model: n.c, Endpoint: n.d, Requests: r[requests], Failures: r[failures],
		Tokens: Tokens{Prompt: r[promptTokens], Cached: r[cachedTokens], CacheWrite: r[cacheWriteTokens], Completion: r[completionTokens], Reasoning: r[reasoningTokens]},
		Cost:   r[cost], FirstByteSum: time.Duration(c.sums[firstByte]) * time.Microsecond, DurationSum: time.Duration(c.sums[duration]) * time.Microsecond,
	}
	for which, into := range [...]*Histogram{firstByte: &t.FirstByte, duration: &t.Duration} {
		if h := c.histograms[which]; h != nil {
			*into = *h
		}
	}
	return t
}
