package balancer

import (
	"sync/atomic"
	"time"
)

// rest keeps a channel, which is a provider and one of its models, or a
// provider's key out of the way after a failure. When the pause is over one
// request tries whether it is fit again (the probe); the others stay away until
// it was.
//
// A request that finds nothing at rest pays one load.
type rest struct {
	pause   atomic.Pointer[pause] // nil is fit
	changes *atomic.Uint64        // the state's count of what has begun to rest or is back
	last    lastFailure           // it stays when the pause is over
}

// pause is one stay out of the way. Only its probe changes: a further failure
// puts another pause in its place, so a probe of the old one can no longer be
// begun.
type pause struct {
	began, until int64  // on the state's clock
	limit        bool   // it began with a limit of the provider's: a 429, or no quota left
	hard         bool   // the provider said so, or the key is dead: it holds for lone channels too
	refusals     int    // how often in a row the key was refused
	reason       string // the failure

	probe atomic.Int64 // until when a probe has the word; 0 is none
}

// probeLease is how long a probe may take before another request becomes one. It
// only matters if a probe is never reported, and is as long as slow models think.
const probeLease = int64(10 * time.Minute)

// standing is what a rest means for one request.
type standing int

const (
	fit     standing = iota
	probing          // it may be tried, by this request alone
	resting
)

// take asks for the right to try. A probe must be reported: healed, begin or
// release, with the same moment.
func (r *rest) take(now int64) standing {
	for {
		p := r.pause.Load()
		if p == nil {
			return fit
		}
		held := p.probe.Load()
		if now < p.until || held > now || !p.probe.CompareAndSwap(held, now+probeLease) {
			return resting
		}
		if r.pause.Load() == p {
			r.changes.Add(1)
			return probing
		}
		// It has healed or failed again since p was loaded.
	}
}

// look is take without taking, and with the pause that it is about.
func (r *rest) look(now int64) (standing, *pause) {
	p := r.pause.Load()
	switch {
	case p == nil:
		return fit, nil
	case now < p.until || p.probe.Load() > now:
		return resting, p
	}
	return probing, p
}

// back is when it may be tried again; 0 is now.
func (r *rest) back(now int64) int64 {
	standing, p := r.look(now)
	if standing != resting {
		return 0
	}
	return max(p.until, p.probe.Load(), now+1)
}

// begin starts a pause after the failure of an attempt. A pause that is on is
// never cut short: what a provider said to a request that was late does not undo
// what it said to another.
func (r *rest) begin(next *pause) {
	for {
		old := r.pause.Load()
		if old != nil && old.until > next.began {
			next.hard = next.hard || old.hard
			if old.until > next.until {
				next.until, next.reason, next.limit = old.until, old.reason, old.limit
			}
		}
		if r.pause.CompareAndSwap(old, next) {
			r.changes.Add(1)
			return
		}
	}
}

// healed ends the pause after an attempt that was served. at is when the attempt
// began: one that began before the pause says nothing about what came since.
func (r *rest) healed(at int64) {
	if p := r.pause.Load(); p != nil && p.began < at && r.pause.CompareAndSwap(p, nil) {
		r.changes.Add(1)
	}
}

// release gives back a probe that told nothing, because the client left or was
// itself at fault.
func (r *rest) release(at int64) {
	if p := r.pause.Load(); p != nil && p.probe.CompareAndSwap(at+probeLease, 0) {
		r.changes.Add(1)
	}
}

// refusals is how often in a row a key had been refused when an attempt with it
// began: requests that are refused together count as one.
func (r *rest) refusals(at int64) int {
	p := r.pause.Load()
	switch {
	case p == nil:
		return 0
	case at <= p.began:
		return max(0, p.refusals-1)
	}
	return p.refusals
}
