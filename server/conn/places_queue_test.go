package conn

import (
	"testing"
	"time"

	"uniapi/server/budget"
)

// The order is the one of looking anew each time, however many are found at once.
func TestIdleConnectionsGoFromTheGreediestFirst(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	conn := func(key *budget.Share, idle time.Duration) *Conn {
		c := new(Conn)
		c.place.owner.Store(key)
		if idle > 0 {
			c.place.still.Store(now.Add(-idle).UnixNano())
		}
		return c
	}
	a, b, busy := new(budget.Share), new(budget.Share), new(budget.Share)
	var all []*Conn
	for i := range 100 {
		all = append(all, conn(a, time.Duration(i+1)*time.Millisecond))
	}
	for i := range 98 {
		all = append(all, conn(b, time.Duration(i+1)*time.Second))
	}
	for range 50 {
		all = append(all, conn(busy, 0))
	}
	all = append(all, new(Conn)) // a stranger's
	s := newPlaces(len(all), 1, &ungraceful, func() []*Conn { return all })
	last, gone := map[*budget.Share]int64{}, map[*budget.Share]int{}
	for _, w := range s.idle(now) {
		key := w.conn.place.owner.Load()
		if w.since() < last[key] {
			t.Errorf("one that has been idle for less goes first")
		}
		last[key] = w.since()
		gone[key]++
	}
	if gone[a] != 3 || gone[b] != 1 {
		t.Errorf("of 100 go %d, of 98 %d", gone[a], gone[b])
	}

	// Whoever has no more than a part is let alone until it has been idle for long.
	all = nil
	for range 10 {
		all = append(all, conn(busy, 0))
	}
	all = append(all, conn(a, restTime-1), conn(a, time.Second))
	s = newPlaces(len(all), 1, &ungraceful, func() []*Conn { return all })
	if next := s.idle(now); len(next) != 0 {
		t.Errorf("%d go of a key that has its part", len(next))
	}
	all = append(all, conn(a, restTime))
	if next := s.idle(now); len(next) != 1 || next[0].conn != all[12] {
		t.Errorf("%d go, not the one that has been idle for long", len(next))
	}
}

// Where more strangers come than there is room for while each is let alone, that
// ends sooner: those in the kernel's queue wait for all who came before.
func TestNewcomersAreLetAloneForLessWhereManyCome(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, c := range []struct {
		name         string
		pressed      time.Duration // 0 is not at all
		came, stands time.Duration
		goes         bool
	}{
		{"alone", 0, 5 * time.Millisecond, 5 * time.Millisecond, false},
		{"alone for long", 0, time.Second, time.Second, true},
		{"others wait since a moment ago", 10 * time.Millisecond, 5 * time.Millisecond, 5 * time.Millisecond, false},
		{"others wait for long", time.Second, 5 * time.Millisecond, 5 * time.Millisecond, true},
		{"others wait, but it has only come", time.Second, 500 * time.Microsecond, 500 * time.Microsecond, false},
		{"others wait, but it has just moved", time.Second, 5 * time.Millisecond, 500 * time.Microsecond, false},
	} {
		s := newPlaces(4, 1, &UsualTimes, nil)
		conn := new(Conn)
		conn.place.came = ago(c.came)
		conn.place.still.Store(ago(c.stands).UnixNano())
		s.unknown[conn] = struct{}{}
		if c.pressed > 0 {
			s.pressed = ago(c.pressed)
		}
		if still, wait := s.stillStrangers(now); (len(still) == 1) != c.goes || wait <= 0 {
			t.Errorf("%s: %d may go, else look again in %v", c.name, len(still), wait)
		}
	}
}
