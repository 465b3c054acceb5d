//go:build unix

package loadtest

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func TestCommandServesUntilItIsTold(t *testing.T) {
	out, stdout := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- Command([]string{"--addr", "127.0.0.1:0", "--gap", "0", "--size", "500"}, stdout, io.Discard)
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "mock upstream on ")
	if !ok {
		t.Fatalf("printed %q", line)
	}
	resp, err := http.Post(url, "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body := readAll(t, resp.Body); len(body) != 500 {
		t.Errorf("body of %d bytes, want 500", len(body))
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
}
