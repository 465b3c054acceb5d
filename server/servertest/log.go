package servertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen.
const Patience = 30 * time.Second

// Line is a line of a JSON log.
type Line map[string]any

// Log takes what is logged, however much that is and whether or not anybody asks for it:
// a writer that waited would have the gateway leave lines out.
type Log struct {
	mu    sync.Mutex
	text  bytes.Buffer
	read  int           // bytes of text whose lines Next has given or passed over
	wrote chan struct{} // has one when there is more
}

// NewLog is an empty log.
func NewLog() *Log { return &Log{wrote: make(chan struct{}, 1)} }

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	select {
	case l.wrote <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Next waits for the next line with this message.
func (l *Log) Next(t testing.TB, message string) Line {
	t.Helper()
	late := time.After(Patience)
	for {
		if line := l.find(message); line != nil {
			return line
		}
		select {
		case <-l.wrote:
		case <-late:
			t.Fatalf("no %q in the log:\n%s", message, l)
		}
	}
}

// find looks for it in the lines that have come, nil if it is not there yet.
func (l *Log) find(message string) Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.text.Bytes()[l.read:]) {
		if !bytes.HasSuffix(line, []byte("\n")) { // what a pipe brings at once may end within a line
			break
		}
		l.read += len(line)
		parsed := Line{}
		if json.Unmarshal(line, &parsed) == nil && parsed["msg"] == message {
			return parsed
		}
	}
	return nil
}

// Count is how many lines with this message there have been.
func (l *Log) Count(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.text.Bytes(), fmt.Appendf(nil, `"msg":%q`, message))
}

// Eventually waits for what another goroutine or the kernel is about to do.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// Receive waits for what a channel brings.
func Receive[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(Patience):
		t.Fatalf("never: %s", what)
		panic("unreachable")
	}
}
