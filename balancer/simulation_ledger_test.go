package balancer

import (
	"math/rand/v2"
	"slices"
	"time"

	"uniapi/balancer/breaker"
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
	stay                                // for all
	probes    []*flight                 // that try whether it is over
	alone     map[*simulatedKey]*single // for one client key each
	vouched   int64                     // when the last attempt began that was served after others had failed
	freeSince int64                     // when it could be used again, if it can
	used      int                       // probes
}

// stay is a time out of the way.
type stay struct {
	rests        bool
	began, until int64
	held         int64 // until when it holds where nobody else could serve
	guess        bool  // nobody said for how long
	failures     int   // in a row
	proven       bool  // asked while it was on, it failed again
	real         bool  // by script, and not by a client's own doing
}

// single is a stay for one client key.
type single struct {
	stay
	probe     *flight
	freeSince int64
}

// since is when a client key could use it again; never if it cannot.
func (a *account) since(now int64, k *simulatedKey) int64 {
	since := a.freeSince
	if a.rests && (now < a.until || len(a.probes) >= breaker.ProbesAtOnce || slices.ContainsFunc(a.probes, func(f *flight) bool { return f.key == k })) {
		return never
	}
	if own := a.alone[k]; own != nil {
		if now < own.until || own.probe != nil {
			return never
		}
		since = max(since, own.freeSince)
	}
	return since
}

// failed is how often in a row it had failed before a request that fails now.
func (a *account) failed(now int64, f *flight) int {
	most := 0
	stays := []stay{a.stay}
	if own := a.alone[f.key]; own != nil {
		stays = append(stays, own.stay)
	}
	for _, s := range stays {
		switch {
		case !s.rests, now-s.until > int64(10*time.Minute):
		case f.at > s.began && now >= s.until:
			most = max(most, s.failures)
		default:
			most = max(most, s.failures-1)
		}
	}
	return most
}

// fails is the report of a failure. It tells whether it now rests for all, and
// whether one who has met it has met a fault by script.
func (a *account) fails(now int64, f *flight, s stay) (all, real bool) {
	a.land(now, f)
	seconded := false
	for k, own := range a.alone {
		if own.probe == nil && now >= own.until+int64(10*time.Minute) {
			delete(a.alone, k)
			continue
		}
		if k != f.key && own.until > now && own.began > a.vouched {
			seconded, real = true, real || own.real
		}
	}
	if !seconded && !f.sure {
		before := stay{}
		if own := a.alone[f.key]; own != nil {
			before = own.stay
		}
		s = s.behind(before, f.at)
		a.alone[f.key] = &single{stay: s, freeSince: s.until}
		return false, false
	}
	real = real || s.real
	a.stay, a.probes = s.behind(a.stay, f.at), nil
	a.freeSince = a.until
	for k, own := range a.alone {
		if own.until <= a.until {
			delete(a.alone, k)
		}
	}
	return true, real
}

// behind is a stay after another.
func (s stay) behind(before stay, at int64) stay {
	if before.rests && before.until > s.began {
		s.proven, s.held = before.proven || at > before.began, max(s.held, before.held)
		if s.guess || before.until > s.until {
			s.until = before.until
		}
	}
	return s
}

// ask checks an attempt at what rests, which may be made if nobody else could serve.
// It tells whether it is a probe.
func (s stay) ask(now int64) (probe, allowed bool) {
	switch {
	case now < s.held:
		return true, now >= s.began+int64(time.Minute)
	case s.failures < 2 && !s.proven:
		return false, true
	}
	return true, true
}

// serves is the report of an answer.
func (a *account) serves(now int64, f *flight) {
	a.land(now, f)
	for k, own := range a.alone {
		if k != f.key && own.began < f.at && own.began > a.vouched {
			a.vouched = f.at
			break
		}
	}
	if a.rests && a.began < f.at {
		a.stay, a.probes, a.freeSince = stay{}, nil, now
	}
	if own := a.alone[f.key]; own != nil && own.began < f.at {
		delete(a.alone, f.key)
		a.freeSince = now
	}
}

// land is the report of anything else: if it was a probe, it told nothing.
func (a *account) land(now int64, f *flight) {
	if i := slices.Index(a.probes, f); i >= 0 {
		a.probes = slices.Delete(a.probes, i, i+1)
		a.freeSince = max(now, a.until) // a request may have asked before its time
	}
	if own := a.alone[f.key]; own != nil && own.probe == f {
		own.probe, own.freeSince = nil, max(now, own.until)
	}
}

// simulatedChannel is a provider in the simulation.
type simulatedChannel struct {
	account
	cooldown, keyCooldown time.Duration
	trouble               trouble
	keys, pairs           []account
	keyTrouble            []trouble
	served                int
}

// since is when the channel and one of its keys came to be of use for a client
// key; never if they are not.
func (c *simulatedChannel) since(now int64, k *simulatedKey) int64 {
	since := c.account.since(now, k)
	if len(c.keys) == 0 || since == never {
		return since
	}
	first := int64(never)
	for i := range c.keys {
		first = min(first, max(c.keys[i].since(now, k), c.pairs[i].since(now, k)))
	}
	return max(first, since)
}
