// Package requestlog keeps a line of JSON for each request on the disk, for as long and as much as it is told to, and
// finds them again. Lines lie in segments, files of some megabytes whose names say when they begin; a segment that is
// full is compressed. Whoever adds a line never waits for the disk.
package requestlog

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// Folder is where the lines lie in the gateway's data directory.
	Folder = "requests"

	flushAfter = time.Second
	flushAt    = 64 << 10 // bytes that are written at once
	// mostWaiting is how many bytes wait for a disk that takes none. Lines beyond it are dropped and counted.
	mostWaiting = 8 << 20
	// longLine is from which length on a line leaves half of that to others: it is one with bodies.
	longLine = 64 << 10
	// retryAfter is the time between tries to write to a disk that took nothing.
	retryAfter = 5 * time.Second
)

// Bounds are how long lines are kept, and how many bytes of them. The oldest go first.
type Bounds struct {
	Keep   time.Duration
	Most   int64 // bytes on the disk
	Bodies bool  // lines hold what was said, so that they are long, and it pays to compress them well
}

// Log takes lines and keeps them. Use New.
type Log struct {
	dir string
	log *slog.Logger

	mu      sync.Mutex
	lines   []byte // that wait
	spare   []byte // what the last were written from, for the next
	count   int64  // of them
	waiting bool   // the timer runs
	writing bool
	idle    sync.Cond // writing has become false
	timer   *time.Timer
	bounds  Bounds
	state   State
	closed  bool

	disk sync.Mutex // of what follows, and of the folder
	open segment
	bad  time.Time // when the disk last took nothing; zero while it does
}

// State is how the log does.
type State struct {
	Written, Dropped int64     // lines, since the start
	Failing          time.Time // since when the disk takes nothing; zero if it does
	Error            string    // what it said last
}

// New prepares a log in the folder dir, which is made with the first line. What an earlier process left open there is
// put in order then, too.
func New(dir string, bounds Bounds, log *slog.Logger) *Log {
	l := &Log{dir: dir, bounds: bounds, log: log}
	l.idle.L = &l.mu
	l.timer = time.AfterFunc(time.Hour, l.start)
	l.timer.Stop()
	return l
}

// Bind has other bounds hold from now on.
func (l *Log) Bind(bounds Bounds) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bounds = bounds
}

// Add takes a line, which ends with a line feed. It keeps nothing of it and never waits for the disk.
func (l *Log) Add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	room := mostWaiting
	if len(line) > longLine {
		room /= 2
	}
	if l.closed || len(l.lines)+len(line) > room {
		l.state.Dropped++
		return
	}
	if cap(l.lines)-len(l.lines) < len(line) { // twice as much: append itself would copy megabytes again and again while the disk is slow
		l.lines = slices.Grow(l.lines, max(len(line), len(l.lines), flushAt))
	}
	l.lines = append(l.lines, line...)
	l.count++
	switch {
	case len(l.lines) >= flushAt:
		l.startLocked()
	case !l.waiting:
		l.waiting = true
		l.timer.Reset(flushAfter)
	}
}

// State tells how the log does.
func (l *Log) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *Log) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.startLocked()
}

func (l *Log) startLocked() {
	l.waiting = false
	if !l.writing && len(l.lines) > 0 {
		l.writing = true
		go l.drain()
	}
}

// drain writes what waits until it is little, or the disk takes nothing.
func (l *Log) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		now, count, bounds := l.lines, l.count, l.bounds
		l.lines, l.count, l.spare = l.spare[:0], 0, nil
		l.mu.Unlock()
		err := l.write(now, bounds)
		l.mu.Lock()
		l.settle(count, err)
		if cap(now) <= 16*flushAt {
			l.spare = now
		}
		if err != nil || len(l.lines) < flushAt {
			break
		}
	}
	if len(l.lines) > 0 && !l.waiting {
		l.waiting = true
		l.timer.Reset(flushAfter)
	}
	l.writing = false
	l.idle.Broadcast()
}

// settle counts lines that were written, or were not.
func (l *Log) settle(count int64, err error) {
	if err == nil {
		if !l.state.Failing.IsZero() {
			l.log.Info("the request log can be written again", "folder", l.dir, "lost", l.state.Dropped)
		}
		l.state.Written += count
		l.state.Failing, l.state.Error = time.Time{}, ""
		return
	}
	l.state.Dropped += count
	if l.state.Error = err.Error(); l.state.Failing.IsZero() {
		l.state.Failing = time.Now()
		l.log.Error("the request log cannot be written, and its lines are lost; requests go on. Make room, let the gateway write there, or set request_log: off",
			"folder", l.dir, "error", err)
	}
}

// errResting is what write says while the disk is left alone.
var errResting = errors.New("the disk took nothing a moment ago")

// write appends lines to the segment that is open.
func (l *Log) write(lines []byte, bounds Bounds) error {
	l.disk.Lock()
	defer l.disk.Unlock()
	if !l.bad.IsZero() && time.Since(l.bad) < retryAfter {
		return errResting
	}
	err := l.append(lines, bounds)
	if l.bad = (time.Time{}); err != nil {
		l.open.close()
		l.bad = time.Now()
	}
	return err
}

func (l *Log) append(lines []byte, bounds Bounds) error {
	now := time.Now()
	if l.open.file == nil {
		if err := os.MkdirAll(l.dir, 0o700); err != nil {
			return err
		}
		if err := l.tidy(bounds, now); err != nil { // before anything is written: it may be what makes room
			return err
		}
		var err error
		if l.open, err = create(l.dir, now); err != nil {
			return err
		}
	}
	if err := l.open.append(lines); err != nil {
		return err
	}
	if l.open.size >= segmentSize(bounds) || now.Sub(l.open.begun) >= segmentAge(bounds) {
		l.open.close()
		return l.tidy(bounds, now)
	}
	return nil
}

// tidy compresses segments that nobody writes to, removes what is too old, and makes room.
func (l *Log) tidy(bounds Bounds, now time.Time) error {
	segments, err := list(l.dir)
	if err != nil {
		return err
	}
	most := bounds.Most - segmentSize(bounds) // without the one that is written to
	left := most
	for i := len(segments) - 1; i >= 0; i-- { // from the newest
		s := &segments[i]
		if now.Sub(ended(segments, i)) > bounds.Keep {
			for old := range segments[:i+1] {
				if err := remove(l.dir, &segments[old]); err != nil {
					return err
				}
			}
			segments = segments[i+1:]
			break
		}
		if left > 0 && !s.compressed { // what will go is thinned as it is
			s.failed = compress(l.dir, s, bounds.Bodies)
		}
		left -= s.room(bounds.Most)
	}
	return l.makeRoom(segments, bounds, most)
}

// Flush has everything written that was added, and waits for that.
func (l *Log) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range 2 { // what is being written was taken before what waits now
		l.startLocked()
		for l.writing {
			l.idle.Wait()
		}
	}
}

// Close writes what waits and takes nothing more.
func (l *Log) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.Flush()
	l.disk.Lock()
	defer l.disk.Unlock()
	l.open.close()
}

// lastLine is the beginning of what follows the last whole line.
func lastLine(lines []byte) int { return bytes.LastIndexByte(lines, '\n') + 1 }
