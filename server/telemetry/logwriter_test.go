package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// writes remembers what was written, write by write.
type writes struct {
	mu   sync.Mutex
	each []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.each = append(w.each, string(p))
	return len(p), nil
}

func (w *writes) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.each)
}

func TestLinesAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &writes{}
		log, _ := NewLogger(out, false, slog.LevelInfo)
		for i := range 3 {
			log.Info("line", "i", i)
		}
		if out.count() != 0 {
			t.Errorf("written at once: %q", out.each)
		}
		time.Sleep(flushAfter - time.Millisecond)
		synctest.Wait()
		if out.count() != 0 {
			t.Errorf("written too early: %q", out.each)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if out.count() != 1 || strings.Count(out.each[0], "\n") != 3 {
			t.Errorf("written in %d writes: %q", out.count(), out.each)
		}
		log.Info("later")
		time.Sleep(flushAfter + time.Millisecond)
		synctest.Wait()
		if out.count() != 2 || !strings.Contains(out.each[1], "later") {
			t.Errorf("the next batch: %q", out.each)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if out.count() != 2 {
			t.Errorf("empty writes: %q", out.each)
		}
	})
}

func TestWarningsAreWrittenAtOnceBehindWhatCameBefore(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelWarn, slog.LevelError} {
		synctest.Test(t, func(t *testing.T) {
			out := &writes{}
			log, _ := NewLogger(out, false, slog.LevelInfo)
			log = log.With("a", 1).WithGroup("g")
			log.Info("first")
			log.Log(t.Context(), level, "second")
			synctest.Wait() // no time passes
			if out.count() != 1 {
				t.Fatalf("%q", out.each)
			}
			first, second, _ := strings.Cut(out.each[0], "\n")
			if !strings.Contains(first, `"msg":"first","a":1`) || !strings.Contains(second, `"msg":"second","a":1`) {
				t.Errorf("%q", out.each)
			}
			time.Sleep(time.Hour) // the timer's goroutine ends
		})
	}
}

func TestFullBatchIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &writes{}
		log, flush := NewLogger(out, false, slog.LevelInfo)
		long := strings.Repeat("x", 1000)
		for n := range 2 * flushAt / 1000 {
			log.Info(long)
			if n == flushAt/1000 {
				synctest.Wait() // no time passes
				if n := out.count(); n != 1 {
					t.Errorf("%d writes", n)
				}
			}
		}
		flush()
		if text := strings.Join(out.each, ""); strings.Count(text, "\n") != 2*flushAt/1000 {
			t.Errorf("%d lines", strings.Count(text, "\n"))
		}
		time.Sleep(time.Hour)
	})
}

func TestLinesKeepTheirOrderAndAreNotLost(t *testing.T) {
	const writers, lines = 8, 500
	out := &writes{}
	log, flush := NewLogger(out, true, slog.LevelInfo)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range lines {
				level := slog.LevelInfo
				if i%50 == 0 {
					level = slog.LevelWarn
				}
				log.Log(t.Context(), level, "line", "writer", w, "i", i)
			}
		})
	}
	all.Wait()
	flush()
	next := make([]int, writers)
	for line := range strings.Lines(strings.Join(out.each, "")) {
		var w, i int
		if _, err := fmt.Sscanf(line[strings.Index(line, "writer="):], "writer=%d i=%d\n", &w, &i); err != nil || next[w] != i {
			t.Fatalf("%q where line %d was due: %v", line, next[w], err)
		}
		next[w]++
	}
	for w, n := range next {
		if n != lines {
			t.Errorf("writer %d: %d lines", w, n)
		}
	}
}

// batchOf is where a log's lines wait.
func batchOf(log *slog.Logger) *batch {
	var a AccessLog
	a.Use(log)
	return a.lines
}

// numbered logs lines from a number on.
func numbered(log *slog.Logger, from, n int) {
	for i := range n {
		log.Info("line", "i", from+i, "text", strings.Repeat("x", 1000))
	}
}

