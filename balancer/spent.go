package balancer

import (
	"time"

	"uniapi/balancer/limit/told"
)

// Learn takes what the answer to an attempt tells of what is left to its key for its model. It may be called by whoever
// runs the attempt.
func (a *Attempt) Learn(t *told.Told) {
	if a.Key < 0 {
		return
	}
	ring := a.Provider.ring
	key := ring.keys[a.Key]
	budget := a.told.of(key)
	if budget == nil {
		budget = a.told.make(key, func() *told.Budget { return new(told.Budget) })
	}
	budget.Note(t, a.at, ring.now(), a.Provider.longest)
}

// Bounds of what a request is taken to need of a provider's tokens where no limit of this gateway's own reckons it: a
// token for each four bytes, and no more than a long prompt, since images are bytes, too.
const (
	bytesPerToken = 4
	mostBytes     = 64 << 10
)

// spentUntil is when a key of the provider has room for the request again, by what the provider has told in the headers
// of its answers; 0 is now. It is a reason to ask another key, and none to ask nobody: what is due first is asked where
// all of them are spent.
func (p *Plan) spentUntil(c *Candidate, key *keyState, now int64) int64 {
	if p.lone && len(c.Provider.ring.keys) == 1 {
		return 0
	}
	budget := c.told.of(key)
	if budget == nil {
		return 0
	}
	tokens := p.Attributes.Need.Tokens
	if tokens == 0 {
		tokens = min(p.Attributes.BodyBytes, mostBytes) / bytesPerToken
	}
	return budget.Back(tokens, now)
}

// keyDue is when a key of the provider is fit for the request; 0 is now.
func (p *Plan) keyDue(c *Candidate, key *keyState, now int64) int64 {
	return max(c.keyBack(key, now, p.key.client), p.spentUntil(c, key, now))
}

// spent words that a key has nothing left by its provider's own word; "" if it has.
func (p *Plan) spent(c *Candidate, key *keyState, now int64) string {
	until := p.spentUntil(c, key, now)
	if until == 0 {
		return ""
	}
	return "passed over for another " + max(time.Duration(until-now).Round(time.Second), time.Second).String() + ": by the headers of its provider's answers too little is left to it"
}
