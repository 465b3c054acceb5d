package balancer

import (
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"uniapi/balancer/breaker"
	"uniapi/balancer/limit"
	"uniapi/config"
)

// keyRing hands out a provider's keys in the order of its
// api_key_schedule_algorithm, leaving out those that rest. The order is shared by
// all models of the provider, as in uni-api.
type keyRing struct {
	keys   []*keyState
	limits []limit.Limiter // of api_key_rate_limit, by key; nil without limits
	order  config.Schedule
	turn   *atomic.Uint32
	ranked *atomic.Pointer[[]int] // smart_round_robin's order, best first

	affine *bool    // keys are chosen by the conversation; nil is as the client's key has it
	places []uint64 // of the keys, for affinity
}

// keyState is what is known of one of a provider's keys.
type keyState struct {
	rest           *breaker.Breaker // for all models
	served, failed atomic.Int64
}

func (s *State) ring(provider string, p *config.Provider, a *providerState) *keyRing {
	turn := s.turns[provider]
	if turn == nil {
		turn = new(atomic.Uint32)
		s.turns[provider] = turn
	}
	r := &keyRing{order: config.Schedule(p.Preferences.KeySchedule), turn: turn, ranked: new(atomic.Pointer[[]int]), affine: p.Preferences.Affinity}
	for _, key := range p.Keys {
		r.places = append(r.places, placeOf("provider key", key))
		r.keys = append(r.keys, a.keys[string(hash(key))])
		if l := s.limits.Subject("provider "+provider+"\x00"+string(hash(key)), p.Preferences.KeyRateLimit); l != (limit.Unlimited{}) {
			r.limits = append(r.limits, l)
		}
	}
	return r
}

// hash is what a key is known by: one that is exchanged starts afresh.
func hash(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}

// first is the index of the key that a request looks at first.
func (r *keyRing) first() int {
	n := uint32(len(r.keys))
	if n <= 1 {
		return 0
	}
	switch r.order {
	case config.FixedPriority:
		return 0
	case config.Random:
		return rand.IntN(int(n))
	}
	return int((r.turn.Add(1) - 1) % n)
}

// lap is the order that a request which looks first at a place goes by, nil for
// the order of the configuration. A new lap ranks the keys anew.
func (r *keyRing) lap(first int) []int {
	if r.order != config.SmartRoundRobin {
		return nil
	}
	order := r.ranked.Load()
	if first == 0 || order == nil {
		ranks := r.rank()
		r.ranked.Store(&ranks)
		order = &ranks
	}
	return *order
}

// smartGroup is how many keys smart_round_robin ranks as one group: with more,
// keys are dealt to several groups in turn, so that each has good ones in front.
const smartGroup = 100

// rank orders the keys by their rate of success, then by how much they have
// served; keys that nothing is known of come last.
func (r *keyRing) rank() []int {
	type score struct {
		key         int
		rate, total float64
	}
	scores := make([]score, len(r.keys))
	for i, k := range r.keys {
		served, failed := float64(k.served.Load()), float64(k.failed.Load())
		scores[i] = score{i, -1, served + failed}
		if served+failed > 0 {
			scores[i].rate = served / (served + failed)
		}
	}
	slices.SortStableFunc(scores, func(a, b score) int {
		switch {
		case a.rate != b.rate:
			return sign(b.rate - a.rate)
		default:
			return sign(b.total - a.total)
		}
	})
	groups := (len(scores) + smartGroup - 1) / smartGroup
	ranks := make([]int, 0, len(scores))
	for g := range groups {
		for i := g; i < len(scores); i += groups {
			ranks = append(ranks, scores[i].key)
		}
	}
	return ranks
}

func sign(x float64) int {
	switch {
	case x < 0:
		return -1
	case x > 0:
		return 1
	}
	return 0
}
