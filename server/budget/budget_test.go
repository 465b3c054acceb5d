package budget

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
)

const mib = 1 << 20

// begin is a request of a key.
func begin(b *Budget, s *Share) *Holding {
	h := new(Holding)
	h.Begin(b, s)
	return h
}

// fill has a request hold as much as it gets, and returns that.
func fill(h *Holding) int {
	n := 0
	for h.Hold(Body, n+step) == nil {
		n += step
	}
	return n
}

func TestSmallRequestsAreNotCounted(t *testing.T) {
	b := New(mib)
	h := begin(b, new(Share))
	for use := range uses {
		if err := h.Hold(use, Free/int(uses)); err != nil {
			t.Fatal(err)
		}
	}
	if b.Taken() != 0 {
		t.Errorf("%d bytes taken", b.Taken())
	}
	if n := testing.AllocsPerRun(100, func() {
		var h Holding
		h.Begin(b, nil)
		h.Hold(Body, 3000)
		h.Hold(Answer, 2000)
		h.End()
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWhatIsHeldIsTakenBeforeAndGivenBack(t *testing.T) {
	b, s := New(10*mib), new(Share)
	h := begin(b, s)
	for _, test := range []struct {
		use   Use
		bytes int
		least int64 // that must have been taken then
	}{
		{Body, mib, mib}, {Request, 2 * mib, 3 * mib}, {Body, 0, 2 * mib}, {Answer, mib, 3 * mib}, {Request, 0, mib}, {Answer, 0, 0},
	} {
		if err := h.Hold(test.use, test.bytes); err != nil {
			t.Fatal(err)
		}
		if n := b.Taken(); n < test.least-Free || n > test.least+step {
			t.Errorf("%s %d: %d bytes taken", test.use, test.bytes, n)
		}
		if b.Taken() != s.Taken() {
			t.Errorf("the key has %d of %d", s.Taken(), b.Taken())
		}
	}
	if b.Highest() < 3*mib-Free {
		t.Errorf("at the most %d", b.Highest())
	}
	if err := h.Hold(Media, 2*mib); err != nil {
		t.Fatal(err)
	}
	h.End()
	h.End()
	if b.Taken() != 0 || s.Taken() != 0 {
		t.Errorf("%d and %d bytes are left", b.Taken(), s.Taken())
	}
}

func TestRefusalChangesNothingAndSaysWhetherToComeAgain(t *testing.T) {
	b, s := New(9*mib), new(Share)
	h := begin(b, s)
	if err := h.Hold(Body, 4*mib); err != nil {
		t.Fatal(err)
	}
	before := b.Taken()
	err := h.Hold(Request, 5*mib)
	if refused, is := errors.AsType[*Refused](err); !is || !refused.Never || refused.Use != Request {
		t.Errorf("more than a request may hold: %v", err)
	}
	if b.Taken() != before || h.Held(Request) != 0 {
		t.Errorf("%d bytes taken, before it were %d", b.Taken(), before)
	}
	other := begin(b, s)
	err = other.Hold(Body, 4*mib)
	if refused, is := errors.AsType[*Refused](err); !is || refused.Never {
		t.Errorf("what fits when the first is gone: %v", err)
	}
	if b.Refused() != 2 {
		t.Errorf("%d refusals", b.Refused())
	}
	h.End()
	if err := other.Hold(Body, 4*mib); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestRequestWithoutAKeyHoldsWhatIsFreeAndNoMore(t *testing.T) {
	var h Holding
	if err := h.Hold(Body, Free); err != nil {
		t.Error(err)
	}
	if err := h.Hold(Body, Free+1); err == nil {
		t.Error("more than is free was given")
	}
	h.End()
}

func TestNoKeyGetsMoreThanItsPartWhenItIsScarce(t *testing.T) {
	const limit = 90 * mib
	for _, keys := range []int{1, 2, 5, 10} {
		b := New(limit)
		shares := make([]Share, keys)
		// All want everything, in turns, with many requests each.
		for more := true; more; {
			more = false
			for i := range shares {
				more = begin(b, &shares[i]).Hold(Body, step+Free) == nil || more
			}
		}
		for i := range shares {
			if got, part := shares[i].Taken(), int64(limit*greed/(greed*keys+1)); got > part+step || got < part-limit/20 {
				t.Errorf("%d keys: one has %d MiB, its part is %d", keys, got>>20, part>>20)
			}
		}
		newcomer := new(Share)
		if left, got := limit-b.Taken(), fill(begin(b, newcomer)); int64(got) < left/2 {
			t.Errorf("%d keys: a newcomer gets %d of %d MiB that are left", keys, got>>20, left>>20)
		}
	}
}

func TestKeyThatHoldsAllItCanLeavesRoomForOthers(t *testing.T) {
	b := New(90 * mib)
	greedy := new(Share)
	if got := fill(begin(b, greedy)); int64(got) > b.Most()+step || int64(got) < b.Most()-step {
		t.Errorf("alone it gets %d bytes, not %d", got, b.Most())
	}
	for range 100 {
		if err := begin(b, greedy).Hold(Body, 20*mib); err == nil {
			t.Fatal("it got more")
		}
	}
	if got := fill(begin(b, new(Share))); got < 19*mib {
		t.Errorf("another gets %d MiB", got>>20)
	}
}

// The order of the two counters must not matter: many at once, and nothing is left.
func TestBudgetIsNeverExceededAndComesBackWhole(t *testing.T) {
	b := New(8 * mib)
	shares := make([]Share, 4)
	var workers sync.WaitGroup
	for i := range 16 {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for range 2000 {
				h := begin(b, &shares[i%len(shares)])
				for range random.IntN(6) {
					h.Hold(Use(random.IntN(int(uses))), random.IntN(2*mib))
					if b.Highest() > b.Limit() {
						t.Error("more was given than there is")
						return
					}
				}
				h.End()
			}
		})
	}
	workers.Wait()
	if b.Taken() != 0 {
		t.Errorf("%d bytes are left", b.Taken())
	}
	for i := range shares {
		if n := shares[i].Taken(); n != 0 {
			t.Errorf("key %d has %d bytes", i, n)
		}
	}
}

func BenchmarkHold(b *testing.B) {
	for name, size := range map[string]int{"small": 3000, "large": 300_000} {
		b.Run(name, func(b *testing.B) {
			whole, share := New(1<<30), new(Share)
			b.ReportAllocs()
			for b.Loop() {
				var h Holding
				h.Begin(whole, share)
				h.Hold(Body, size)
				h.Hold(Answer, size)
				h.End()
			}
		})
	}
}
