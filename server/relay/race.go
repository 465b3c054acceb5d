package relay

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"uniapi/pool"
	"uniapi/server/budget"
)

// Race is attempts that run beside each other: one that is slow is not waited for alone, another upstream is asked
// beside it, and the first valid answer is the client's. The others are ended at once.
type Race struct {
	Racer Racer
	Most  int         // how many may run at once
	Share *HedgeShare // of the requests that may have more attempts before the time of the first is over

	running []*Runner
	ended   chan *Runner // has room for all
	shared  bool         // this is one of those requests
}

// Racer is whose attempts they are: the request, which has one of them in hand.
type Racer interface {
	// Turn makes the attempt the one in hand.
	Turn(to *Runner)
	// Lost is told how the one in hand has failed, while there may be others.
	Lost(err error)
	// Outrun is told that another one has answered before that in hand, which is nobody's fault, but for one that has
	// had its time: late says so, nil is that it has not.
	Outrun(late error)
	// Beside is another attempt that may run beside those under way, and has it in hand; nil if there is none.
	Beside() *Runner
}

// Runner is one of several attempts under way.
type Runner struct {
	Call   pool.Call       // of the client's, so that it can be ended by itself
	Room   budget.Holding  // what it holds beside the others
	Try    func() error    // makes it; it does not panic
	Answer *Answer         // what comes of it
	Limits *pool.Deadlines // within which
	Began  time.Time
	Delay  time.Duration // after which another is asked beside it before its time is over; 0 is not at all

	err    error         // how it ended
	within time.Duration // the time that its answer has to begin in
	nudge  time.Time     // when another is asked beside it before that is over; zero is never
	due    time.Time     // when that is over; zero is never
	over   bool          // it is over
	given  bool          // it was given up, since it was
}

// Run makes the attempt, and others beside it where that is slow. It returns the one that has answered, which is in
// hand then; or, when none is left, the last with its error, after it has reported the others.
func (r *Race) Run(first *Runner) (*Runner, error) {
	r.ended = make(chan *Runner, r.Most)
	r.start(first)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(r.sleep(time.Now()))
		select {
		case one := <-r.ended:
			r.forget(one)
			r.Racer.Turn(one)
			if one.err == nil {
				r.callOff(one)
				return one, nil
			}
			if len(r.running) == 0 {
				return one, one.err
			}
			r.Racer.Lost(one.err)
			r.another()
		case <-timer.C:
			r.look(time.Now())
		}
	}
}

// start has an attempt run, whose time begins now.
func (r *Race) start(one *Runner) {
	if one.Delay > 0 {
		one.nudge = one.Began.Add(one.Delay)
	}
	if one.within = one.Limits.FirstByte; one.within > 0 {
		one.due = one.Began.Add(one.within)
		one.Limits.FirstByte = overtime * one.within
	}
	r.running = append(r.running, one)
	go func() {
		one.err = one.Try()
		r.ended <- one
	}()
}

// overtime is how many times as long as it may otherwise an attempt goes on beside one that was begun since it is slow.
const overtime = 2

// sleep is how long nothing is to be done but to wait for an attempt's end.
func (r *Race) sleep(now time.Time) time.Duration {
	next := now.Add(time.Hour)
	for _, one := range r.running {
		for _, at := range [...]time.Time{one.nudge, one.due} {
			if !at.IsZero() && at.Before(next) {
				next = at
			}
		}
	}
	return next.Sub(now)
}

// look has another upstream asked where an attempt is slow. One that has had its time and that none can be asked beside
// is given up.
func (r *Race) look(now time.Time) {
	for _, one := range r.running {
		if !one.nudge.IsZero() && !now.Before(one.nudge) {
			one.nudge = time.Time{}
			r.early()
			return // running is another one now
		}
		if !one.due.IsZero() && !now.Before(one.due) {
			one.due, one.nudge, one.over = time.Time{}, time.Time{}, true
			if !r.another() {
				one.given = true
				one.Call.Cancel()
			}
			return
		}
	}
}

// early asks another upstream before the time of those under way is over, which so many requests may.
func (r *Race) early() {
	if len(r.running) >= r.Most || !r.shared && !r.Share.take() {
		return
	}
	if is := r.another(); is || r.shared {
		r.shared = true
		return
	}
	r.Share.give()
}

// another asks an upstream that was not asked yet, if there is one and a place for it.
func (r *Race) another() bool {
	if len(r.running) >= r.Most {
		return false
	}
	one := r.Racer.Beside()
	if one == nil {
		return false
	}
	r.start(one)
	return true
}

// forget takes out an attempt that has ended.
func (r *Race) forget(one *Runner) {
	if i := slices.Index(r.running, one); i >= 0 {
		r.running = slices.Delete(r.running, i, i+1)
	}
	if !one.given || one.err == nil && one.Answer.Open == nil {
		return
	}
	one.Answer.Close() // it has begun just then, on a connection that is closed
	one.Call.Reset()   // it was not the client that left
	one.err = one.tooSlow()
}

// tooSlow is the error of an attempt that has had its time.
func (one *Runner) tooSlow() error {
	one.Limits.FirstByte = one.within
	return &pool.Error{Kind: pool.FirstByteTimeout, Op: "waiting", Err: fmt.Errorf("no answer within %v", one.within)}
}

// callOff ends all others when one has answered, and waits until they have let go of what they share with it.
func (r *Race) callOff(winner *Runner) {
	for _, one := range r.running {
		one.Call.Cancel()
	}
	for range r.running {
		one := <-r.ended
		var late error
		if one.over && one.Answer.Open == nil {
			late = one.tooSlow()
		}
		one.Answer.Close()
		one.Room.End()
		r.Racer.Turn(one)
		r.Racer.Outrun(late)
	}
	r.running = nil
	r.Racer.Turn(winner)
}

// HedgeShare is how many requests of a client key may have attempts beside others before the time of those is over, in
// millionths of one. Each key has its own: requests that are made to be slow use up nobody else's.
type HedgeShare struct{ left atomic.Int64 }

const (
	oneHedge   = 1_000_000
	mostHedges = 10 * oneHedge // are saved up
)

// Asked notes a request, of a hundred of which so many may have another attempt.
func (s *HedgeShare) Asked(percent float64) {
	if more := int64(percent * oneHedge / 100); s.left.Load() < mostHedges {
		s.left.Add(more)
	}
}

func (s *HedgeShare) take() bool {
	for {
		left := s.left.Load()
		if left < oneHedge {
			return false
		}
		if s.left.CompareAndSwap(left, left-oneHedge) {
			return true
		}
	}
}

func (s *HedgeShare) give() { s.left.Add(oneHedge) }
