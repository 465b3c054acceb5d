package server

import (
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// notices is the socket on which the service manager hears from a service.
func notices(t *testing.T) (path string, heard <-chan string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ch := make(chan string, 100)
	go func() {
		for buffer := make([]byte, 4096); ; {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			ch <- string(buffer[:n])
		}
	}()
	return path, ch
}

func TestServiceManagerHearsHowTheServiceIsDoing(t *testing.T) {
	program := build(t)
	path := program.file(t, "live.yaml", goodFile)
	socket, heard := notices(t)
	// next is the next notice that is no heartbeat.
	next := func() string {
		for {
			if text := receive(t, heard, "a notice"); text != "WATCHDOG=1" {
				return text
			}
		}
	}
	began := time.Now() // of which the times of all heartbeats are reckoned: a busy machine may bring some of them at once
	s := program.serve(t, []string{"NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=200000"}, "--config", path, "--listen", "127.0.0.1:0")
	if got, want := next(), "READY=1\nSTATUS=serving on "+strings.TrimPrefix(s.url, "http://"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for range 5 {
		if text := receive(t, heard, "a heartbeat"); text != "WATCHDOG=1" {
			t.Errorf("got %q", text)
		}
	}
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("five heartbeats within %v", took)
	}
	for _, change := range []struct{ name, text string }{
		{"nothing has changed", goodFile},
		{"something has", strings.Replace(goodFile, "[m]", "[m, n]", 1)},
		{"it is broken", "providers: ["},
	} {
		program.file(t, "live.yaml", change.text)
		s.Process.Signal(syscall.SIGHUP)
		if got := next(); !regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=[0-9]{4,}\nSTATUS=`).MatchString(got) {
			t.Errorf("%s: got %q", change.name, got)
		}
		if got := next(); !strings.HasPrefix(got, "READY=1\n") {
			t.Errorf("%s: got %q", change.name, got)
		}
	}
	s.Process.Signal(syscall.SIGTERM)
	if got := next(); !strings.HasPrefix(got, "STOPPING=1\n") {
		t.Errorf("got %q", got)
	}
	if code := s.ends(t); code != 0 {
		t.Errorf("code %d", code)
	}
}
