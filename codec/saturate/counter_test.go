package saturate

import (
	"math"
	"sync"
	"testing"
)

func TestCounterThatManyFillStopsAtItsEnd(t *testing.T) {
	var n Counter
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			last := int64(0)
			for range 1000 {
				n.Add(math.MaxInt64) // of which it takes Most
				if now := n.Load(); now < last {
					t.Errorf("it went from %d to %d", last, now)
				} else {
					last = now
				}
			}
		})
	}
	all.Wait()
	if got := n.Take(); got != math.MaxInt64 || n.Load() != 0 {
		t.Errorf("it ended at %d, and began again at %d", got, n.Load())
	}
}

func TestCounterChangesAsAWhole(t *testing.T) {
	var n Counter
	n.Add(10)
	to := func(then int64, ok bool) func(int64) (int64, bool) {
		return func(int64) (int64, bool) { return then, ok }
	}
	for _, test := range []struct {
		then    int64
		ok      bool
		by, now int64
	}{{12, true, 2, 12}, {5, false, 0, 12}, {-7, true, -12, 0}, {math.MaxInt64, true, math.MaxInt64, math.MaxInt64}, {1, true, 1 - math.MaxInt64, 1}} {
		if by, changed := n.Change(to(test.then, test.ok)); by != test.by || changed != test.ok || n.Load() != test.now {
			t.Errorf("%+v: changed by %d to %d, %v", test, by, n.Load(), changed)
		}
	}
}
