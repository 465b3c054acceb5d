package conn

import (
	"cmp"
	"slices"
	"time"

	"uniapi/server/budget"
)

// waiter is a connection that waits for its client, as it stood when it was looked
// at.
type waiter struct {
	conn  *Conn
	still int64
}

// since is from when on it has waited, in Unix nanoseconds.
func (w waiter) since() int64 { return max(w.still, -w.still) }

func (w waiter) before(other waiter) int { return cmp.Compare(w.since(), other.since()) }

// queue are those who go next. Looking through all connections takes time, so it
// finds more than one: those that have stood still for longest are so until they
// move.
type queue []waiter

func (q *queue) pop() (first waiter, is bool) {
	if len(*q) == 0 {
		return first, false
	}
	first = (*q)[0]
	(*q)[0].conn = nil
	*q = (*q)[1:]
	return first, true
}

// atOnce is how many are looked for among n: few, so that what has changed since
// then hardly matters, and enough for a newcomer to cost about as many looks, however
// many there are.
func atOnce(n int) int { return n/64 + 1 }

// sendStranger sends the stranger away that has stood still for longest. A newcomer
// is let alone for a while, in which it can show a key; that while does not begin
// anew with anything it does, and it ends early where more come than there is room
// for in it. If nobody can go, wait says when to look again, 0 if there are no
// strangers.
func (s *places) sendStranger(now time.Time) (wait time.Duration, sent bool) {
	q := &s.queue.strangers
	for looked := false; ; looked = true {
		for w, more := q.pop(); more; w, more = q.pop() {
			if w.conn.place.isStrangers() && s.send(w) {
				return 0, true
			}
		}
		if looked {
			return wait, false
		}
		*q, wait = s.stillStrangers(now)
	}
}

// isPressed says whether more come than there is room for while each is let alone.
func (s *places) isPressed(now time.Time) bool {
	return !s.pressed.IsZero() && now.Sub(s.pressed) > s.grace/pressure
}

// stillStrangers are strangers that may go, those first that have stood still for
// longest.
func (s *places) stillStrangers(now time.Time) (still queue, wait time.Duration) {
	alone, stands := s.grace, stillTime
	if s.isPressed(now) {
		alone, stands = alone/pressedGrace, stillTime/10
	}
	for c := range s.unknown {
		grace := alone - now.Sub(c.place.came)
		w := waiter{c, c.place.still.Load()}
		switch {
		case grace > 0: // it is let alone
		case w.still == atWork, w.still == goes, now.UnixNano()-w.since() < int64(stands):
			grace = roomPause
		default:
			still, grace = append(still, w), roomPause
		}
		if wait == 0 || grace < wait { // the soonest
			wait = grace
		}
	}
	slices.SortFunc(still, waiter.before)
	return slices.Clone(still[:min(len(still), atOnce(len(s.unknown)))]), wait
}

// Once newcomers have had to wait for a fifth of the time in which one is let alone,
// 50 ms, that time is 1 ms, and so is what it takes to stand still: the head of a
// request is there as soon as a connection is taken, or soon after. Else whoever is
// in the kernel's queue waits for all who came before.
const (
	pressure     = 5
	pressedGrace = 250
)

// stillTime is how long a connection must have waited for its client to stand still:
// a write waits for an instant, too.
const stillTime = 10 * time.Millisecond

// stalledTime is how long a write to a client of a key must have waited for it to be
// one that takes nothing.
const stalledTime = time.Second

// restTime is how long a connection must have been idle to go whose key has no more
// than its part of all places.
const restTime = 10 * time.Second

// sendIdle sends an idle connection away: of the key that has the most, the one that
// has been idle for longest. False if there is none.
func (s *places) sendIdle(now time.Time) bool {
	q := &s.queue.idle
	for looked := false; ; looked = true {
		for w, more := q.pop(); more; w, more = q.pop() {
			if s.send(w) {
				return true
			}
		}
		if looked || now.Before(s.nextLook) {
			return false
		}
		*q = s.idle(now)
		if len(*q) == 0 { // looking in vain may take a tenth of the time
			s.nextLook = now.Add(10 * time.Since(now))
		}
	}
}

// idleOf are the connections of a key.
type idleOf struct {
	open    int
	idle    queue
	stalled queue // their clients take nothing of an answer
}

// next is the next one of a key's to go: one that has been idle, for a while if the
// key has no more than its part, and if it has more one whose client takes nothing.
func (of *idleOf) next(now time.Time, more bool) (w waiter, is bool) {
	if len(of.idle) > 0 && (more || now.UnixNano()-of.idle[0].since() >= int64(restTime)) {
		return of.idle.pop()
	}
	if more {
		return of.stalled.pop()
	}
	return w, false
}

// idle are connections of keys that may go, in the order in which they would if one
// were looked for each time.
func (s *places) idle(now time.Time) (next queue) {
	all, keys := s.all(), map[*budget.Share]*idleOf{}
	for _, c := range all {
		key := c.place.owner.Load()
		if key == nil {
			continue
		}
		of := keys[key]
		if of == nil {
			of = new(idleOf)
			keys[key] = of
		}
		of.open++
		switch state := c.place.still.Load(); {
		case state > 0:
			of.idle = append(of.idle, waiter{c, state})
		case state < 0 && state != goes && now.UnixNano()+state > int64(stalledTime):
			of.stalled = append(of.stalled, waiter{c, state})
		}
	}
	var most []*idleOf
	for _, of := range keys {
		slices.SortFunc(of.idle, waiter.before)
		slices.SortFunc(of.stalled, waiter.before)
		most = append(most, of)
	}
	slices.SortFunc(most, func(a, b *idleOf) int { return b.open - a.open })
	if len(most) == 0 {
		return nil
	}
	part := s.most / (len(keys) + 1)                // the newcomer may be another's
	for level := most[0].open; level > 0; level-- { // one of each that has so many
		for _, of := range most {
			if of.open < level {
				break
			}
			w, is := of.next(now, level > part)
			if !is {
				continue
			}
			if next = append(next, w); len(next) == atOnce(len(all)) {
				return next
			}
		}
	}
	return next
}
