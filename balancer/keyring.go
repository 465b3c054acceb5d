package balancer

import (
	"sync/atomic"

	"uniapi/config"
)

// keyRing hands out a provider's keys in turn. The turn is shared by all models
// of the provider, as in uni-api. Other orders (random, fixed_priority,
// smart_round_robin), resting keys and per-key limits take their place here.
type keyRing struct {
	size int
	turn *atomic.Uint32
}

func (s *State) ring(p *config.Provider) *keyRing {
	turn := s.turns[p.Name]
	if turn == nil {
		turn = new(atomic.Uint32)
		s.turns[p.Name] = turn
	}
	return &keyRing{size: len(p.Keys), turn: turn}
}

// next returns the index of the key whose turn it is, -1 if there are none.
func (r *keyRing) next() int {
	switch r.size {
	case 0:
		return -1
	case 1:
		return 0
	}
	return int((r.turn.Add(1) - 1) % uint32(r.size))
}
