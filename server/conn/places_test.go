package conn

import (
	"testing"
	"time"
)

// Newcomers have some time to show a key, and those that come meanwhile wait. If
// nobody goes, they are told to come again.
func TestNewcomerIsLetAlone(t *testing.T) {
	times := UsualTimes
	times.Grace = patience
	g := newGroup(t, 4, &times)
	addr := serve(t, g)
	first := dial(t, addr)
	eventually(t, "it is there", func() bool { return g.Count().Strangers == 1 })
	if status := dial(t, addr).status(); status != 503 {
		t.Errorf("the second got %d", status)
	}
	g.places.mu.Lock()
	g.places.room = patience
	g.places.mu.Unlock()
	third := dial(t, addr)
	third.send(chatText(plainRequest))
	first.send(chatText(plainRequest))
	for _, v := range []*visitor{first, third} {
		if status := v.status(); status != 200 {
			t.Errorf("%d", status)
		}
	}
}

// No connection is closed on a request that has come.
func TestRequestThatHasComeKeepsItsConnection(t *testing.T) {
	for name, request := range map[string]string{"a stranger's": good, "a key's": chatText(plainRequest)} {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 4, &ungraceful)
			v := dial(t, serve(t, g))
			v.send(request)
			v.status()
			conn := g.All()[0]
			eventually(t, "it waits", func() bool { return conn.Still() > 0 })
			s := g.places
			s.mu.Lock()
			conn.place.still.Store(goes) // as send does, which the request outruns
			s.going++
			v.send(request)
			time.AfterFunc(10*time.Millisecond, func() { // or is outrun by; both are good
				conn.SetReadDeadline(time.Unix(1, 0))
				s.mu.Unlock()
			})
			for range 2 {
				if status := v.status(); status != 200 {
					t.Errorf("%d", status)
				}
				v.send(request)
			}
			v.status()
			if n := g.Count(); n.Open != 1 || n.Leaving != 0 || conn.IsSentAway() {
				t.Errorf("it is still to go: %+v", n)
			}
		})
	}
}
