package pool

import (
	"cmp"
	"slices"
	"time"
)

// idleConn is a connection that waits for a request. What a search among them looks at stands beside it.
type idleConn struct {
	*conn
	owner   string
	whose   string
	resting bool // it is not to be used before it has proved to be in step
}

// pop returns the connection for a request that is idle for the shortest time, or nil. Whether it can serve is for send
// to find out.
func (t *Target) pop(req *Request) *conn {
	anybodys := req.Whose == "" || req.Pace.judges()
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.idle) - 1; i >= 0; i-- {
		if t.idle[i].owner == req.Owner && !t.idle[i].resting && (anybodys || t.idle[i].whose == req.Whose) {
			c := t.idle[i].conn
			t.idle = slices.Delete(t.idle, i, i+1)
			return c
		}
	}
	return nil
}

// push takes a connection back whose answer was read to its end. Where there is no more room the one that was idle
// longest makes it: owners that came first must not keep others from having one.
func (t *Target) push(c *conn) {
	c.idleSince = c.lastHeard()
	out := c
	t.mu.Lock()
	keep, rest := t.keeps(c), c.step.due(c.idleSince)
	if keep && rest && !t.hasRoomToRest() {
		keep, rest = !c.step.suspect, false
		c.step.answers = 0 // another time
	}
	if keep {
		out = nil
		if len(t.idle) >= t.pool.opts.MaxIdlePerTarget {
			out = t.idle[0].conn
			t.idle = slices.Delete(t.idle, 0, 1)
		}
		t.idle = append(t.idle, idleConn{c, c.owner, c.whose, rest})
	}
	t.mu.Unlock()
	if out != nil {
		out.dispose()
	}
	if out != c {
		t.pool.scheduleSweep()
	}
}

// keeps says whether a connection may serve again. The target is locked.
func (t *Target) keeps(c *conn) bool {
	if t.pool.closed.Load() || c.strays != t.strays.Load() || c.aged(c.idleSince) {
		return false
	}
	if t.resumeAt != 0 && t.pool.now() >= t.resumeAt {
		t.resumeAt = 0
	}
	return t.resumeAt == 0
}

// hasRoomToRest says whether another connection may rest. The target is locked.
func (t *Target) hasRoomToRest() bool {
	room := t.pool.opts.MaxIdlePerTarget / restRoom
	for i := range t.idle {
		if t.idle[i].resting {
			room--
		}
	}
	return room > 0
}

// takeIdle takes out all idle connections.
func (t *Target) takeIdle() []idleConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.idle
	t.idle = nil
	return taken
}

func (t *Target) idleCount() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.idle)
}

const (
	// sweepEvery is how soon a hang-up is noticed on an idle connection that no request takes, and what nobody asked
	// for. A look is a system call: a thousand of them are half a millisecond.
	sweepEvery = time.Second
	// sweepStep is how many connections are out of the target's list at a time while they are looked at.
	sweepStep = 8
)

// scheduleSweep makes sure that idle connections are looked at and expire. There is one timer for the pool, and none
// while nothing is idle.
func (p *Pool) scheduleSweep() {
	if !p.sweeping.Load() && p.sweeping.CompareAndSwap(false, true) {
		time.AfterFunc(min(sweepEvery, p.opts.IdleTimeout/4), p.sweep)
	}
}

func (p *Pool) sweep() {
	// Cleared first: a connection that becomes idle behind the sweep's back schedules the next one itself.
	p.sweeping.Store(false)
	left := 0
	for _, t := range p.snapshot() {
		t.sweep()
		left += t.idleCount()
	}
	if left > 0 {
		p.scheduleSweep()
	}
}

// sweep looks at each connection that is idle now, and closes those that can serve no more.
func (t *Target) sweep() {
	var out [sweepStep]idleConn
	for number := t.pool.sweeps.Add(1); ; {
		taken := t.takeUnseen(out[:0], number)
		if len(taken) == 0 {
			return
		}
		kept := taken[:0]
		for _, c := range taken {
			if t.passes(&c) {
				kept = append(kept, c)
			}
		}
		t.putBack(kept)
	}
}

// passes says that a connection may stay idle; one that may not has been closed.
func (t *Target) passes(c *idleConn) bool {
	found := c.look()
	now := t.pool.now()
	if idle := now - c.idleSince; found == silence && idle <= int64(t.pool.opts.IdleTimeout) && !c.aged(now) {
		if idle >= c.step.rest() {
			c.step, c.resting = step{provedAt: now}, false
		}
		return true
	}
	c.dispose()
	if found == unasked {
		t.stray()
	}
	return false
}

// takeUnseen takes out those that were idle longest of the connections that this sweep has not seen, as many as fit
// into dst.
func (t *Target) takeUnseen(dst []idleConn, sweep int64) []idleConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle = slices.DeleteFunc(t.idle, func(c idleConn) bool {
		if len(dst) == cap(dst) || c.sweep == sweep {
			return false
		}
		c.sweep = sweep
		dst = append(dst, c)
		return true
	})
	return dst
}

// putBack returns connections to where they were, as far as the target still keeps them and has room.
func (t *Target) putBack(seen []idleConn) {
	t.mu.Lock()
	kept := 0
	for kept < len(seen) && len(t.idle) < t.pool.opts.MaxIdlePerTarget && t.keeps(seen[kept].conn) {
		t.idle = append(t.idle, seen[kept])
		kept++
	}
	slices.SortStableFunc(t.idle, func(a, b idleConn) int { return cmp.Compare(a.idleSince, b.idleSince) })
	t.mu.Unlock()
	for _, c := range seen[kept:] {
		c.dispose()
	}
}
