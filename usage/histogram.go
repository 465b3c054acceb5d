package usage

import (
	"math/bits"
	"sync/atomic"
	"time"

	"uniapi/codec/saturate"
)

// HistogramBuckets is how many buckets a Histogram has.
const HistogramBuckets = 76

// Histogram counts durations. Four buckets hold 0–1, 1–2, 2–3 and 3–4 ms; from there each doubling is cut into four
// equal buckets: 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 … ms, up to 2^20 ms (17.5 minutes). The last one also takes what is
// longer. A bucket is at most a quarter of its lower bound wide, which is the error of a Quantile at worst.
type Histogram [HistogramBuckets]int64

// bucketOf is where a duration is counted.
func bucketOf(d time.Duration) int {
	ms := uint64(max(d, 0) / time.Millisecond)
	if ms < 4 {
		return int(ms)
	}
	octave := bits.Len64(ms) - 3 // 0 for 4 to 7 ms
	return min(4+4*octave+int(ms>>octave&3), HistogramBuckets-1)
}

// BucketBound is the upper bound of a bucket, which is not in it itself.
func BucketBound(bucket int) time.Duration {
	next := bucket + 1
	if next < 4 {
		return time.Duration(next) * time.Millisecond
	}
	octave, step := (next-4)/4, (next-4)%4
	return time.Duration(4+step) << octave * time.Millisecond
}

// Quantile is the duration that a share q of those counted do not exceed, taken as spread evenly within a bucket; 0 if
// there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h == nil {
		return 0
	}
	total := int64(0)
	for _, n := range h {
		total = saturate.Add(total, n)
	}
	rank := q * float64(total)
	for i, n := range h {
		if n > 0 && rank <= float64(n) {
			low := time.Duration(0)
			if i > 0 {
				low = BucketBound(i - 1)
			}
			return low + time.Duration(float64(BucketBound(i)-low)*max(rank, 0)/float64(n))
		}
		rank -= float64(n)
	}
	return 0
}

// The histograms of a series of requests.
const (
	firstByte = iota
	duration
	histogramCount
)

// liveHistograms are those that requests count into.
type liveHistograms [histogramCount]liveHistogram

type liveHistogram struct {
	buckets [HistogramBuckets]atomic.Uint32 // a flush empties them once a second, so that 32 bits are plenty
	sum     saturate.Counter                // microseconds
}

func (l *liveHistogram) count(d time.Duration) {
	l.buckets[bucketOf(d)].Add(1)
	l.sum.Add(d.Microseconds())
}

// take moves what was counted into c.
func (l *liveHistograms) take(c *Counts) {
	for which := range l {
		h := &l[which]
		for i := range h.buckets {
			if h.buckets[i].Load() != 0 {
				into := &c.histogram(which)[i]
				*into = saturate.Add(*into, int64(h.buckets[i].Swap(0)))
			}
		}
		if h.sum.Load() != 0 {
			c.sums[which] = saturate.Add(c.sums[which], h.sum.Take())
		}
	}
}
