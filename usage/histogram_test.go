package usage

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestEveryDurationIsBelowTheBoundOfItsBucketAndNotBelowTheOneBefore(t *testing.T) {
	for ms := range time.Duration(1<<20 + 5000) {
		for _, d := range []time.Duration{ms * time.Millisecond, ms*time.Millisecond + 999_999} {
			i := bucketOf(d)
			if i > 0 && d < BucketBound(i-1) || i < HistogramBuckets-1 && d >= BucketBound(i) {
				t.Fatalf("%v is in bucket %d, which ends at %v", d, i, BucketBound(i))
			}
		}
	}
	if bucketOf(-time.Second) != 0 || bucketOf(time.Hour) != HistogramBuckets-1 {
		t.Error("durations that are none, or too long, are in the wrong bucket")
	}
	if last := BucketBound(HistogramBuckets - 1); last != (1<<20)*time.Millisecond {
		t.Errorf("the last bucket ends at %v", last)
	}
}

func TestQuantilesAreWithinAQuarter(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || (*Histogram)(nil).Quantile(0.5) != 0 {
		t.Error("an empty histogram has quantiles")
	}
	r := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(r.ExpFloat64()*float64(300*time.Millisecond)) + 10*time.Millisecond
		all = append(all, d)
		h[bucketOf(d)]++
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.95, 0.999} {
		exact := all[int(q*float64(len(all)))]
		if got := h.Quantile(q); got < exact*3/4 || got > exact*5/4 {
			t.Errorf("quantile %v is %v, not %v", q, got, exact)
		}
	}
	if h.Quantile(1) < h.Quantile(0.99) || h.Quantile(0) > h.Quantile(0.01) {
		t.Error("the ends are in the wrong place")
	}
}
