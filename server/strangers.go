package server

import (
	"sync"
	"time"

	"uniapi/config"
)

// strangers is how much requests without a valid key may write: anybody can send them, as many as the line takes. What
// is beyond it is counted.
type strangers struct {
	lines allowance // of the log
	kept  allowance // of the log of requests
	spans allowance // of traces
}

// ration is what an allowance gives: so many at once, and so many a second after that.
type ration struct{ atOnce, perSecond float64 }

var (
	// ofLines is a third of what journald takes of a service before it drops whatever comes, and far less than fills
	// what waits for a slow one.
	ofLines = ration{atOnce: 1000, perSecond: 100}
	// ofSpans is little beside the spans that may wait for the collector.
	ofSpans = ration{atOnce: 100, perSecond: 10}
)

const (
	keptShare   = 16      // the part of the log of requests that is theirs
	longestKept = 1 << 10 // bytes of a line of theirs: nothing in it but its id is as the client likes, and that is short
)

// ofKept is what may be kept of them: for as long as requests are kept that comes to no more than their part of the
// disk, so that they push out no records of others.
func ofKept(r config.RequestLog) ration {
	lines := float64(r.Size / keptShare / longestKept)
	atOnce := min(lines/4, ofLines.atOnce)
	return ration{atOnce: atOnce, perSecond: (lines - atOnce) / r.Keep.Seconds()}
}

// allowance keeps what is written within a ration.
type allowance struct {
	mu     sync.Mutex
	left   float64
	at     time.Time // when that was left; zero before the first
	missed int64     // since the last one that was written
	total  int64     // of those missed
}

// take asks whether one more may be written, and says how many before it were not.
func (a *allowance) take(now time.Time, of ration) (missed int64, may bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at.IsZero() {
		a.left, a.at = of.atOnce, now
	}
	if since := now.Sub(a.at); since > 0 {
		a.left, a.at = a.left+since.Seconds()*of.perSecond, now
	}
	if a.left = min(a.left, of.atOnce); a.left < 1 {
		a.missed++
		a.total++
		return 0, false
	}
	a.left--
	missed, a.missed = a.missed, 0
	return missed, true
}

// unwritten is how many were not written.
func (a *allowance) unwritten() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total
}
