package balancer

import (
	"slices"
	"time"
)

// use checks an attempt against the ledger and enters it.
func (s *simulation) use(f *flight, c *simulatedChannel, a Attempt) {
	lone := len(f.key.channels) == 1
	channel, key := c.account.since(s.clock, f.key), int64(0)
	var k *account
	if a.Key >= 0 {
		k = &c.keys[a.Key]
		key = k.since(s.clock, f.key)
	}
	if lone {
		channel = 0
	} else {
		s.probe(f, &c.account, "channel", key, 1)
	}
	if k == nil {
		return
	}
	if lone && key == never && !k.forces(f.key) {
		return // nobody else could serve
	}
	s.probe(f, k, "key", channel, 10) // the turn of keys is shared by all: that of one may take long to meet one client key
}

// probe checks that a client key may use a channel or key, and notes a probe.
func (s *simulation) probe(f *flight, x *account, what string, blocked int64, slow int) {
	name, since := f.attempt.Provider.Config.Name, x.since(s.clock, f.key)
	if since == never {
		s.Fatalf("%s uses %s, whose %s rests: %+v, for it alone %+v", f.key.name, name, what, x, x.alone[f.key])
	}
	late := s.clock - max(since, blocked)
	own := x.alone[f.key]
	if x.rests {
		for _, other := range x.alone { // for whom it rests longer does not probe
			late = min(late, s.clock-other.freeSince)
		}
		if own == nil && late > int64(patience) {
			s.Fatalf("the %s of %s is probed %v after it could have been", what, name, time.Duration(late))
		}
		x.probes = append(x.probes, f)
		x.used++
	}
	if own != nil {
		if !f.key.fixed && slices.Contains(f.key.turns, f.attempt.Provider.Index) && late > int64(slow)*int64(patience) {
			s.Fatalf("the %s of %s is probed by %s %v after it could have been", what, name, f.key.name, time.Duration(late))
		}
		own.probe = f
	}
}

// land reports an attempt to the balancer and to the ledger.
func (s *simulation) land(f *flight) {
	a, c := f.attempt, &s.channels[f.attempt.Provider.Index]
	f.plan.Report(a, Outcome{Verdict: f.verdict, RetryAfter: f.wait, Sure: f.sure, Reason: "by script"})
	channel, key := s.lengths(f, c)
	lone := len(f.key.channels) == 1
	s.enter(f, &c.account, channel, lone)
	if a.Key >= 0 {
		s.enter(f, &c.keys[a.Key], key, false)
	}
	switch f.verdict {
	case Served:
		s.served++
		c.served++
	case Over:
		s.left++
	default:
		s.fly(f)
		return
	}
	s.spare = append(s.spare, f)
}

// lengths is for how long the channel and the key rest after an attempt.
func (s *simulation) lengths(f *flight, c *simulatedChannel) (channel, key time.Duration) {
	switch f.verdict {
	case Unavailable:
		channel = c.cooldown
		if len(c.keys) > 1 {
			key = c.keyCooldown
		}
	case NoModel:
		channel = c.cooldown
	case RateLimited:
		key = f.wait
	case KeyRefused:
		key = time.Minute
		if f.attempt.Key >= 0 {
			key = min(time.Minute<<(2*min(c.keys[f.attempt.Key].refused(f), 4)), 4*time.Hour)
		}
		if len(c.keys) == 1 {
			key = min(key, 5*time.Minute)
		}
	}
	if f.attempt.Key < 0 {
		return max(channel, key), 0
	}
	return channel, key
}

// enter is what the ledger learns of a channel or key.
func (s *simulation) enter(f *flight, x *account, length time.Duration, lone bool) {
	switch {
	case length > 0 && !lone:
		stay := stay{rests: true, began: s.clock, until: s.clock + int64(length), real: f.real, refusals: x.refused(f)}
		several := len(s.channels[f.attempt.Provider.Index].keys) > 1
		if f.attempt.Key >= 0 && x != &s.channels[f.attempt.Provider.Index].account {
			stay.hard = f.verdict == KeyRefused && several || f.verdict == RateLimited
			if f.verdict == KeyRefused {
				stay.refusals++
			}
		}
		all, real := x.fails(s.clock, f, stay)
		if all && !real {
			s.Fatalf("a failure that is %s's own doing closes %s for all", f.key.name, f.attempt.Provider.Config.Name)
		}
		if !all {
			s.alone++
		}
	case f.verdict == Served:
		x.serves(s.clock, f)
	default:
		x.land(s.clock, f)
	}
}
