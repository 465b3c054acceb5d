package server

import (
	"uniapi/balancer"
	"uniapi/usage"
)

// affinityTokens counts what affinity has kept of prompts in providers' caches, and what was
// lost where it had to give way, by the provider's name in api.yaml.
type affinityTokens struct{ kept, lost perProvider }

// countAffinity counts a request that was answered.
func (x *exchange) countAffinity(tokens usage.Tokens) {
	a := &x.at.chosen
	switch {
	case a.Number == 0 || tokens.Estimated:
	case a.Affinity == balancer.Kept:
		x.server.affinity.kept.add(a.Provider.Config.Name, tokens.Cached)
	case a.Affinity == balancer.Moved:
		x.server.affinity.lost.add(a.Provider.Config.Name, tokens.Prompt-tokens.Cached)
	}
}
