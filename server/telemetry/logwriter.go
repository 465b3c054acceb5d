package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	flushAfter = 100 * time.Millisecond // how long a line may wait
	flushAt    = 32 << 10               // bytes that are written at once
	// logQueue is how many bytes wait for a log that takes none. Lines beyond it are
	// dropped. Twice as much is held at most: while some are being written, as many
	// may gather.
	logQueue = 1 << 20
	// logPatience is how long the end of the process waits for a log that takes none.
	logPatience = time.Second
	// logRetry is the time between tries to write where the log is full and says so
	// instead of waiting: a pipe that somebody else has made non-blocking.
	logRetry = 10 * time.Millisecond
)

// NewLogger returns a logger that writes lines in batches, since a system call
// for each request's line costs as much as routing it: at the latest after
// 100 ms, and at once from warnings up. Nobody who logs waits for w: a log that
// takes nothing (a pipe that nobody reads, a full disk) loses lines, which are
// counted, and stops nothing. flush writes what is left, for a second at most;
// call it before the process ends.
func NewLogger(w io.Writer, text bool, level slog.Level) (log *slog.Logger, flush func()) {
	lines := &batch{w: w, text: text, lines: make([]byte, 0, 2*flushAt), spare: make([]byte, 0, 2*flushAt)}
	lines.timer = time.AfterFunc(time.Hour, lines.start)
	lines.timer.Stop()
	options := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewJSONHandler(lines, options)
	if text {
		h = slog.NewTextHandler(lines, options)
	}
	log, _ = Redacted(slog.New(&urgent{h, lines, level, !text}))
	return log, lines.flush
}

// batch collects lines, and has them written by a goroutine of its own, which
// lives as long as there is something to write.
type batch struct {
	w     io.Writer
	text  bool
	timer *time.Timer

	dropped atomic.Int64 // lines, since the start

	mu      sync.Mutex
	lines   []byte        // that wait
	waiting bool          // the timer runs
	hurry   bool          // lines are to be written at once
	writing chan struct{} // closed when the goroutine that writes has ended; nil without one

	// Of the goroutine that writes.
	spare []byte
	told  int64 // of dropped, those that a line has told of
	torn  bool  // the last write ended in the middle of a line
}

// Write takes a line. It never waits and never fails.
func (b *batch) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines)+len(line) > logQueue {
		b.dropped.Add(1)
		return len(line), nil
	}
	b.lines = append(b.lines, line...)
	if len(b.lines) >= flushAt {
		b.startLocked()
	} else if !b.waiting {
		b.waiting = true
		b.timer.Reset(flushAfter)
	}
	return len(line), nil
}

// start has everything written that waits.
func (b *batch) start() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.startLocked()
}

func (b *batch) startLocked() {
	b.waiting, b.hurry = false, true
	if b.writing == nil && len(b.lines) > 0 {
		b.writing = make(chan struct{})
		go b.drain()
	}
}

// flush has everything written that waits, and waits for that, but not for a log
// that takes nothing.
func (b *batch) flush() {
	patience := time.NewTimer(logPatience)
	defer patience.Stop()
	for {
		b.mu.Lock()
		b.startLocked()
		writing := b.writing
		b.mu.Unlock()
		if writing == nil {
			return
		}
		select {
		case <-writing:
		case <-patience.C:
			return
		}
	}
}

// drain writes what waits until there is nothing more, or nothing that is in a
// hurry.
func (b *batch) drain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.lines) > 0 && b.hurry {
		now := b.lines
		b.lines, b.hurry = b.spare[:0], false
		b.mu.Unlock()
		b.write(now)
		b.mu.Lock()
		if b.spare = now; cap(now) > 4*flushAt && len(now) < cap(now)/4 { // it was grown while the log stood still
			b.spare = nil
		}
		b.hurry = b.hurry || len(b.lines) >= flushAt
	}
	close(b.writing)
	b.writing = nil
}

// write writes lines, and behind them how many were lost if nobody was told yet.
func (b *batch) write(lines []byte) {
	if b.text { // which quotes all that is unseen, but for DEL
		lines = bytes.ReplaceAll(lines, []byte{0x7f}, []byte(`\x7f`))
	} else {
		lines = visible(lines)
	}
	dropped, told := b.dropped.Load(), 0
	if dropped > b.told {
		lines, told = append(lines, b.lostLine(dropped-b.told)...), 1
	}
	if lost := b.put(lines); lost > 0 {
		b.dropped.Add(int64(lost - told))
	} else {
		b.told = dropped
	}
}

// put writes whole lines, and returns how many of them the log did not take.
func (b *batch) put(lines []byte) (lost int) {
	if b.torn {
		if _, err := b.w.Write([]byte("\n")); err != nil {
			return bytes.Count(lines, []byte("\n"))
		}
		b.torn = false
	}
	for rest := lines; len(rest) > 0; {
		n, err := b.w.Write(rest)
		switch rest = rest[n:]; {
		case errors.Is(err, syscall.EAGAIN):
			time.Sleep(logRetry)
		case err != nil || n == 0:
			written := lines[:len(lines)-len(rest)]
			b.torn = len(written) > 0 && written[len(written)-1] != '\n'
			return bytes.Count(rest, []byte("\n"))
		}
	}
	return 0
}

// lostLine is the line that tells of lost lines.
func (b *batch) lostLine(n int64) []byte {
	var out bytes.Buffer
	var h slog.Handler = slog.NewJSONHandler(&out, nil)
	if b.text {
		h = slog.NewTextHandler(&out, nil)
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of the log were dropped: it could not be written", 0)
	r.AddAttrs(slog.Int64("lines", n))
	h.Handle(context.Background(), r)
	return out.Bytes()
}

// urgent has warnings and errors written at once, in order with the lines before.
type urgent struct {
	slog.Handler
	lines  *batch
	level  slog.Level // of the least important lines that are written
	direct bool       // a line may be written as JSON without the handler
}

func (u *urgent) Handle(ctx context.Context, r slog.Record) error {
	err := u.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		u.lines.start()
	}
	return err
}

func (u *urgent) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &urgent{u.Handler.WithAttrs(attrs), u.lines, u.level, false}
}

func (u *urgent) WithGroup(name string) slog.Handler {
	return &urgent{u.Handler.WithGroup(name), u.lines, u.level, false}
}
