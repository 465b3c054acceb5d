package pool

import (
	"testing"
	"time"
	"uniapi/pool/pooltest"
)

func TestWhenAConnectionIsToRest(t *testing.T) {
	known := known(time.Second)
	for _, tt := range []struct {
		name   string
		after  step
		took   time.Duration
		pace   *Pace
		served time.Duration
		due    bool
		rest   time.Duration
	}{
		{name: "it is new", took: time.Second, pace: known, served: time.Minute, rest: 2 * time.Second},
		{name: "few answers in a long time", after: step{answers: restAfter - 2}, took: time.Second, pace: known, served: time.Hour, rest: 2 * time.Second},
		{name: "many answers in a short time", after: step{answers: 1000}, took: time.Second, pace: known, served: restEvery - 1, rest: 2 * time.Second},
		{name: "many answers", after: step{answers: restAfter - 1}, took: time.Second, pace: known, served: restEvery, due: true, rest: 2 * time.Second},
		{name: "many quick answers", after: step{answers: restAfter}, took: time.Millisecond, pace: new(Pace), served: restEvery, due: true, rest: shortestRest},
		{name: "the rest is by the longest", after: step{answers: restAfter, longest: int64(20 * time.Second)}, took: time.Second, pace: known, served: time.Minute, due: true, rest: 40 * time.Second},
		{name: "an answer much sooner than any before", took: 700 * time.Millisecond, pace: known, due: true, rest: 2 * time.Second},
		{name: "an answer somewhat sooner", took: 800 * time.Millisecond, pace: known, rest: 1600 * time.Millisecond},
		{name: "nothing is known of the times", took: time.Millisecond, rest: shortestRest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &conn{state: state{step: tt.after}, moments: moments{firstByte: int64(tt.took)}}
			c.resp.Status = 200
			c.step.suspects(c.took(), tt.pace, false)
			c.believe(nil)
			if due, rest := c.step.due(int64(tt.served)), time.Duration(c.step.rest()); due != tt.due || rest != tt.rest {
				t.Errorf("due %v, for %v; want %v, for %v", due, rest, tt.due, tt.rest)
			}
		})
	}
}

// tire has an answer come over a connection that is due to rest after it.
func tire(t *testing.T, tg *Target) *conn {
	t.Helper()
	mustFetch(t, tg)
	c := tg.pop(post)
	c.step = step{answers: restAfter, provedAt: tg.pool.now() - int64(2*restEvery)}
	tg.mu.Lock()
	tg.idle = append(tg.idle, idleConn{conn: c})
	tg.mu.Unlock()
	mustFetch(t, tg)
	return c
}

func TestConnectionRestsUntilItHasProvedToBeInStep(t *testing.T) {
	u := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	tg := target(t, newPool(t, Options{MaxIdlePerTarget: 2 * restRoom}), "http", u.Addr, "")
	first := tire(t, tg)
	mustFetch(t, tg)
	if s := tg.pool.Stats(); s.Dials != 2 || s.Reused != 1 {
		t.Fatalf("before it has rested: %+v", s)
	}
	tg.sweep()
	if tg.mu.Lock(); len(tg.idle) != 2 || !tg.idle[0].resting || tg.idle[0].conn != first {
		t.Error("it does not rest until it has been silent for long enough")
	}
	tg.idle[0].idleSince -= int64(shortestRest)
	tg.mu.Unlock()
	tg.sweep()
	if tg.mu.Lock(); tg.idle[0].resting || first.step.answers != 0 {
		t.Error("it rests for ever")
	}
	tg.mu.Unlock()

	// There is room for two to rest.
	for range 3 {
		tire(t, tg)
	}
	if s := tg.pool.Stats(); s.Dials != 3 || s.Idle != 3 {
		t.Errorf("%+v", s)
	}
}

// An upstream whose answers are always those to the request before, so that neither times nor looks tell, is found out.
func TestConnectionThatIsOffByOneIsFoundOutWhenItRests(t *testing.T) {
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		for n := 0; ; n++ {
			if _, _, ok := p.Request(); !ok {
				return
			}
			if n < 2 {
				p.Say(pooltest.OKAnswer) // the second time it is not the answer to this request
			}
			if n > 0 {
				time.Sleep(200 * time.Millisecond)
				p.Say(pooltest.OKAnswer)
			}
		}
	})
	var heard told
	tg := target(t, newPool(t, Options{OnStray: heard.hear}), "http", u.Addr, "")
	for range 4 {
		mustFetch(t, tg)
	}
	if n := len(heard.all()); n > 0 {
		t.Fatalf("told %q", heard.all())
	}
	tire(t, tg)
	pooltest.Eventually(t, "it is found out", func() bool { tg.sweep(); return len(heard.all()) == 1 })
}
