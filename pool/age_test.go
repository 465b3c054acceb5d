package pool

import (
	"testing"
	"time"
	"uniapi/pool/pooltest"
)

// older makes the idle connections of a target older than they are.
func older(tg *Target, by time.Duration) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	for _, c := range tg.idle {
		c.madeAt -= int64(by)
	}
}

// Under steady traffic a connection is never idle for long, so that only its age can end it.
func TestConnectionServesForItsTimeAndNoLonger(t *testing.T) {
	for name, test := range map[string]struct {
		set     func(*Pool)
		age     time.Duration
		kept    bool
		looking bool // it grows old while it is idle, and not between two requests
	}{
		"young":                       {age: DefaultMaxAge / 2, kept: true},
		"old":                         {age: DefaultMaxAge},
		"old for a setting":           {set: func(p *Pool) { p.KeepFor(time.Minute) }, age: time.Minute},
		"old without a limit":         {set: func(p *Pool) { p.KeepFor(0) }, age: 100 * DefaultMaxAge, kept: true},
		"old by the time of the look": {age: DefaultMaxAge, looking: true},
	} {
		t.Run(name, func(t *testing.T) {
			tg := direct(t, pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer)))
			if test.set != nil {
				test.set(tg.pool)
			}
			mustFetch(t, tg)
			older(tg, test.age)
			if test.looking {
				tg.sweep()
			} else {
				mustFetch(t, tg) // over the old one, whose answer is its last
			}
			if kept := tg.idleCount() == 1; kept != test.kept {
				t.Errorf("kept: %v", kept)
			}
		})
	}
}

func TestConnectionsMadeTogetherAreNotGivenUpTogether(t *testing.T) {
	tg := direct(t, pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer)))
	seen := map[float64]bool{}
	for range 8 {
		c, err := tg.dial(new(Call))
		if err != nil {
			t.Fatal(err)
		}
		if seen[c.share] = true; c.share < 0.75 || c.share > 1 {
			t.Errorf("one is given up after %v of the time", c.share)
		}
		c.dispose()
	}
	if len(seen) < 2 {
		t.Errorf("all at the same age: %v", seen)
	}
}

func TestAfterRenewNoConnectionFromBeforeIsAsked(t *testing.T) {
	tg := direct(t, pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer)))
	var call Call
	busy, err := tg.Do(&call, post, patient)
	if err != nil {
		t.Fatal(err)
	}
	mustFetch(t, tg) // over another one, which is idle then
	tg.pool.Renew()
	if n := tg.idleCount(); n != 0 {
		t.Errorf("%d are idle", n)
	}
	if body, err := busy.AppendBody(nil, 0); string(body) != "{}" || err != nil {
		t.Errorf("what was under way brought %q %v", body, err)
	}
	busy.Close()
	mustFetch(t, tg)
	if s := tg.pool.Stats(); s.Dials != 3 || s.Open != 1 || s.Idle != 1 {
		t.Errorf("%+v", s)
	}
}
