//go:build unix

package telemetry

import (
	"io"
	"log/slog"
	"os"
	"syscall"
	"testing"
)

// Whoever shares stderr may have made it non-blocking.
func TestNonBlockingPipeThatIsFullIsWaitedFor(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	log, flush := NewLogger(fdWriter(w.Fd()), false, slog.LevelInfo) // Fd makes it blocking
	syscall.SetNonblock(int(w.Fd()), true)
	numbered(log, 0, 500)
	read := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		read <- string(all)
	}()
	for batchOf(log).waits() {
		flush()
	}
	w.Close()
	if came := accounted(t, <-read, 500, batchOf(log).dropped.Load()); came != 500 {
		t.Errorf("%d lines came", came)
	}
}

// fdWriter writes as a file does that does not know that it is non-blocking.
type fdWriter int

func (fd fdWriter) Write(p []byte) (int, error) {
	n, err := syscall.Write(int(fd), p)
	return max(n, 0), err
}
