// Package queue has requests wait for a limit that they have reached, instead of being refused. It knows nothing of
// limits: who waits is tried from time to time, and whenever something may have become free.
//
// Keys take turns, each with the one of its requests that came first, so that a key with many requests waiting has no
// more of what all keys share than one with few. Within a key nobody overtakes another for the same model.
package queue

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds are how many requests may wait, and how many bytes they may hold meanwhile: all together, and those of one
// key.
type Bounds struct {
	Requests, RequestsOfKey int
	Bytes, BytesOfKey       int64
}

// Verdict is what came of trying whether a request may go on.
type Verdict struct {
	Admitted bool
	After    time.Duration // when it is worth to try again, if nothing becomes free before
	Shared   bool          // what refuses it is a limit of all keys
}

// Waiter is a request that waits.
type Waiter struct {
	Key, Model string
	Bytes      int64          // that it holds
	Until      time.Time      // that it waits at most
	Try        func() Verdict // it must not wait for long; it is called by one goroutine at a time, and not after Wait has returned

	mu       sync.Mutex // held while it is tried
	over     bool       // Wait is about to return
	admitted bool
	shared   bool
	done     chan struct{} // closed when it is admitted
}

// Ending is how waiting ended.
type Ending int

// The endings.
const (
	Admitted Ending = iota
	Full            // as many wait as may; it did not
	Late            // its time was over
	Left            // its client hung up
	Closed          // the gateway ends
)

var endingNames = [...]string{Admitted: "admitted", Full: "full", Late: "late", Left: "left", Closed: "closed"}

// String is the ending in a word.
func (o Ending) String() string { return endingNames[o] }

// Queue is the requests that wait. New makes one.
type Queue struct {
	bounds Bounds
	poke   chan struct{}
	ending chan struct{}

	waiting, shared atomic.Int64
	ended           [Closed + 1]atomic.Int64
	waited          atomic.Int64 // nanoseconds

	mu      sync.Mutex
	lines   []*line // in the order of their turns
	bytes   int64
	running bool // somebody tries who waits
	closed  bool
}

// line is the requests of one key, in the order in which they came.
type line struct {
	key   string
	list  []*Waiter
	bytes int64
}

// New makes a queue in which nobody waits.
func New(b Bounds) *Queue {
	return &Queue{bounds: b, poke: make(chan struct{}, 1), ending: make(chan struct{})}
}

// Stats are what metrics tell.
type Stats struct {
	Waiting int64             // now
	Ended   [Closed + 1]int64 // by Ending
	Waited  time.Duration     // of all that have ended, together
}

// Stats tells how many wait, and how it ended for others.
func (q *Queue) Stats() (s Stats) {
	s.Waiting, s.Waited = q.waiting.Load(), time.Duration(q.waited.Load())
	for i := range q.ended {
		s.Ended[i] = q.ended[i].Load()
	}
	return s
}

// Behind says whether a request of a key for a model has its place behind others that wait: it is not to be tried
// before them.
func (q *Queue) Behind(key, model string) bool {
	if q.waiting.Load() == 0 {
		return false
	}
	if q.shared.Load() > 0 {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lineOf(key)
	return l != nil && slices.ContainsFunc(l.list, func(w *Waiter) bool { return w.Model == model })
}

// Freed tells that something may have become free.
func (q *Queue) Freed() {
	if q.waiting.Load() > 0 {
		q.wake()
	}
}

func (q *Queue) wake() {
	select {
	case q.poke <- struct{}{}:
	default:
	}
}

// Close ends all waiting, for good.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.ending)
	}
}

// Wait lets a request wait until it is admitted, or for one of the other outcomes. ctx ends when its client leaves. One
// whose time is over is tried a last time.
func (q *Queue) Wait(ctx context.Context, w *Waiter) (o Ending) {
	began := time.Now()
	w.done = make(chan struct{})
	if o = q.join(w); o != Admitted {
		q.ended[o].Add(1)
		return o
	}
	timer := time.NewTimer(time.Until(w.Until))
	defer timer.Stop()
	select {
	case <-w.done:
		o = Admitted
	case <-ctx.Done():
		o = Left
	case <-q.ending:
		o = Closed
	case <-timer.C:
		o = Late
	}
	w.mu.Lock()
	if !w.admitted && o == Late {
		w.admitted = w.Try().Admitted
	}
	if w.over = true; w.admitted {
		o = Admitted
	}
	w.mu.Unlock()
	q.leave(w)
	q.ended[o].Add(1)
	q.waited.Add(int64(time.Since(began)))
	return o
}

