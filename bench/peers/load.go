//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// load is what is put on a peer. Without a rate it is a closed loop: each
// connection sends the next request when it has the whole answer to the last.
// With a rate it is an open one: requests are due at fixed times whatever
// became of those before, and all times count from when a request was due, so
// that a peer that stalls is charged for everybody who had to wait.
type load struct {
	address     string
	request     []byte
	bodyLength  int  // what every answer's body must be; 0 takes any
	stream      bool // every answer must end in [DONE]
	connections int
	rate        float64       // requests a second; 0 is a closed loop
	ramp        time.Duration // over which the first requests of a closed loop are spread
	counts      bool          // count what the peer does
	gaps        bool          // streams are paced: take down when each event came
	warm        time.Duration // before the measurement
	seconds     time.Duration // of the measurement
}

// measurement is what one load on one peer gave.
type measurement struct {
	requests int // answered, or due in an open loop, within the measured time
	paced    bool
	events   int // of paced streams, that came within the measured time
	elapsed  time.Duration

	firstByte, whole []time.Duration // of the requests; sorted
	gaps             []time.Duration // between the events of each paced stream; sorted
	late             []time.Duration // how much after it was due a request was sent; sorted

	peerCPU, upCPU, loadCPU time.Duration
	allCPU                  time.Duration // of the machine, by whomever
	counts                  counts        // of the peer
	residentBefore          int64         // bytes, before the load
	residentAfter           int64         // bytes, at the end of the measured time
	open                    int           // streams that were open then
}

// errInterrupted ends a run that was told to stop.
var errInterrupted = errors.New("interrupted")

// patience is how long after the measured time the last answers may come.
const patience = 30 * time.Second

// run puts the load on the peer whose processes are peer, and upstream behind
// it. Any answer that is not whole ends it with an error.
func (l load) run(ctx context.Context, peer, upstream []int) (*measurement, error) {
	// One thread does everything, and no collection of garbage may stop it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if err := finestTimers(); err != nil {
		return nil, err
	}
	before, err := resident(peer)
	if err != nil {
		return nil, err
	}
	d, err := l.connect()
	if err != nil {
		return nil, err
	}
	defer d.close()
	d.processes = [3][]int{peer, upstream, {os.Getpid()}}
	if l.counts {
		if d.counters, err = openCounters(peer); err != nil {
			return nil, err
		}
		defer d.counters.close()
	}
	if err := d.drive(ctx); err != nil {
		return nil, err
	}
	m := &d.taken
	m.residentBefore, m.paced = before, l.gaps
	for _, values := range [][]time.Duration{m.firstByte, m.whole, m.gaps, m.late} {
		slices.Sort(values)
	}
	return m, nil
}

// due is when the request number n is due, counted from the beginning of the
// load; ok is false if there are no more.
func (l load) due(n int) (at time.Duration, ok bool) {
	if l.rate > 0 {
		at = time.Duration(float64(n) / l.rate * float64(time.Second))
		return at, at < l.warm+l.seconds
	}
	return l.ramp * time.Duration(n) / time.Duration(l.connections), n < l.connections
}

// check says what is wrong with an answer that is whole.
func (l load) check(a *answer) error {
	switch {
	case l.bodyLength > 0 && a.body != l.bodyLength:
		return fmt.Errorf("the body of an answer has %d bytes; that of the first had %d", a.body, l.bodyLength)
	case l.stream && !a.endsInDone():
		return errors.New("a stream did not end in [DONE]")
	}
	return nil
}
