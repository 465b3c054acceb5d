package server

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serveInto starts the program with a stderr that the test keeps, and waits until
// it serves.
func (c command) serveInto(t *testing.T, stderr *os.File) *serving {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	s := &serving{Cmd: c.prepare(t.Context(), nil, "--config", c.file(t, "deaf.yaml", goodFile), "--listen", address), url: "http://" + address}
	s.Stderr = stderr
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	stderr.Close()
	t.Cleanup(func() { s.Process.Kill() })
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return s
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// deaf starts it with a pipe that nobody reads.
func (c command) deaf(t *testing.T) (s *serving, unread *os.File) {
	t.Helper()
	unread, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unread.Close() })
	return c.serveInto(t, stderr), unread
}

// ask asks for a model that is not there, which leaves a line, n times over one
// connection.
func (s *serving) ask(t *testing.T, n int) {
	t.Helper()
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	for range n {
		req, _ := http.NewRequest("POST", s.url+"/v1/chat/completions", strings.NewReader(`{"model":"none","messages":[]}`))
		req.Header.Set("X-Api-Key", clientKeyText)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// A log that nobody reads: requests go on, and so does the end of the process.
func TestLogThatNobodyReadsStopsNothing(t *testing.T) {
	program := build(t)
	const fills = 600 // lines, the pipe holds 64 KB

	t.Run("a full pipe, SIGTERM", func(t *testing.T) {
		s, _ := program.deaf(t)
		s.ask(t, fills)
		s.Process.Signal(syscall.SIGTERM)
		if code := s.ends(t); code != 0 {
			t.Errorf("code %d", code)
		}
	})

	t.Run("a full pipe, a crash", func(t *testing.T) {
		s, _ := program.deaf(t)
		s.ask(t, fills)
		s.Process.Signal(syscall.SIGQUIT) // the runtime writes all stacks and dies
		if code := s.ends(t); code != 2 {
			t.Errorf("code %d", code)
		}
	})

	t.Run("a pipe whose reader has gone", func(t *testing.T) {
		s, unread := program.deaf(t)
		s.ask(t, 10)
		unread.Close()
		s.ask(t, fills)
		s.Process.Signal(syscall.SIGTERM)
		if code := s.ends(t); code != 0 {
			t.Errorf("code %d: %v", code, s.ProcessState)
		}
	})

	t.Run("a full disk", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := program.serveInto(t, full)
		s.ask(t, 10)
		s.Process.Signal(syscall.SIGTERM)
		if code := s.ends(t); code != 0 {
			t.Errorf("code %d", code)
		}
	})

	t.Run("a pipe that is read again", func(t *testing.T) {
		s, unread := program.deaf(t)
		s.ask(t, fills)
		read := make(chan string)
		go func() {
			all, _ := io.ReadAll(unread)
			read <- string(all)
		}()
		s.Process.Signal(syscall.SIGTERM)
		if code := s.ends(t); code != 0 {
			t.Errorf("code %d", code)
		}
		if lines := strings.Count(<-read, `"msg":"request"`); lines != fills {
			t.Errorf("%d lines of %d requests", lines, fills)
		}
	})
}