func (q *Queue) lineOf(key string) *line {
	if i := slices.IndexFunc(q.lines, func(l *line) bool { return l.key == key }); i >= 0 {
		return q.lines[i]
	}
	return nil
}

// join gives a waiter its place, if there is one: Admitted is that it has it.
func (q *Queue) join(w *Waiter) Ending {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return Closed
	}
	l := q.lineOf(w.Key)
	if l == nil {
		l = &line{key: w.Key}
	}
	if q.waiting.Load() >= int64(q.bounds.Requests) || len(l.list) >= q.bounds.RequestsOfKey || q.bytes+w.Bytes > q.bounds.Bytes || l.bytes+w.Bytes > q.bounds.BytesOfKey {
		return Full
	}
	if len(l.list) == 0 {
		q.lines = append(q.lines, l)
	}
	l.list = append(l.list, w)
	l.bytes += w.Bytes
	q.bytes += w.Bytes
	q.waiting.Add(1)
	if !q.running {
		q.running = true
		go q.run()
	} else {
		q.wake()
	}
	return Admitted
}

// leave takes a waiter out.
func (q *Queue) leave(w *Waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.share(w, false)
	l := q.lineOf(w.Key)
	l.list = slices.DeleteFunc(l.list, func(other *Waiter) bool { return other == w })
	l.bytes -= w.Bytes
	q.bytes -= w.Bytes
	if len(l.list) == 0 {
		q.lines = slices.DeleteFunc(q.lines, func(other *line) bool { return other == l })
	}
	if q.waiting.Add(-1) == 0 {
		q.wake() // so that nobody tries any more
	}
}

// share notes whether a waiter waits for what all keys share. q.mu is held.
func (q *Queue) share(w *Waiter, is bool) {
	if w.shared != is {
		w.shared = is
		if is {
			q.shared.Add(1)
		} else {
			q.shared.Add(-1)
		}
	}
}

// Between two looks are never more and never less than these: nobody is told when a window moves on, or that limits
// were changed.
const (
	longestLook  = time.Second
	shortestLook = time.Millisecond
	// After a round that has taken a while it rests so many times as long, whatever becomes free meanwhile: many that
	// wait make no request of others dearer.
	restsAfter = 4
	aWhile     = 50 * time.Microsecond
)

// run tries who waits, as long as somebody does.
func (q *Queue) run() {
	timer := time.NewTimer(longestLook)
	defer timer.Stop()
	for {
		began := time.Now()
		after := q.round()
		ended := time.Now()
		q.mu.Lock()
		if len(q.lines) == 0 {
			q.running = false
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		timer.Reset(min(max(after, shortestLook), longestLook))
		select {
		case <-q.poke:
		case <-timer.C:
		}
		if took := ended.Sub(began); took > aWhile {
			time.Sleep(time.Until(ended.Add(restsAfter * took)))
		}
	}
}

// round gives each key its turn until nobody is admitted any more, and says after what time another is worth while.
func (q *Queue) round() (after time.Duration) {
	for {
		q.mu.Lock()
		turns := slices.Clone(q.lines)
		q.mu.Unlock()
		after = longestLook
		some := false
		for _, l := range turns {
			admitted, soonest := q.turn(l)
			some, after = some || admitted, min(after, soonest)
		}
		if !some {
			return after
		}
	}
}

// turn admits the first of a key's requests that may go on, and has the key be the last then.
func (q *Queue) turn(l *line) (admitted bool, after time.Duration) {
	q.mu.Lock()
	list := slices.Clone(l.list)
	q.mu.Unlock()
	after = longestLook
	refused := make(map[string]bool) // models
	for _, w := range list {
		if refused[w.Model] {
			continue
		}
		v, tried := q.try(w)
		if !tried {
			continue
		}
		if v.Admitted {
			q.mu.Lock()
			if i := slices.Index(q.lines, l); i >= 0 {
				q.lines = append(slices.Delete(q.lines, i, i+1), l)
			}
			q.mu.Unlock()
			return true, after
		}
		refused[w.Model], after = true, min(after, v.After)
	}
	return false, after
}

// try tries one, unless it has gone or was admitted.
func (q *Queue) try(w *Waiter) (v Verdict, tried bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.admitted {
		return v, false
	}
	v = w.Try()
	q.mu.Lock()
	q.share(w, v.Shared && !v.Admitted)
	q.mu.Unlock()
	if v.Admitted {
		w.admitted = true
		close(w.done)
	}
	return v, true
}
