package metrics

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

const chatLabel = "POST /v1/chat/completions"

func TestOutcomesAreCountedExactlyWhoeverCountsThem(t *testing.T) {
	const goroutines, each, kinds = 8, 1000, 20
	o := Outcomes{most: mostOutcomes}
	var counting sync.WaitGroup
	for range goroutines {
		counting.Go(func() {
			for i := range each {
				o.Count(Labels{"p", fmt.Sprint("m", i%kinds), chatLabel, 200})
			}
		})
	}
	counting.Wait()
	seen := 0
	o.all(func(of Labels, n int64) {
		seen++
		if n != goroutines*each/kinds {
			t.Errorf("%v was counted %d times", of, n)
		}
	})
	if seen != kinds {
		t.Errorf("%d outcomes", seen)
	}
}

func TestOutcomesOfMoreModelsThanAreToldApartAreCountedTogether(t *testing.T) {
	o := Outcomes{most: mostOutcomes}
	known := make(map[Labels]*atomic.Int64)
	for i := range mostOutcomes {
		known[Labels{"p", fmt.Sprint("m", i), chatLabel, 200}] = new(atomic.Int64)
	}
	o.known.Store(&known)
	for i := range 100 {
		o.Count(Labels{"p", fmt.Sprint("new", i), chatLabel, 200})
		o.Count(Labels{"p", "m7", chatLabel, 200})
	}
	kinds := 0
	o.all(func(of Labels, n int64) {
		if kinds++; n > 0 && (n != 100 || of.Model != OtherModels && of.Model != "m7") {
			t.Errorf("%v was counted %d times", of, n)
		}
	})
	if kinds != mostOutcomes+1 {
		t.Errorf("%d outcomes are told apart", kinds)
	}
}

func TestStatusThatIsNoneIsCountedAsAFailure(t *testing.T) {
	for status, want := range map[int]int{200: 200, 499: 499, 599: 599, 100: 100, 0: 500, -1: 500, 600: 500, 99: 500, 1 << 40: 500} {
		if got := Status(status); got != want {
			t.Errorf("%d is counted as %d", status, got)
		}
	}
}

func BenchmarkOutcomes(b *testing.B) {
	o := Outcomes{most: mostOutcomes}
	for i := range 100 {
		o.Count(Labels{"provider", fmt.Sprint("model-", i), chatLabel, 200})
	}
	of := Labels{"provider", "model-50", chatLabel, 200}
	b.ReportAllocs()
	for b.Loop() {
		o.Count(of)
	}
}
