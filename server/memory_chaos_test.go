//go:build chaos

package server

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// streamMemory is what an open stream may take, in bytes: docs/operations.md
// says so.
const streamMemory = 42 << 10

// resident is the memory of a process, in bytes; highest is the most it ever had.
func resident(t *testing.T, pid int) int { return memoryOf(t, pid, "VmRSS:") }
func highest(t *testing.T, pid int) int  { return memoryOf(t, pid, "VmHWM:") }

// memoryOf is what the system says of a process's memory.
func memoryOf(t *testing.T, pid int, what string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), what)
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.Atoi(kilobytes)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

func TestOpenStreamTakesLittleMemory(t *testing.T) {
	const streams = 5000
	goOn := make(chan bool)
	up := listen(t, waiting(goOn))
	program := build(t)
	path := program.file(t, "memory.yaml", strings.Replace(goodFile, "127.0.0.1:1/", up.addr+"/", 1))
	s := program.serve(t, nil, "--config", path, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	addr := strings.TrimPrefix(s.url, "http://")
	openStreams(t, addr, 1)
	before := resident(t, s.Process.Pid)
	rests := openStreams(t, addr, streams)
	each := (resident(t, s.Process.Pid) - before) / streams
	t.Logf("%d bytes each; %d MB before", each, before>>20)
	if each > streamMemory {
		t.Errorf("an open stream takes %d bytes, more than %d", each, streamMemory)
	}
	close(goOn)
	for range streams {
		if rest := receive(t, rests, "the rest of a stream"); !strings.HasSuffix(rest, doneEvent+"<nil>") {
			t.Errorf("a stream went on with %q", rest)
		}
	}
	s.Process.Signal(syscall.SIGTERM)
	began := time.Now()
	if code := s.ends(t); code != 0 {
		t.Errorf("ended with %d after %v", code, time.Since(began))
	}
}
