package server

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	flushAfter = 100 * time.Millisecond // how long a line may wait
	flushAt    = 32 << 10               // bytes that are written at once
)

// NewLogger returns a logger that writes lines in batches, since a system call
// for each request's line costs as much as routing it: at the latest after
// 100 ms, and at once from warnings up. flush writes what is left; call it
// before the process ends.
func NewLogger(w io.Writer, text bool, level slog.Level) (log *slog.Logger, flush func()) {
	lines := &batch{w: w}
	lines.timer = time.AfterFunc(time.Hour, lines.flush)
	lines.timer.Stop()
	options := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewJSONHandler(lines, options)
	if text {
		h = slog.NewTextHandler(lines, options)
	}
	log, _ = redacted(slog.New(&urgent{h, lines, level, !text}))
	return log, lines.flush
}

// batch collects lines. A failing log must not stop requests: lines that cannot
// be written are dropped.
type batch struct {
	w     io.Writer
	timer *time.Timer

	mu      sync.Mutex
	lines   []byte
	waiting bool // the timer runs
}

func (b *batch) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line...)
	if len(b.lines) >= flushAt {
		b.write()
	} else if !b.waiting {
		b.waiting = true
		b.timer.Reset(flushAfter)
	}
	return len(line), nil
}

func (b *batch) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = false
	b.write()
}

func (b *batch) write() {
	if len(b.lines) > 0 {
		b.w.Write(b.lines)
		b.lines = b.lines[:0]
	}
}

// urgent writes warnings and errors at once, in order with the lines before.
type urgent struct {
	slog.Handler
	lines  *batch
	level  slog.Level // of the least important lines that are written
	direct bool       // a line may be written as JSON without the handler
}

func (u *urgent) Handle(ctx context.Context, r slog.Record) error {
	err := u.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		u.lines.flush()
	}
	return err
}

func (u *urgent) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &urgent{u.Handler.WithAttrs(attrs), u.lines, u.level, false}
}

func (u *urgent) WithGroup(name string) slog.Handler {
	return &urgent{u.Handler.WithGroup(name), u.lines, u.level, false}
}
