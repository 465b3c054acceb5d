package budget

import (
	"math"
	"sync"
	"testing"
)

// takes has a key take as many places as it gets, and returns how many.
func takes(p *Places, s *Share, only bool) (n int) {
	for !p.Refuses(s, only) {
		if !p.Take(s, only) {
			return -1
		}
		n++
	}
	if p.Take(s, only) {
		return -1
	}
	p.Give(s)
	return n
}

func TestNoKeyGetsMorePlacesThanItsPartWhenTheyAreScarce(t *testing.T) {
	for _, limit := range []int64{1, 2, 3, 10, 256, 2048} {
		for _, keys := range []int{1, 2, 5, 10} {
			p, shares := NewPlaces(limit), make([]Share, keys)
			for more := true; more; {
				more = false
				for i := range shares {
					if p.Take(&shares[i], false) {
						more = true
					} else {
						p.Give(&shares[i])
					}
				}
			}
			for i := range shares {
				if got, part := shares[i].places.Load(), limit*greed/int64(greed*keys+1); got > part+2 || got < part-limit/20-1 {
					t.Errorf("%d keys, %d places: one has %d, its part is %d", keys, limit, got, part)
				}
			}
			if left := limit - p.Load(); left > 0 && takes(p, new(Share), false) <= 0 {
				t.Errorf("%d keys, %d places: a newcomer gets none of %d", keys, limit, left)
			}
			if left := limit - p.Load(); limit >= 10 && keys == 1 && left < limit/10 {
				t.Errorf("%d places: %d are left", limit, left)
			}
		}
	}
}

func TestOnlyKeyGetsAllPlacesAndWithoutALimitEachAsManyAsItWants(t *testing.T) {
	if n := takes(NewPlaces(100), new(Share), true); n != 100 {
		t.Errorf("the only key gets %d of 100", n)
	}
	p, s := NewPlaces(math.MaxInt64), new(Share)
	for range 10_000 {
		if !p.Take(s, false) {
			t.Fatal("one is refused")
		}
	}
}

func TestPlacesAreNeverExceededAndComeBackWhole(t *testing.T) {
	p, shares := NewPlaces(8), make([]Share, 3)
	var workers sync.WaitGroup
	for i := range 12 {
		workers.Go(func() {
			s := &shares[i%len(shares)]
			for range 5000 {
				if p.Take(s, false) && s.places.Load() < 1 {
					t.Error("a key has less than the place that it took")
				}
				p.Give(s)
			}
		})
	}
	workers.Wait()
	if p.Load() != 0 {
		t.Errorf("%d are left", p.Load())
	}
	for i := range shares {
		if n := shares[i].places.Load(); n != 0 {
			t.Errorf("key %d has %d", i, n)
		}
	}
}

func TestPlaceAllocatesNothing(t *testing.T) {
	p, s := NewPlaces(8), new(Share)
	if n := testing.AllocsPerRun(100, func() {
		if p.Refuses(s, false) || !p.Take(s, false) {
			t.Error("refused")
		}
		p.Give(s)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPlaces(b *testing.B) {
	p, s := NewPlaces(1<<20), new(Share)
	b.ReportAllocs()
	for b.Loop() {
		if !p.Refuses(s, false) {
			p.Take(s, false)
			p.Give(s)
		}
	}
}
