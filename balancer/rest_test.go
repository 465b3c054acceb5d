package balancer

import (
	"sync/atomic"
	"testing"
	"time"
)

const second = int64(time.Second)

func newRest() *rest { return &rest{changes: new(atomic.Uint64)} }

// paused is a rest that began at one second and lasts for ten.
func paused() *rest {
	r := newRest()
	r.begin(&pause{began: second, until: 11 * second, reason: "it failed"})
	return r
}

func TestAfterAPauseOneRequestProbes(t *testing.T) {
	r := newRest()
	if got := r.take(second); got != fit {
		t.Errorf("what never failed is %v, want fit", got)
	}
	r = paused()
	for at, want := range map[int64]standing{2 * second: resting, 11*second - 1: resting} {
		if got := r.take(at); got != want {
			t.Errorf("after %ds it is %v, want %v", at/second, got, want)
		}
	}
	for i, want := range []standing{probing, resting, resting} {
		if got := r.take(11 * second); got != want {
			t.Errorf("request %d after the pause finds %v, want %v", i, got, want)
		}
	}
}

func TestWhatAProbeLearnsDecides(t *testing.T) {
	const at, later = 12 * second, 13 * second
	for _, test := range []struct {
		name   string
		report func(*rest)
		want   []standing // of the requests after it
	}{
		{"it was served", func(r *rest) { r.healed(at) }, []standing{fit, fit}},
		{"it told nothing", func(r *rest) { r.release(at) }, []standing{probing, resting}},
		{"it failed", func(r *rest) { r.begin(&pause{began: later, until: later + 10*second}) }, []standing{resting, resting}},
		{"it has not been reported", func(*rest) {}, []standing{resting, resting}},
		{"a request from before the pause was served", func(r *rest) { r.healed(second / 2) }, []standing{resting, resting}},
		{"a request of the moment the pause began was served", func(r *rest) { r.healed(second) }, []standing{resting, resting}},
		{"another probe, whose lease had run out, told nothing", func(r *rest) { r.release(11 * second) }, []standing{resting, resting}},
		{"a request from before the pause failed", func(r *rest) { r.begin(&pause{began: later, until: later + 1}) }, []standing{probing, resting}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := paused()
			if r.take(at) != probing {
				t.Fatal("there is no probe")
			}
			test.report(r)
			for i, want := range test.want {
				if got := r.take(later + 1); got != want {
					t.Errorf("request %d after it finds %v, want %v", i, got, want)
				}
			}
		})
	}
}

func TestAProbeThatIsNeverReportedIsReplaced(t *testing.T) {
	r := paused()
	r.take(11 * second)
	if got := r.take(11*second + probeLease - 1); got != resting {
		t.Errorf("before the lease has run out it is %v", got)
	}
	if got := r.take(11*second + probeLease); got != probing {
		t.Errorf("after the lease has run out it is %v, want a probe", got)
	}
}

func TestAProbeOfAPauseThatWasReplacedHealsOnlyWhatItSaw(t *testing.T) {
	r := paused()
	r.take(12 * second)
	r.begin(&pause{began: 13 * second, until: 20 * second}) // a request from before the pause was slow to fail
	r.healed(12 * second)
	if got := r.take(14 * second); got != resting {
		t.Errorf("it is %v, want at rest", got)
	}
	if got := r.take(20 * second); got != probing {
		t.Errorf("after the second pause it is %v, want a probe", got)
	}
}

func TestAFurtherFailureNeverShortensAPause(t *testing.T) {
	hours := int64(6 * time.Hour)
	for _, test := range []struct {
		name  string
		next  *pause
		until int64
		hard  bool
		why   string
	}{
		{"a shorter one", &pause{began: 2 * second, until: 3 * second, reason: "late"}, hours, true, "no quota"},
		{"a longer one", &pause{began: 2 * second, until: 2 * hours, reason: "refused"}, 2 * hours, true, "refused"},
		{"one after it is over", &pause{began: hours, until: hours + second, reason: "again"}, hours + second, false, "again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRest()
			r.begin(&pause{began: second, until: hours, hard: true, reason: "no quota"})
			r.begin(test.next)
			if _, p := r.look(2 * second); p.until != test.until || p.hard != test.hard || p.reason != test.why {
				t.Errorf("until %v, hard %v, because of %q", time.Duration(p.until), p.hard, p.reason)
			}
		})
	}
}

func TestOfManyGoroutinesOneProbes(t *testing.T) {
	for range 200 {
		r := paused()
		var probes, fits atomic.Int32
		concurrently(8, func(int) {
			switch r.take(11 * second) {
			case probing:
				probes.Add(1)
			case fit:
				fits.Add(1)
			}
		})
		if probes.Load() != 1 || fits.Load() != 0 {
			t.Fatalf("%d probes and %d other requests, want one probe", probes.Load(), fits.Load())
		}
	}
}

func TestProbesAreAloneHoweverTheyEnd(t *testing.T) {
	r := paused()
	var now, inside, probes atomic.Int64
	now.Store(11 * second)
	concurrently(8, func(int) {
		for range 5_000 {
			at := now.Add(1)
			if r.take(at) != probing {
				continue
			}
			if inside.Add(1) > 1 {
				t.Error("two probes are under way")
			}
			inside.Add(-1)
			if probes.Add(1)%2 == 0 {
				r.release(at)
			} else {
				r.begin(&pause{began: at, until: at + 20})
			}
		}
	})
	if p := r.pause.Load(); p.probe.Load() != 0 {
		t.Error("a probe was left behind")
	}
	if probes.Load() < 100 {
		t.Errorf("only %d probes in 40,000 requests", probes.Load())
	}
}
