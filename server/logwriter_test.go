package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
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
		out := &writes{}
		log, _ := NewLogger(out, false, slog.LevelInfo)
		log = log.With("a", 1).WithGroup("g")
		log.Info("first")
		log.Log(t.Context(), level, "second")
		if out.count() != 1 {
			t.Fatalf("%q", out.each)
		}
		first, second, _ := strings.Cut(out.each[0], "\n")
		if !strings.Contains(first, `"msg":"first","a":1`) || !strings.Contains(second, `"msg":"second","a":1`) {
			t.Errorf("%q", out.each)
		}
	}
}

func TestAFullBatchIsWrittenAtOnce(t *testing.T) {
	out := &writes{}
	log, flush := NewLogger(out, false, slog.LevelInfo)
	long := strings.Repeat("x", 1000)
	for range 2 * flushAt / 1000 {
		log.Info(long)
	}
	if n := out.count(); n != 2 {
		t.Errorf("%d writes", n)
	}
	flush()
	if text := strings.Join(out.each, ""); strings.Count(text, "\n") != 2*flushAt/1000 {
		t.Errorf("%d lines", strings.Count(text, "\n"))
	}
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

func TestALogThatCannotBeWrittenStopsNobody(t *testing.T) {
	r, w := io.Pipe()
	r.CloseWithError(errors.New("full"))
	log, flush := NewLogger(w, false, slog.LevelInfo)
	log.Error("lost")
	flush()
}

func TestTheLevelIsObeyed(t *testing.T) {
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
