package schedule

import (
	"math"
	"sync/atomic"
	"time"
)

// Load is how busy a channel or key is, and how long it took of late. It takes no
// lock.
type Load struct {
	underWay      atomic.Int64
	begins, takes average
}

// Begin counts an attempt.
func (l *Load) Begin() { l.underWay.Add(1) }

// End ends one that Begin has counted.
func (l *Load) End() { l.underWay.Add(-1) }

// UnderWay is how many have begun and not ended.
func (l *Load) UnderWay() int64 { return l.underWay.Load() }

// Began notes how long an answer took to begin. Now is on a clock that never goes
// back, in nanoseconds.
func (l *Load) Began(now int64, after time.Duration) { l.begins.note(now, after) }

// Took notes how long an answer took as a whole.
func (l *Load) Took(now int64, whole time.Duration) { l.takes.note(now, whole) }

// Times are how long answers take to begin and to end, of late; 0 is unknown.
func (l *Load) Times(now int64) (begin, end time.Duration) {
	return time.Duration(l.begins.at(now)), time.Duration(l.takes.at(now))
}

// cost is what another attempt would wait for, if all that is under way counts: an
// average is worth as many times what it is as there are requests to serve. Of what
// nothing is known one attempt finds out.
func (l *Load) cost(now int64) float64 {
	busy := float64(l.UnderWay())
	if begins := l.begins.at(now); begins > 0 {
		return begins * (busy + 1)
	}
	return busy * float64(time.Second)
}

// average is a mean in which what is new counts most, and what is greater than all
// before at once (a peak-EWMA). It fades with time, so that what was slow is asked
// again. It is one word: microseconds above the millisecond at which it was noted.
type average struct{ word atomic.Uint64 }

// fade is how long it takes until what was noted counts for a third.
const fade = 30 * time.Second

func (a *average) note(now int64, d time.Duration) {
	micros, stamp := uint64(min(max(d.Microseconds(), 1), math.MaxUint32)), uint32(now/int64(time.Millisecond))
	for {
		old := a.word.Load()
		next := micros
		if before, at := old>>32, uint32(old); before > micros {
			if stamp == at {
				return // too close for time to count
			}
			kept := remains(stamp - at)
			next = uint64(float64(before)*kept + float64(micros)*(1-kept))
		}
		if a.word.CompareAndSwap(old, next<<32|uint64(stamp)) {
			return
		}
	}
}

// at is the average in nanoseconds as it is now, 0 if nothing was noted.
func (a *average) at(now int64) float64 {
	word := a.word.Load()
	if word == 0 {
		return 0
	}
	return float64(word>>32) * 1000 * remains(uint32(now/int64(time.Millisecond))-uint32(word))
}

// remains is the part that is left after so many milliseconds. What seems to come
// from the future was noted by another goroutine a moment ago.
func remains(millis uint32) float64 {
	if millis > math.MaxInt32 {
		return 1
	}
	return math.Exp(-float64(millis) / float64(fade.Milliseconds()))
}
