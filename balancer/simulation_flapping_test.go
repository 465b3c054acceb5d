//go:build !race

package balancer

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestMillionRequestsOverFlappingChannels is what simulation says, twice beside each other, over a million in all.
func TestMillionRequestsOverFlappingChannels(t *testing.T) {
	for _, seed := range []uint64{14, 15} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := newSimulation(t, rand.New(rand.NewPCG(3, seed)))
			s.run(simulatedRequests / 2)
			s.finish(simulatedRequests / 2)
		})
	}
}

func (s *simulation) finish(requests int) {
	if s.served+s.left+s.exhausted != requests || len(s.air) != 0 {
		s.Errorf("%d requests were served, left or exhausted, %d are in flight; there were %d", s.served+s.left+s.exhausted, len(s.air), requests)
	}
	probes := 0
	for i := range s.channels {
		c := &s.channels[i]
		probes += c.used
		if c.served == 0 {
			s.Errorf("channel %d never served", i)
		}
	}
	if probes < len(s.channels) || s.exhausted == 0 || s.left == 0 {
		s.Errorf("%d probes, %d requests exhausted, %d left: the script tests too little", probes, s.exhausted, s.left)
	}
	s.Logf("%d requests in %v: %d attempts, %d in flight at most, %d served, %d left, %d exhausted, %d probes of channels, %d asked while they rest, %d rests for one client key",
		requests, time.Duration(s.clock-int64(2*time.Hour)), s.attempts, s.most, s.served, s.left, s.exhausted, probes, s.forced, s.alone)
}
