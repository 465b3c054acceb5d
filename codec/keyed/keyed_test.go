package keyed

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// model is a List in the simplest way.
type model []struct{ key, value int }

func (m model) find(key int) int {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i].key == key {
			return i
		}
	}
	return -1
}

func TestListIsWhatItsSimplestFormIs(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 2))
		keys := []int{3, 20, 1000}[seed%3]
		var list List[int, int]
		var want model
		for step := range 3000 {
			key := r.IntN(keys)
			switch known := want.find(key); r.IntN(5) {
			case 0, 1:
				if known < 0 { // the newest of several is not told apart once it is gone
					list.Add(key, step)
					want = append(want, struct{ key, value int }{key, step})
				}
			case 2:
				list.Remove(key)
				if known >= 0 {
					want = slices.Delete(want, known, known+1)
				}
			case 3:
				if got := list.Find(key); (got == nil) != (known < 0) || got != nil && *got != want[known].value {
					t.Fatalf("seed %d, step %d: found %v, want place %d of %v", seed, step, got, known, want)
				}
			default:
				if r.IntN(500) == 0 {
					list.Reset()
					want = nil
				}
			}
			if list.Len() != len(want) {
				t.Fatalf("seed %d, step %d: %d values, want %d", seed, step, list.Len(), len(want))
			}
		}
		i := 0
		for key, value := range list.All() {
			if key != want[i].key || *value != want[i].value {
				t.Fatalf("seed %d: value %d is %d of %d, want %v", seed, i, *value, key, want[i])
			}
			i++
		}
	}
}

func TestAllMayRemoveWhatIsAtHand(t *testing.T) {
	for _, n := range []int{1, 5, 17, 100} {
		var list List[int, int]
		for i := range n {
			list.Add(i, i)
		}
		var seen []int
		for key := range list.All() {
			seen = append(seen, key)
			list.Remove(key)
		}
		if len(seen) != n || !slices.IsSorted(seen) || list.Len() != 0 {
			t.Errorf("of %d: %v", n, seen)
		}
	}
}
