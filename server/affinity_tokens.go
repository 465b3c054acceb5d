package server

import (
	"uniapi/balancer"
	"uniapi/usage"
)

// countAffinity counts, of a request that was answered, what affinity has kept of its
// prompt in the provider's cache, or what was lost where it had to give way.
func (x *exchange) countAffinity(tokens usage.Tokens) {
	a := &x.at.chosen
	switch {
	case a.Number == 0 || tokens.Estimated:
	case a.Affinity == balancer.Kept:
		x.server.counters.AffinityKept.Add(a.Provider.Config.Name, tokens.Cached)
	case a.Affinity == balancer.Moved:
		x.server.counters.AffinityLost.Add(a.Provider.Config.Name, tokens.Prompt-tokens.Cached)
	}
}
