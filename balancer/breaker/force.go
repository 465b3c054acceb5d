package breaker

import (
	"math"
	"slices"
	"time"
)

// Where nobody else can serve, what is open is asked before its time.
const (
	// heldProbes is how long after it failed last a request asks what the provider itself, or its refusal of a key,
	// keeps away.
	heldProbes = int64(time.Minute)
	// Patience is how long a probe may take before another request asks as well: slow is not dead.
	Patience = 5 * time.Second
)

// Force is Take for a request that nobody else can serve. What has failed once
// only is asked by all, since it may be well again at once. What has failed again
// is asked by one request at a time, of each of two client keys, and by none that
// came before it failed last (since): that has its answer. Whom the provider
// itself keeps away is asked once a minute. anyway is for what may be asked by as
// many as there are, unless the provider keeps it away.
//
// If it stays Open, probed says that a probe is under way, whose end is worth
// waiting for.
func (b *Breaker) Force(now int64, c *Client, since int64, anyway bool) (s State, probed bool) {
	if b == nil {
		return Closed, false
	}
	for {
		old := b.record.Load()
		if old == nil {
			return Closed, false
		}
		next, state, probed := old.force(now, c, since, anyway)
		if next == old || b.replace(old, next) {
			return state, probed
		}
	}
}

// MayForce is Force without taking.
func (b *Breaker) MayForce(now int64, c *Client, since int64, anyway bool) (may, probed bool) {
	if b == nil {
		return true, false
	}
	_, state, probed := b.record.Load().force(now, c, since, anyway)
	return state != Open, probed
}

func (r *record) force(now int64, c *Client, since int64, anyway bool) (*record, State, bool) {
	if v := r.look(now, c); v.State != Open {
		next, state := r.take(now, c)
		return next, state, false
	}
	whole, own := admitted, admitted
	if r.all != nil {
		whole = r.all.admits(now, since, anyway, r.beganProbes(now, c))
	}
	i := r.find(c)
	if i >= 0 {
		own = r.alone[i].pause.admits(now, since, anyway, r.alone[i].probe-ProbeLease)
	}
	switch worst := max(whole, own); worst {
	case admitted:
		return r, Closed, false
	case oneMore:
	default:
		return r, Open, worst == awaited
	}
	next, lease := r.copy(), now+ProbeLease
	if whole == oneMore {
		next.probes = append(next.probes, probe{c, lease})
	}
	if own == oneMore {
		next.alone[i].probe = lease
	}
	return next, HalfOpen, false
}

// admission is what a pause that is on means where nobody else can serve.
type admission int

const (
	admitted admission = iota
	oneMore            // as a probe
	awaited            // not while another probes
	refused
)

// admits judges by when the probe began that keeps others away, if there is one.
func (p *Pause) admits(now, since int64, anyway bool, probe int64) admission {
	switch {
	case now < p.Held:
		if now < max(p.Began, probe)+heldProbes {
			return refused
		}
		return oneMore
	case anyway || p.Failures < 2 && !p.Proven:
		return admitted
	case now < probe+int64(Patience):
		return awaited
	case p.Began > since && now < p.Until:
		return refused
	}
	return oneMore
}

// beganProbes is when the probe began of what rests for all that keeps a client
// from another: its own last one, or that of enough others.
func (r *record) beganProbes(now int64, c *Client) int64 {
	last := [ProbesAtOnce]int64{} // of different clients, the newest first
	by := [ProbesAtOnce]*Client{}
	known := 0
	for i := len(r.probes) - 1; i >= 0; i-- {
		p := &r.probes[i]
		switch {
		case p.until <= now:
		case p.by == others:
			return now
		case p.by == c:
			return p.until - ProbeLease
		case known < ProbesAtOnce && !slices.Contains(by[:known], p.by):
			last[known], by[known] = p.until-ProbeLease, p.by
			known++
		}
	}
	if known < ProbesAtOnce {
		return longAgo
	}
	return last[ProbesAtOnce-1]
}

// longAgo is before anything.
const longAgo = math.MinInt64 / 2
