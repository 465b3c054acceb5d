package loadtest

import (
	"bufio"
	"bytes"
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

func TestCommandExplainsItself(t *testing.T) {
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"--help"}, 0, "-error-rate", ""},
		{[]string{"--evnts", "5"}, 2, "", "-evnts"},
		{[]string{"--gap", "5"}, 2, "", "-gap"},
		{[]string{"--events", "2"}, 2, "", "events is 2"},
		{[]string{"--size", "7"}, 2, "", "size 7 is too small"},
		{[]string{"--formats", "--events", "20"}, 2, "", "--events is for load"},
		{[]string{"now"}, 2, "", `unexpected argument "now"`},
		{[]string{"--addr", "127.0.0.1:99999"}, 1, "", "--addr 127.0.0.1:99999"},
	} {
		var stdout, stderr bytes.Buffer
		if code := Command(tt.args, &stdout, &stderr); code != tt.code {
			t.Errorf("%v: exit code %d, want %d", tt.args, code, tt.code)
		}
		if !strings.Contains(stdout.String(), tt.stdout) || (tt.stdout == "" && stdout.Len() > 0) {
			t.Errorf("%v: stdout %q", tt.args, stdout.String())
		}
		if !strings.Contains(stderr.String(), tt.stderr) || (tt.stderr == "" && stderr.Len() > 0) {
			t.Errorf("%v: stderr %q", tt.args, stderr.String())
		}
	}
}
