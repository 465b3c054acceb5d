package balancer

import (
	"sync/atomic"
	"testing"
	"time"
)

const second = int64(time.Second)

func newRest() *rest { return &rest{changes: new(atomic.Uint64)} }

// paused is a rest for all that began at one second and lasts for ten.
func paused() *rest {
	r := newRest()
	r.begin(&pause{began: second, until: 11 * second, reason: "it failed"})
	return r
}

// pausedFor is one for a client alone.
func pausedFor(c *client) *rest {
	r := newRest()
	r.failed(&pause{began: second, until: 11 * second, reason: "it failed"}, c, second/2)
	return r
}

func TestAfterAPauseOneRequestProbes(t *testing.T) {
	mine := new(client)
	if got := newRest().take(second, mine); got != fit {
		t.Errorf("what never failed is %v, want fit", got)
	}
	for whom, r := range map[string]*rest{"all": paused(), "this client": pausedFor(mine)} {
		for at, want := range map[int64]standing{2 * second: resting, 11*second - 1: resting} {
			if got := r.take(at, mine); got != want {
				t.Errorf("paused for %s: after %ds it is %v, want %v", whom, at/second, got, want)
			}
		}
		for i, want := range []standing{probing, resting, resting} {
			if got := r.take(11*second, mine); got != want {
				t.Errorf("paused for %s: request %d after the pause finds %v, want %v", whom, i, got, want)
			}
		}
	}
}

func TestWhatAProbeLearnsDecides(t *testing.T) {
	const at, later = 12 * second, 13 * second
	mine, other := new(client), new(client)
	for _, test := range []struct {
		name   string
		report func(*rest)
		want   []standing // of the client's requests after it
	}{
		{"it was served", func(r *rest) { r.served(at, mine) }, []standing{fit, fit}},
		{"it told nothing", func(r *rest) { r.release(at, mine) }, []standing{probing, resting}},
		{"it failed", func(r *rest) { r.failed(&pause{began: later, until: later + 10*second}, mine, at) }, []standing{resting, resting}},
		{"it has not been reported", func(*rest) {}, []standing{resting, resting}},
		{"a request from before the pause was served", func(r *rest) { r.served(second/2, mine) }, []standing{resting, resting}},
		{"a request of the moment the pause began was served", func(r *rest) { r.served(second, mine) }, []standing{resting, resting}},
		{"another probe, whose lease had run out, told nothing", func(r *rest) { r.release(11*second, mine) }, []standing{resting, resting}},
		{"another client's probe told nothing", func(r *rest) { r.release(at, other) }, []standing{resting, resting}},
	} {
		for whom, r := range map[string]*rest{"all": paused(), "this client": pausedFor(mine)} {
			t.Run(test.name+", paused for "+whom, func(t *testing.T) {
				if r.take(at, mine) != probing {
					t.Fatal("there is no probe")
				}
				test.report(r)
				for i, want := range test.want {
					if got := r.take(later+1, mine); got != want {
						t.Errorf("request %d after it finds %v, want %v", i, got, want)
					}
				}
			})
		}
	}
}

func TestAProbeThatIsNeverReportedIsReplaced(t *testing.T) {
	mine := new(client)
	for whom, r := range map[string]*rest{"all": paused(), "this client": pausedFor(mine)} {
		r.take(11*second, mine)
		if got := r.take(11*second+probeLease-1, mine); got != resting {
			t.Errorf("paused for %s: before the lease has run out it is %v", whom, got)
		}
		if got := r.take(11*second+probeLease, mine); got != probing {
			t.Errorf("paused for %s: after the lease has run out it is %v, want a probe", whom, got)
		}
	}
}

func TestAProbeOfAPauseThatWasReplacedHealsOnlyWhatItSaw(t *testing.T) {
	mine := new(client)
	for whom, r := range map[string]*rest{"all": paused(), "this client": pausedFor(mine)} {
		r.take(12*second, mine)
		r.failed(&pause{began: 13 * second, until: 20 * second, sure: whom == "all"}, mine, second/2) // a request from before the pause was slow to fail
		r.served(12*second, mine)
		if got := r.take(14*second, mine); got != resting {
			t.Errorf("paused for %s: it is %v, want at rest", whom, got)
		}
		if got := r.take(20*second, mine); got != probing {
			t.Errorf("paused for %s: after the second pause it is %v, want a probe", whom, got)
		}
	}
}

func TestAFurtherFailureNeverShortensAPause(t *testing.T) {
	hours := int64(6 * time.Hour)
	mine := new(client)
	for _, test := range []struct {
		name  string
		next  pause
		until int64
		hard  bool
		why   string
	}{
		{"a shorter one", pause{began: 2 * second, until: 3 * second, reason: "late"}, hours, true, "no quota"},
		{"a longer one", pause{began: 2 * second, until: 2 * hours, reason: "refused"}, 2 * hours, true, "refused"},
		{"one after it is over", pause{began: hours, until: hours + second, reason: "again"}, hours + second, false, "again"},
	} {
		for _, sure := range []bool{true, false} {
			r, next := newRest(), test.next
			next.sure = sure
			r.failed(&pause{began: second, until: hours, hard: true, sure: sure, reason: "no quota"}, mine, 0)
			r.failed(&next, mine, second)
			if v := r.look(test.next.began, mine); v.until != test.until || v.hard != test.hard || v.reason != test.why || v.alone == sure {
				t.Errorf("%s, sure %v: %+v", test.name, sure, v)
			}
		}
	}
}

func TestOfManyGoroutinesOneProbes(t *testing.T) {
	for range 200 {
		mine := new(client)
		for whom, r := range map[string]*rest{"all": paused(), "this client": pausedFor(mine)} {
			var probes, fits atomic.Int32
			concurrently(8, func(int) {
				switch r.take(11*second, mine) {
				case probing:
					probes.Add(1)
				case fit:
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
	r, mine := paused(), new(client)
	var now, inside, probes atomic.Int64
	now.Store(11 * second)
	concurrently(8, func(int) {
		for range 5_000 {
			at := now.Add(1)
			if r.take(at, mine) != probing {
				continue
			}
			if inside.Add(1) > 1 {
				t.Error("two probes are under way")
			}
			inside.Add(-1)
			if probes.Add(1)%2 == 0 {
				r.release(at, mine)
			} else {
				r.failed(&pause{began: at, until: at + 20, sure: probes.Load()%3 == 0}, mine, at)
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
