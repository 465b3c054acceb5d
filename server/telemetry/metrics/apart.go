package metrics

import (
	"cmp"
	"slices"

	"uniapi/usage"
)

// apart is what pages of metrics tell apart by model in the life of a process. A page
// takes some times its length while it is made, so there may be so many lines; what
// does not fit is told together as OtherModels. Whatever was told once stays: a counter
// must not fall.
type apart struct {
	most  int // lines
	lines int // that are left
	known map[apartKey]bool
}

// apartKey is what has a line, or some: a provider's model, and what is counted of it.
type apartKey struct {
	provider, model, endpoint string
	status                    int
	reason                    string
}

// How many lines there are of a provider's model, of what is counted of it by endpoint, of an outcome and of a failure.
const (
	linesOfModel    = 2*(len(histogramBounds)+3) + 1 + 2 // histograms, attempts, rests
	linesOfEndpoint = 7
	linesOfOutcome  = 1
	linesOfFailure  = 2
)

func roomFor(lines int) apart { return apart{lines, lines, make(map[apartKey]bool)} }

// takes says whether there is a place for what has so many lines, and takes it.
func (a *apart) takes(key apartKey, lines int) bool {
	if key.model == "" || key.model == OtherModels || a.known[key] {
		return true
	}
	if a.lines < lines {
		return false
	}
	a.lines -= lines
	a.known[key] = true
	return true
}

// has says whether a provider's model is told apart.
func (a *apart) has(provider, model string) bool {
	return a.known[apartKey{provider: provider, model: model}]
}

// model is what a page calls a provider's model. Without a provider there are outcomes only.
func (a *apart) model(provider, model string) string {
	if provider == "" || a.takes(apartKey{provider: provider, model: model}, linesOfModel) {
		return model
	}
	return OtherModels
}

// modelAt is model in what is counted by endpoint, and by status if that is not 0.
func (a *apart) modelAt(provider, model, endpoint string, status int) string {
	lines := linesOfEndpoint
	if status != 0 {
		lines = linesOfOutcome
	}
	if a.model(provider, model) == model && a.takes(apartKey{provider: provider, model: model, endpoint: endpoint, status: status}, lines) {
		return model
	}
	return OtherModels
}

// modelOf is model in what is counted of failures.
func (a *apart) modelOf(of Failure) string {
	if a.model(of.Provider, of.Model) == of.Model && a.takes(apartKey{provider: of.Provider, model: of.Model, reason: of.Reason}, linesOfFailure) {
		return of.Model
	}
	return OtherModels
}

// admit gives places to those first that are used most.
func (a *apart) admit(totals []usage.Total) {
	slices.SortFunc(totals, func(s, t usage.Total) int {
		return cmp.Or(cmp.Compare(t.Requests, s.Requests), cmp.Compare(s.Provider, t.Provider), cmp.Compare(s.Model, t.Model), cmp.Compare(s.Endpoint, t.Endpoint))
	})
	for i := range totals {
		t := &totals[i]
		a.modelAt(t.Provider, t.Model, t.Endpoint, 0)
	}
}
