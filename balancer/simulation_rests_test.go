package balancer

import (
	"slices"
	"time"

	"uniapi/balancer/breaker"
)

// use checks an attempt against the ledger and enters it.
func (s *simulation) use(f *flight, c *simulatedChannel, a Attempt) {
	lone := len(f.key.channels) == 1
	parts := []part{{&c.account, "channel", 1}}
	if a.Key >= 0 {
		// The turn of keys is shared by all: that of one may take long to meet one client key.
		parts = append(parts, part{&c.keys[a.Key], "key", 10}, part{&c.pairs[a.Key], "key for the model", 10})
	}
	if lone { // its channel never rests for it
		parts = parts[1:]
	}
	rests := false
	for _, p := range parts {
		rests = rests || p.since(s.clock, f.key) == never
	}
	if rests && !lone {
		s.nothingLeft(f, "asks "+a.Provider.Config.Name+", which rests,")
	}
	first := int64(never) // since when one that comes by in turn could have used them
	for _, k := range s.keys {
		if len(k.turns) > 0 && !k.fixed && slices.Contains(k.turns, a.Provider.Index) {
			first = min(first, freeSince(parts, s.clock, k))
		}
	}
	own := freeSince(parts, s.clock, f.key)
	for _, p := range parts {
		if p.since(s.clock, f.key) == never {
			s.force(f, p, lone)
		} else {
			s.probe(f, p, first, own)
		}
	}
}

// freeSince is since when a client key could use all of some parts.
func freeSince(parts []part, now int64, k *simulatedKey) int64 {
	since := int64(0)
	for _, p := range parts {
		since = max(since, p.since(now, k))
	}
	return since
}

// part is one of the three that an attempt uses.
type part struct {
	*account
	name string
	slow int // in which it is probed, in patiences
}

// force checks an attempt at something that rests, and enters it as a probe if it is one.
func (s *simulation) force(f *flight, p part, lone bool) {
	s.forced++
	if p.rests {
		probe, allowed := p.ask(s.clock)
		if !allowed {
			s.Fatalf("%s asks %s, whose %s is held: %+v", f.key.name, f.attempt.Provider.Config.Name, p.name, p.account)
		}
		for _, other := range p.probes {
			if probe && !lone && other.key == f.key && s.clock-other.at < int64(breaker.Patience) {
				s.Fatalf("%s asks the %s of %s twice at a time", f.key.name, p.name, f.attempt.Provider.Config.Name)
			}
		}
		if probe && !lone {
			p.probes = append(p.probes, f)
		}
	}
	if own := p.alone[f.key]; own != nil {
		probe, allowed := own.ask(s.clock)
		if !allowed || probe && !lone && own.probe != nil && s.clock-own.probe.at < int64(breaker.Patience) {
			s.Fatalf("%s asks %s, whose %s rests for it: %+v", f.key.name, f.attempt.Provider.Config.Name, p.name, own)
		}
		if probe && !lone {
			own.probe = f
		}
	}
}

// probe notes a probe, and checks that it comes soon after somebody, and this client
// key, could have made it.
func (s *simulation) probe(f *flight, p part, first, mine int64) {
	most := int64(p.slow) * int64(patience)
	if p.rests {
		if s.clock-first > most && !s.ending {
			s.Fatalf("the %s of %s is probed %v after it could have been", p.name, f.attempt.Provider.Config.Name, time.Duration(s.clock-first))
		}
		p.probes = append(p.probes, f)
		p.used++
	}
	if own := p.alone[f.key]; own != nil {
		if !f.key.fixed && !f.key.hostile && slices.Contains(f.key.turns, f.attempt.Provider.Index) && s.clock-mine > most && !s.ending {
			s.Fatalf("the %s of %s is probed by %s %v after it could have been", p.name, f.attempt.Provider.Config.Name, f.key.name, time.Duration(s.clock-mine))
		}
		own.probe = f
	}
}

// land reports an attempt to the balancer and to the ledger.
func (s *simulation) land(f *flight) {
	a, c := f.attempt, &s.channels[f.attempt.Provider.Index]
	f.plan.Report(a, Outcome{Verdict: f.verdict, RetryAfter: f.wait, Sure: f.sure, Reason: "by script"})
	channel, key, pair := c.lengths(f)
	lone := len(f.key.channels) == 1
	s.enter(f, &c.account, channel, lone)
	if a.Key >= 0 {
		s.enter(f, &c.keys[a.Key], key, false)
		s.enter(f, &c.pairs[a.Key], pair, false)
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

// lengths is for how long the channel, the key, and the key for the model rest after an
// attempt. nil is not at all.
func (c *simulatedChannel) lengths(f *flight) (channel, key, pair func(failures int) time.Duration) {
	fixed := func(d time.Duration) func(int) time.Duration {
		if d == 0 {
			return nil
		}
		return func(int) time.Duration { return d }
	}
	cooldown := func(failures int) time.Duration { return min(time.Second<<min(failures-1, 9), 5*time.Minute) }
	if c.cooldown > 0 {
		cooldown = fixed(c.cooldown)
	}
	switch f.verdict {
	case Unavailable:
		channel = func(failures int) time.Duration { return max(cooldown(failures), c.asked(f)) }
		if len(c.keys) > 1 {
			pair = fixed(c.keyCooldown)
		}
	case NoModel:
		channel = cooldown
	case RateLimited:
		pair = func(failures int) time.Duration {
			if c.cooldown > 0 {
				return f.wait
			}
			return max(f.wait, cooldown(failures))
		}
	case KeyRefused:
		key = func(failures int) time.Duration {
			most := 4 * time.Hour
			if len(c.keys) == 1 {
				most = 5 * time.Minute
			}
			return min(time.Minute<<(2*min(failures-1, 4)), most)
		}
	}
	if f.attempt.Key < 0 {
		for _, length := range []func(int) time.Duration{key, pair} {
			if length != nil {
				channel = length
			}
		}
	}
	return channel, key, pair
}

// asked is the provider's word for how long to leave it alone, if that counts.
func (c *simulatedChannel) asked(f *flight) time.Duration {
	if f.verdict == RateLimited || f.verdict == Unavailable && c.cooldown == 0 {
		return f.wait
	}
	return 0
}

// enter is what the ledger learns of a channel or key.
func (s *simulation) enter(f *flight, x *account, length func(failures int) time.Duration, lone bool) {
	switch {
	case length != nil && !lone:
		failures := x.failed(s.clock, f) + 1
		c := &s.channels[f.attempt.Provider.Index]
		asked := c.asked(f)
		if f.verdict == Unavailable && x != &c.account { // what it says then is of the channel
			asked = 0
		}
		stay := stay{rests: true, began: s.clock, until: s.clock + int64(length(failures)), real: f.real, failures: failures, guess: asked == 0}
		switch {
		case f.verdict == KeyRefused && len(c.keys) > 1:
			stay.held = stay.until
		case asked > 0:
			stay.held = s.clock + int64(asked)
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