// accounted holds what came out against what went in: whole lines of JSON, none twice,
// and for each that is missing one that was counted. It returns how many came.
func accounted(t *testing.T, text string, logged int, counted int64) (came int) {
	t.Helper()
	told, last := int64(0), -1
	for line := range strings.Lines(text) {
		var l struct {
			Msg   string
			I     int
			Lines int64
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			continue // torn by the log, and counted
		}
		if l.Msg != "line" {
			told += l.Lines
			continue
		}
		if l.I <= last {
			t.Fatalf("line %d came behind %d", l.I, last)
		}
		last = l.I
		came++
	}
	if int64(came)+counted != int64(logged) || told != counted {
		t.Errorf("of %d lines %d came, %d were counted as lost, and the log tells of %d", logged, came, counted, told)
	}
	return came
}

// A pipe that nobody reads, as of a collector that hangs: who logs goes on, what
// waits is bounded, and as soon as somebody reads everything is accounted for.
func TestLogThatNobodyReadsStopsNobodyAndLosesOnlyWhatItCounts(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	log, flush := NewLogger(w, false, slog.LevelInfo)
	lines := batchOf(log)
	numbered(log, 0, 5000)
	flush()
	lines.mu.Lock()
	held := cap(lines.lines)
	lines.mu.Unlock()
	if dropped := lines.dropped.Load(); dropped < 2000 || held > 2*logQueue {
		t.Errorf("%d lines were dropped, %d bytes are held", dropped, held)
	}
	read := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		read <- string(all)
	}()
	for lines.waits() {
		flush()
	}
	numbered(log, 5000, 10)
	for lines.waits() {
		flush()
	}
	w.Close()
	if came := accounted(t, <-read, 5010, lines.dropped.Load()); came < 10 {
		t.Errorf("only %d lines came", came)
	}
}

// waits says whether there are lines that have not been written.
func (b *batch) waits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.lines) > 0 || b.writing != nil
}

// moody is a log that takes a part of what it is given, or nothing, as its moods
// say in turn.
type moody struct {
	bytes.Buffer
	moods []mood
}

type mood struct {
	takes int // bytes
	err   error
}

func (m *moody) Write(p []byte) (int, error) {
	if len(m.moods) == 0 {
		return m.Buffer.Write(p)
	}
	now := m.moods[0]
	m.moods = m.moods[1:]
	n, _ := m.Buffer.Write(p[:min(len(p), now.takes)])
	return n, now.err
}

func TestLogThatFailsLosesWholeLinesAndSaysHowMany(t *testing.T) {
	for _, c := range []struct {
		name  string
		moods []mood
		lost  int64
	}{
		{"all is well", nil, 0},
		{"full at once", []mood{{0, syscall.ENOSPC}}, 10},
		{"full in the middle of a line", []mood{{2500, syscall.ENOSPC}}, 8},
		{"full at the second write", []mood{{1111, nil}, {0, syscall.ENOSPC}}, 9},
		{"full for long", []mood{{2500, syscall.ENOSPC}, {0, syscall.ENOSPC}, {0, syscall.ENOSPC}}, 28},
		{"closed", []mood{{0, syscall.EPIPE}}, 10},
		{"broken", []mood{{0, errors.New("broken")}}, 10},
		{"says nothing and takes nothing", []mood{{0, nil}}, 10},
		{"takes a little at a time", []mood{{7, nil}, {1, nil}, {3000, nil}}, 0},
		{"asks to come again", []mood{{0, syscall.EAGAIN}, {1500, syscall.EAGAIN}, {0, syscall.EAGAIN}}, 0},
		{"asks to come again, and is full then", []mood{{1500, syscall.EAGAIN}, {0, syscall.ENOSPC}}, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &moody{moods: c.moods}
				log, flush := NewLogger(out, false, slog.LevelInfo)
				for round := range 4 {
					numbered(log, 10*round, 10)
					flush()
				}
				lines := batchOf(log)
				accounted(t, out.String(), 40, lines.dropped.Load())
				if got := lines.dropped.Load(); got != c.lost {
					t.Errorf("%d lines were lost, want %d", got, c.lost)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestLevelIsObeyed(t *testing.T) {
	var out bytes.Buffer
	log, flush := NewLogger(&out, false, slog.LevelWarn)
	log.Info("no")
	log.Debug("no")
	log.Warn("yes")
	flush()
	if strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%q", out.String())
	}
}
