package conn

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/server/budget"
)

// places are those that clients' connections take, of which there are so many. A
// connection is a stranger's until a request on it has shown a valid key, and from
// then on that key's whose was shown last: behind a load balancer it carries many
// users. Strangers have a small share of the places. Where there is none for a
// newcomer, the stranger goes that has stood still for longest, whatever it is in
// the middle of; where there is no such stranger either, and strangers have less
// than their share, an idle connection goes of the key that has the most. So
// neither whoever has no key nor a single key can keep others out.
type places struct {
	most      int                // connections
	strangers int                // of these
	grace     time.Duration      // in which a newcomer is let alone
	room      time.Duration      // for which it waits for others to go
	all       func() []*Conn     // that are open
	onSent    func(owner string) // is told of each that is sent away, a "stranger"'s or a "key"'s; nil is not

	mu       sync.Mutex
	taken    int
	unknown  map[*Conn]struct{} // the strangers
	queue    struct{ strangers, idle queue }
	nextLook time.Time     // for idle connections, since one was in vain
	waiting  int           // newcomers
	pressed  time.Time     // since when each newcomer has had to wait; zero: the last one has not
	going    int           // connections that were sent away and are not gone yet
	changed  chan struct{} // closed, and replaced, when a newcomer should look again

	sentAway struct{ strangers, idle atomic.Int64 }
}

// place is a connection's own. Its owner and still are read by those who look for
// room; the connection alone changes them, but for what is said of goes.
type place struct {
	among *places
	came  time.Time
	owner atomic.Pointer[budget.Share] // stands for a key, whatever the configuration; nil: a stranger's
	still atomic.Int64
	left  bool // under the places' lock
}

// What a place's still says of its connection: since when it has waited for its
// client, in Unix nanoseconds, with a minus if it is a stranger's and within a
// request; or one of these.
const (
	atWork = 0             // the next step is ours, or it is a key's and within a request
	goes   = math.MinInt64 // it was sent away; only one that waits can be
)

// roomPause is how long a newcomer waits to look again where nothing will tell it
// to.
const roomPause = time.Millisecond

func newPlaces(most, strangers int, times *Times, all func() []*Conn) *places {
	return &places{most: most, strangers: strangers, grace: times.Grace, room: times.Room, all: all,
		unknown: make(map[*Conn]struct{}), changed: make(chan struct{})}
}

// enter takes a place for a new connection; false if there is none and nobody can
// go.
func (s *places) enter(c *Conn) bool {
	c.place.among = s
	s.mu.Lock()
	defer s.mu.Unlock()
	for deadline, waited := time.Now().Add(s.room), false; ; waited = true {
		full, crowded := s.taken >= s.most, len(s.unknown) >= s.strangers
		now := time.Now()
		if !full && !crowded {
			if !waited {
				s.pressed = time.Time{}
			}
			c.place.came = now
			s.taken++
			s.unknown[c] = struct{}{}
			return true
		}
		if s.pressed.IsZero() {
			s.pressed = now
		}
		wait := s.room
		if s.going <= s.waiting { // one is on its way for each who waits
			if wait = s.makeRoom(now, crowded); wait == 0 {
				return false
			}
		}
		if wait = min(wait, deadline.Sub(now)); wait <= 0 {
			return false
		}
		s.await(wait)
	}
}

// await waits until something has changed, but not for longer than it is told to.
func (s *places) await(wait time.Duration) {
	changed, timer := s.changed, time.NewTimer(wait)
	s.waiting++
	s.mu.Unlock()
	select {
	case <-changed:
	case <-timer.C:
	}
	timer.Stop()
	s.mu.Lock()
	s.waiting--
}

// stir tells those who wait that something has changed.
func (s *places) stir() {
	if s.waiting > 0 {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// makeRoom sends a connection away. It returns how long that may take, or when to
// look again; 0 if nobody can go.
func (s *places) makeRoom(now time.Time, crowded bool) time.Duration {
	owner := "stranger"
	soon, sent := s.sendStranger(now)
	switch {
	case sent:
		s.sentAway.strangers.Add(1)
	case crowded:
		return soon
	case s.sendIdle(now):
		owner = "key"
		s.sentAway.idle.Add(1)
	default:
		return soon
	}
	if s.going++; s.onSent != nil {
		s.onSent(owner)
	}
	return s.room
}

// send has a connection closed by its own goroutine, which is woken; false if it
// no longer waits as it did.
func (s *places) send(w waiter) bool {
	if !w.conn.place.still.CompareAndSwap(w.still, goes) {
		return false
	}
	past := time.Unix(1, 0)
	w.conn.SetReadDeadline(past)
	if w.still < 0 {
		w.conn.SetWriteDeadline(past)
	}
	return true
}

// belongs makes a connection that of a client key which was shown on it.
func (p *place) belongs(c *Conn, key *budget.Share) {
	before := p.owner.Load()
	if before == key {
		return
	}
	p.owner.Store(key)
	if before != nil {
		return
	}
	s := p.among
	s.mu.Lock()
	delete(s.unknown, c)
	s.stir()
	s.mu.Unlock()
}

// leave gives the place of a connection back that is closed. It may be called
// again.
func (p *place) leave(c *Conn) {
	s := p.among
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.left {
		return
	}
	p.left = true
	if p.still.Swap(goes) == goes { // and nobody sends it away any more
		s.going--
	}
	delete(s.unknown, c)
	s.taken--
	s.stir()
}

// waits says that the connection waits for its client from now on, as it has since
// some time, in Unix nanoseconds; false if it was sent away. What it returns else is
// for resumes.
func (p *place) waits(since int64, within bool) (still int64, may bool) {
	if still = since; within {
		if !p.isStrangers() {
			return atWork, !p.isSentAway()
		}
		still = -since
	}
	return still, p.still.CompareAndSwap(atWork, still)
}

// resumes ends a wait; false if the connection was sent away in it.
func (p *place) resumes(still int64) bool { return p.still.CompareAndSwap(still, atWork) }

// isSentAway says whether the connection is to be closed, for others to have room.
func (p *place) isSentAway() bool { return p.still.Load() == goes }

// stays lets a connection stay that was sent away, since its client has begun a
// request: no connection is closed on one that has come. Its deadlines have passed.
func (p *place) stays() {
	s := p.among
	s.mu.Lock() // who sent it has set them by now
	p.still.Store(atWork)
	s.going--
	s.stir()
	s.mu.Unlock()
}

// isStrangers says whether no valid key has been shown on the connection.
func (p *place) isStrangers() bool { return p.owner.Load() == nil }
