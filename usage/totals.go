package usage

// Total is what was counted of something since the process began.
type Total struct {
	Provider, Model, Endpoint string
	Requests, Failures        int64
	Tokens                    Tokens
	Cost                      int64 // nano-dollars
	// FirstByte and Duration are of the requests that succeeded, and so are their sums, in seconds: a time.Duration
	// ends after 292 years, which a thousand streams at once fill in a hundred days.
	FirstByte, Duration       Histogram
	FirstByteSum, DurationSum float64
}

// Totals tells of requests by provider, model and endpoint, and of attempts by provider and model, for metrics.
func (b *Books) Totals() (ofAll, attempts []Total) {
	b.gather()
	b.mu.Lock()
	defer b.mu.Unlock()
	for n, c := range b.totals {
		if n.Kind == ofAttempts {
			attempts = append(attempts, total(n, c))
		} else {
			ofAll = append(ofAll, total(n, c))
		}
	}
	return ofAll, attempts
}

func total(n Name, c *Counts) Total {
	r := &c.Row
	t := Total{
		Provider: n.Provider, Model: n.Model, Endpoint: n.Endpoint, Requests: r[requests], Failures: r[failures],
		Tokens: Tokens{Prompt: r[promptTokens], Cached: r[cachedTokens], CacheWrite: r[cacheWriteTokens], Completion: r[completionTokens], Reasoning: r[reasoningTokens]},
		Cost:   r[cost], FirstByteSum: float64(c.sums[firstByte]) / 1e6, DurationSum: float64(c.sums[duration]) / 1e6,
	}
	for which, into := range [...]*Histogram{firstByte: &t.FirstByte, duration: &t.Duration} {
		if h := c.histograms[which]; h != nil {
			*into = *h
		}
	}
	return t
}
