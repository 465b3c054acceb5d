package breaker

import (
	"sync/atomic"
	"testing"
	"time"
)

const second = int64(time.Second)

func newBreaker() *Breaker { return new(Group).New(Name{}) }

// paused is a rest for all that began at one second and lasts for ten.
func paused() *Breaker {
	r := newBreaker()
	r.begin(&Pause{Began: second, Until: 11 * second, Reason: "it failed"})
	return r
}

// pausedFor is one for a client alone.
func pausedFor(c *Client) *Breaker {
	r := newBreaker()
	r.Failed(&Pause{Began: second, Until: 11 * second, Reason: "it failed"}, c, second/2)
	return r
}

func TestAfterAPauseOneRequestProbes(t *testing.T) {
	mine := new(Client)
	if got := newBreaker().Take(second, mine); got != Closed {
		t.Errorf("what never failed is %v, want closed", got)
	}
	for whom, r := range map[string]*Breaker{"all": paused(), "this client": pausedFor(mine)} {
		for at, want := range map[int64]State{2 * second: Open, 11*second - 1: Open} {
			if got := r.Take(at, mine); got != want {
				t.Errorf("paused for %s: after %ds it is %v, want %v", whom, at/second, got, want)
			}
		}
		for i, want := range []State{HalfOpen, Open, Open} {
			if got := r.Take(11*second, mine); got != want {
				t.Errorf("paused for %s: request %d after the pause finds %v, want %v", whom, i, got, want)
			}
		}
	}
}

func TestWhatAProbeLearnsDecides(t *testing.T) {
	const at, later = 12 * second, 13 * second
	mine, other := new(Client), new(Client)
	for _, test := range []struct {
		name   string
		report func(*Breaker)
		want   []State // of the client's requests after it
	}{
		{"it was served", func(b *Breaker) { b.Served(at, mine) }, []State{Closed, Closed}},
		{"it told nothing", func(b *Breaker) { b.Release(at, mine) }, []State{HalfOpen, Open}},
		{"it failed", func(b *Breaker) { b.Failed(&Pause{Began: later, Until: later + 10*second}, mine, at) }, []State{Open, Open}},
		{"it has not been reported", func(*Breaker) {}, []State{Open, Open}},
		{"a request from before the pause was served", func(b *Breaker) { b.Served(second/2, mine) }, []State{Open, Open}},
		{"a request of the moment the pause began was served", func(b *Breaker) { b.Served(second, mine) }, []State{Open, Open}},
		{"another probe, whose lease had run out, told nothing", func(b *Breaker) { b.Release(11*second, mine) }, []State{Open, Open}},
		{"another client's probe told nothing", func(b *Breaker) { b.Release(at, other) }, []State{Open, Open}},
	} {
		for whom, r := range map[string]*Breaker{"all": paused(), "this client": pausedFor(mine)} {
			t.Run(test.name+", paused for "+whom, func(t *testing.T) {
				if r.Take(at, mine) != HalfOpen {
					t.Fatal("there is no probe")
				}
				test.report(r)
				for i, want := range test.want {
					if got := r.Take(later+1, mine); got != want {
						t.Errorf("request %d after it finds %v, want %v", i, got, want)
					}
				}
			})
		}
	}
}

func TestProbeThatIsNeverReportedIsReplaced(t *testing.T) {
	mine := new(Client)
	for whom, r := range map[string]*Breaker{"all": paused(), "this client": pausedFor(mine)} {
		r.Take(11*second, mine)
		if got := r.Take(11*second+ProbeLease-1, mine); got != Open {
			t.Errorf("paused for %s: before the lease has run out it is %v", whom, got)
		}
		if got := r.Take(11*second+ProbeLease, mine); got != HalfOpen {
			t.Errorf("paused for %s: after the lease has run out it is %v, want a probe", whom, got)
		}
	}
}

func TestProbeOfAPauseThatWasReplacedHealsOnlyWhatItSaw(t *testing.T) {
	mine := new(Client)
	for whom, r := range map[string]*Breaker{"all": paused(), "this client": pausedFor(mine)} {
		r.Take(12*second, mine)
		r.Failed(&Pause{Began: 13 * second, Until: 20 * second, Sure: whom == "all"}, mine, second/2) // a request from before the pause was slow to fail
		r.Served(12*second, mine)
		if got := r.Take(14*second, mine); got != Open {
			t.Errorf("paused for %s: it is %v, want at rest", whom, got)
		}
		if got := r.Take(20*second, mine); got != HalfOpen {
			t.Errorf("paused for %s: after the second pause it is %v, want a probe", whom, got)
		}
	}
}

func TestFurtherFailureNeverShortensAPause(t *testing.T) {
	hours := int64(6 * time.Hour)
	mine := new(Client)
	for _, test := range []struct {
		name  string
		next  Pause
		until int64
		hard  bool
		why   string
	}{
		{"a shorter one", Pause{Began: 2 * second, Until: 3 * second, Reason: "late"}, hours, true, "no quota"},
		{"a longer one", Pause{Began: 2 * second, Until: 2 * hours, Reason: "refused"}, 2 * hours, true, "refused"},
		{"one after it is over", Pause{Began: hours, Until: hours + second, Reason: "again"}, hours + second, false, "again"},
	} {
		for _, sure := range []bool{true, false} {
			r, next := newBreaker(), test.next
			next.Sure = sure
			r.Failed(&Pause{Began: second, Until: hours, Held: hours, Sure: sure, Reason: "no quota"}, mine, 0)
			r.Failed(&next, mine, second)
			if v := r.Look(test.next.Began, mine); v.Until != test.until || (v.Held > 0) != test.hard || v.Reason != test.why || v.Alone == sure {
				t.Errorf("%s, sure %v: %+v", test.name, sure, v)
			}
		}
	}
}

func TestOfManyGoroutinesOneProbes(t *testing.T) {
	for range 200 {
		mine := new(Client)
		for whom, r := range map[string]*Breaker{"all": paused(), "this client": pausedFor(mine)} {
			var probes, fits atomic.Int32
			concurrently(8, func(int) {
				switch r.Take(11*second, mine) {
				case HalfOpen:
					probes.Add(1)
				case Closed:
					fits.Add(1)
				}
			})
			if probes.Load() != 1 || fits.Load() != 0 {
				t.Fatalf("paused for %s: %d probes and %d other requests, want one probe", whom, probes.Load(), fits.Load())
			}
		}
	}
}

func TestProbesAreAloneHoweverTheyEnd(t *testing.T) {
	r, mine := paused(), new(Client)
	var now, inside, probes atomic.Int64
	now.Store(11 * second)
	concurrently(8, func(int) {
		for range 5_000 {
			at := now.Add(1)
			if r.Take(at, mine) != HalfOpen {
				continue
			}
			if inside.Add(1) > 1 {
				t.Error("two probes are under way")
			}
			inside.Add(-1)
			if probes.Add(1)%2 == 0 {
				r.Release(at, mine)
			} else {
				r.Failed(&Pause{Began: at, Until: at + 20, Sure: probes.Load()%3 == 0}, mine, at)
			}
		}
	})
	if rec := r.record.Load(); len(rec.probes) != 0 || len(rec.alone) != 0 && rec.alone[0].probe != 0 {
		t.Errorf("a probe was left behind: %+v", rec)
	}
	if probes.Load() < 100 {
		t.Errorf("only %d probes in 40,000 requests", probes.Load())
	}
}
