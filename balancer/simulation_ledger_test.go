package balancer

import (
	"math/rand/v2"
	"slices"
	"time"
)

// trouble is a script: what it belongs to is well between the even moments and
// the odd ones after them, and fails between the odd and the even.
type trouble []int64

func script(random *rand.Rand, well, ill time.Duration) trouble {
	var t trouble
	for at, n := int64(time.Hour), 0; at < int64(3*time.Hour); n++ {
		mean := []time.Duration{well, ill}[n%2]
		at += int64(mean/2) + random.Int64N(int64(mean))
		t = append(t, at)
	}
	return t
}

func (t trouble) at(now int64) bool {
	n, _ := slices.BinarySearch(t, now)
	return n%2 == 1
}

// account is what the ledger knows of a channel or of a provider's key.
type account struct {
	rests        bool
	hard         bool
	began, until int64
	refusals     int
	probe        *flight
	freeSince    int64 // when it could be used again, if it can
	used         int   // probes
}

func (a *account) free(now int64) bool { return !a.rests || now >= a.until && a.probe == nil }

// begin is the report of a failure.
func (a *account) begin(now int64, length time.Duration, hard bool) {
	until := now + int64(length)
	if a.rests && a.until > now {
		until, hard = max(until, a.until), hard || a.hard
	}
	a.rests, a.hard, a.began, a.until, a.probe, a.freeSince = true, hard, now, until, nil, until
}

// end is the report of anything else.
func (a *account) end(now int64, f *flight, served bool) {
	switch {
	case served && a.rests && a.began < f.at:
		*a = account{used: a.used, freeSince: now}
	case a.probe == f:
		a.probe, a.freeSince = nil, now
	}
}

// simulatedChannel is a provider in the simulation.
type simulatedChannel struct {
	account
	cooldown, keyCooldown time.Duration
	trouble               trouble
	keys                  []account
	keyTrouble            []trouble
	served                int
}

// since is when the channel and one of its keys came to be of use; never
// if they are not.
func (c *simulatedChannel) since(now int64) int64 {
	if !c.free(now) {
		return never
	}
	if len(c.keys) == 0 {
		return c.freeSince
	}
	first := int64(never)
	for i := range c.keys {
		if k := &c.keys[i]; k.free(now) {
			first = min(first, k.freeSince)
		}
	}
	return max(first, c.freeSince)
}
