package balancer

import (
	"crypto/sha256"
	"sync/atomic"

	"uniapi/balancer/breaker"
	"uniapi/balancer/limit"
	"uniapi/balancer/schedule"
	"uniapi/config"
)

// keyRing is a provider's keys in the order of its api_key_schedule_algorithm, which
// leaves out those that rest. The order is shared by all models of the provider, as
// in uni-api.
type keyRing struct {
	keys   []*keyState
	places []schedule.Place
	limits []limit.Limiter // of api_key_rate_limit, by key; nil without limits
	now    func() int64    // the state's clock
	policy schedule.Policy
	turns  []int // nil if they take no turns
	turn   *atomic.Uint32

	nearest schedule.Affinity
	affine  *bool // keys are chosen by the conversation; nil is as the client's key has it
}

// keyState is what is known of one of a provider's keys.
type keyState struct {
	name           string           // as a breaker.Name has it
	breaker        *breaker.Breaker // for all models
	served, failed atomic.Int64
	load           schedule.Load
}

func (s *State) ring(provider string, p *config.Provider, a *providerState) *keyRing {
	turn := s.turns[provider]
	if turn == nil {
		turn = new(atomic.Uint32)
		s.turns[provider] = turn
	}
	r := &keyRing{turn: turn, affine: p.Preferences.Affinity, now: s.now}
	for _, key := range p.Keys {
		state := a.keys[string(hash(key))]
		r.places = append(r.places, schedule.Place{ID: schedule.IDOf("provider key", key), Load: &state.load})
		r.keys = append(r.keys, state)
		if l := s.limits.Subject("provider "+provider+"\x00"+string(hash(key)), p.Preferences.KeyRateLimit); l != (limit.Unlimited{}) {
			r.limits = append(r.limits, l)
		}
	}
	r.policy, r.turns = schedule.OfKeys(config.Schedule(p.Preferences.KeySchedule), len(r.keys), func(key int) (served, failed int64) {
		return r.keys[key].served.Load(), r.keys[key].failed.Load()
	})
	return r
}

// walk is the policy by which a request goes through the keys, beginning in p.keys. A
// key that takes turns has had one with that.
func (r *keyRing) walk(p *Plan) schedule.Policy {
	p.keys = schedule.Walk{Places: r.places, Marks: p.room(len(r.keys)), Turns: r.turns, Chance: p.key.state.chance}
	switch {
	case len(r.keys) == 1:
	case r.near(p):
		p.keys.Conversation = p.Attributes.Conversation
		return &r.nearest
	case r.turns != nil && p.peek:
		p.keys.Start = uint64(r.turn.Load())
	case r.turns != nil:
		p.keys.Start = uint64(r.turn.Add(1) - 1)
	}
	return r.policy
}

// near says whether the keys are chosen by the conversation.
func (r *keyRing) near(p *Plan) bool {
	affine := p.key.affine
	if r.affine != nil {
		affine = *r.affine
	}
	return affine && p.Attributes.Conversation != 0 && len(r.keys) > 1
}

// hash is what a key is known by: one that is exchanged starts afresh.
func hash(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}
