package balancer

import (
	"sync/atomic"
	"time"
)

// rest keeps a channel, which is a provider and one of its models, or a
// provider's key out of the way after a failure.
//
// What a request says, asks for or brings along may be what makes an attempt
// fail, so a failure is first believed of the client key that met it: it rests for
// that one alone, and for all when another client key meets one too while it does
// and nobody else was served in between. Only what no request can bring about
// (pause.sure) is believed of one, and what many requests of one client key can
// make another meet (pause.crowded) is believed of nobody else. So the requests of
// one client key never keep others from what serves them, and of an outage the
// second client to meet it spares all others the attempt.
//
// When a pause is over requests try whether it is fit again (probes): of a pause
// for one client key one request at a time, of a pause for all one of each of two
// client keys, since one alone could keep it shut, by failing or by taking its
// time. The others stay away until a probe was served.
//
// A request that finds nothing at rest pays one load.
type rest struct {
	record  atomic.Pointer[record] // nil: it is fit for all
	changes *atomic.Uint64         // the state's count of what has begun to rest for all or is back
	vouched atomic.Int64           // when the last attempt began that was served after another client key's had failed
	last    lastFailure            // it stays when the pause is over
}

// pause is one stay out of the way. It is never changed.
type pause struct {
	began, until int64  // on the state's clock
	sure         bool   // no request can have brought it about
	crowded      bool   // requests of others at the same time may have
	broken       bool   // an answer broke off that had begun
	limit        bool   // it began with a limit of the provider's: a 429, or no quota left
	hard         bool   // the provider said so, or the key is dead: it holds for lone channels too
	refusals     int    // how often in a row the key was refused
	reason       string // the failure
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

// take asks for the right to try. A probe must be reported: served, failed or
// release, with the same moment.
func (r *rest) take(now int64, c *client) standing {
	if r.record.Load() == nil { // a call less for most
		return fit
	}
	return r.claim(now, c)
}

func (r *rest) claim(now int64, c *client) standing {
	for {
		old := r.record.Load()
		if old == nil {
			return fit
		}
		next, standing := old.take(now, c)
		if next == old || r.replace(old, next) {
			return standing
		}
	}
}

// look is take without taking, and with what it is about.
func (r *rest) look(now int64, c *client) view { return r.record.Load().look(now, c) }

// back is when a client may try again; 0 is now. Without a client it is when
// those may for whom alone nothing rests.
func (r *rest) back(now int64, c *client) int64 {
	if v := r.look(now, c); v.standing == resting {
		return v.back
	}
	return 0
}

// failed begins a pause after the failure of an attempt that a client had begun
// at a moment.
func (r *rest) failed(next *pause, c *client, at int64) {
	if next.broken {
		r.vouched.CompareAndSwap(at, 0) // it has not been served after all
	}
	for {
		old := r.record.Load()
		if r.replace(old, old.failed(next, c, at, r.vouched.Load())) {
			return
		}
	}
}

// served ends the pauses that held for a client after an attempt of it was served.
// at is when the attempt began: one that began before a pause says nothing about
// what came since.
func (r *rest) served(at int64, c *client) {
	if r.record.Load() != nil {
		r.heal(at, c)
	}
}

func (r *rest) heal(at int64, c *client) {
	for {
		old := r.record.Load()
		if old == nil {
			return
		}
		for seen := r.vouched.Load(); old.doubted(at, c, seen) && !r.vouched.CompareAndSwap(seen, at); {
			seen = r.vouched.Load()
		}
		if next := old.served(at, c); next == old || r.replace(old, next) {
			return
		}
	}
}

// release gives back a probe that told nothing, because the client left or was
// itself at fault.
func (r *rest) release(at int64, c *client) {
	for {
		old := r.record.Load()
		if old == nil {
			return
		}
		if next := old.release(at, c); next == old || r.replace(old, next) {
			return
		}
	}
}

// refusals is how often in a row a key had been refused when an attempt with it
// began: requests that are refused together count as one.
func (r *rest) refusals(at int64, c *client) int {
	rec := r.record.Load()
	if rec == nil {
		return 0
	}
	most := 0
	for _, p := range []*pause{rec.all, rec.pauseOf(c)} {
		switch {
		case p == nil:
		case at <= p.began:
			most = max(most, p.refusals-1)
		default:
			most = max(most, p.refusals)
		}
	}
	return most
}

// replace puts a record in the place of the one it was made from, and counts for
// whom that changes something.
func (r *rest) replace(old, next *record) bool {
	if next.empty() {
		next = nil
	}
	if !r.record.CompareAndSwap(old, next) {
		return false
	}
	next.name(+1) // before the old ones, so that nobody is without a name in between
	old.name(-1)
	if !old.sameForAll(next) {
		r.changes.Add(1)
	}
	return true
}
