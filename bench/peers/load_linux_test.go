package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"uniapi/loadtest"
)

func scenarioByName(t *testing.T, name string) scenario {
	t.Helper()
	picked, _, err := chosen(name)
	if err != nil {
		t.Fatal(err)
	}
	return picked[0]
}

// measured is long enough for something to be answered on a busy machine.
const measured = 300 * time.Millisecond

func loadOn(address string, s scenario, bodyLength int) load {
	return load{address: address, request: s.request(address, chatModel), bodyLength: bodyLength, stream: s.stream,
		connections: 3, warm: 10 * time.Millisecond, seconds: measured}
}

func TestLoadMeasuresTheMock(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mock := &loadtest.Mock{}
	go mock.Serve(ln)
	defer mock.Close()
	for _, name := range []string{"plain", "stream"} {
		t.Run(name, func(t *testing.T) {
			s := scenarioByName(t, name)
			length, err := probe(ln.Addr().String(), s, chatModel)
			if err != nil {
				t.Fatal(err)
			}
			self := []int{os.Getpid()}
			m, err := loadOn(ln.Addr().String(), s, length).run(t.Context(), self, self)
			if err != nil {
				t.Fatal(err)
			}
			if m.requests < 1 || len(m.whole) < m.requests || m.elapsed < measured {
				t.Errorf("%d requests, %d timings in %v", m.requests, len(m.whole), m.elapsed)
			}
			if m.peerCPU <= 0 || m.residentAfter <= 0 {
				t.Errorf("CPU %v, %d bytes in RAM", m.peerCPU, m.residentAfter)
			}
			if first, whole := m.firstByte[0], m.whole[0]; first <= 0 || first > whole {
				t.Errorf("first byte after %v, all after %v", first, whole)
			}
		})
	}
}

// answering serves raw as the answer to every request on a free port.
func answering(t *testing.T, raw string) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				request, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				io.Copy(io.Discard, request.Body)
				io.WriteString(conn, raw)
			}()
		}
	}()
	return ln.Addr().String()
}

func TestLoadFailsOnAnAnswerThatIsNotWhole(t *testing.T) {
	for _, tt := range []struct{ name, scenario, raw, want string }{
		{"cut", "plain", plainHead + "hel", "after 3 bytes"},
		{"failed", "plain", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "502 Bad Gateway"},
		{"shorter than the first", "plain", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell", "has 4 bytes"},
		{"without [DONE]", "stream", chunkedHead + "5\r\nhello\r\n0\r\n\r\n", "[DONE]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadOn(answering(t, tt.raw), scenarioByName(t, tt.scenario), 5).run(t.Context(), nil, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestRequestsGoOnWhenThePeerClosesIdleConnections(t *testing.T) {
	// This one closes each connection after its answer.
	l := loadOn(answering(t, plainHead+"hello"), scenarioByName(t, "plain"), 5)
	l.connections = 1
	for name, rate := range map[string]float64{"closed loop": 0, "open loop": 200} {
		l.rate = rate
		m, err := l.run(t.Context(), nil, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if len(m.whole) < 1 {
			t.Errorf("%s: %d answers", name, len(m.whole))
		}
	}
}

// A peer may close a connection that waits for its first request, and the request be on its way already.
func TestRequestsGoOnWhenThePeerClosesAConnectionBeforeTheFirst(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for n := 0; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			request, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil && n > 0 {
				io.Copy(io.Discard, request.Body)
				io.WriteString(conn, plainHead+"hello")
			}
			conn.Close()
		}
	}()
	l := loadOn(ln.Addr().String(), scenarioByName(t, "plain"), 5)
	l.connections = 1
	m, err := l.run(t.Context(), nil, nil)
	if err != nil || len(m.whole) < 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestLatencyOfAnOpenLoopCountsFromWhenARequestWasDue(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const latency = 50 * time.Millisecond
	mock := &loadtest.Mock{Latency: latency}
	go mock.Serve(ln)
	defer mock.Close()
	l := loadOn(ln.Addr().String(), scenarioByName(t, "plain"), 0)
	// One connection answers 20 requests a second, and 100 are due: each waits
	// for those before it.
	l.connections, l.rate, l.warm, l.seconds = 1, 100, 0, 100*time.Millisecond
	m, err := l.run(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.requests != 10 || len(m.whole) != 10 {
		t.Fatalf("%d requests, %d answers, want 10", m.requests, len(m.whole))
	}
	// The last is due after 90 ms and gets its answer after 500 ms or more.
	if last := m.whole[9]; last < 400*time.Millisecond {
		t.Errorf("the last had its answer after %v", last)
	}
}

func TestGapsOfPacedStreams(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mock := &loadtest.Mock{Events: 20, Gap: pause}
	go mock.Serve(ln)
	defer mock.Close()
	l := loadOn(ln.Addr().String(), scenarioByName(t, "paced-500"), 0)
	l.gaps, l.seconds, l.ramp = true, 10*pause, pause
	m, err := l.run(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.open != l.connections || m.events < l.connections || len(m.gaps) == 0 {
		t.Errorf("%d streams open, %d events, %d gaps", m.open, m.events, len(m.gaps))
	}
	// However late events are, they cannot come sooner than they are sent.
	if longest := m.gaps[len(m.gaps)-1]; longest < pause/2 {
		t.Errorf("no gap is longer than %v", longest)
	}
}

func TestLoadEndsWhenInterrupted(t *testing.T) {
	address := answering(t, plainHead+"hello")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := loadOn(address, scenarioByName(t, "plain"), 5)
	l.warm = time.Hour
	if _, err := l.run(ctx, nil, nil); !errors.Is(err, errInterrupted) {
		t.Errorf("error %v", err)
	}
}

func TestCPUTimeIsWhatTheKernelCounts(t *testing.T) {
	usage := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			t.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	low := usage()
	got, err := cpuTime([]int{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	// getrusage may lag each running thread by a tick, which is 10 ms at most.
	const lag = 100 * time.Millisecond
	if high := usage(); got < low-lag || got > high+lag {
		t.Errorf("%v, want between %v and %v", got, low, high)
	}
	if _, err := cpuTime([]int{1<<22 + 1}); err == nil {
		t.Error("no error for a pid above the largest there is")
	}
}

func TestProcessTreeHasTheChildren(t *testing.T) {
	child := exec.Command("cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	tree, err := processTree(os.Getpid())
	stdin.Close()
	child.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if tree[0] != os.Getpid() || !slices.Contains(tree, child.Process.Pid) {
		t.Errorf("tree of %d is %v, want %d in it", os.Getpid(), tree, child.Process.Pid)
	}
}

func TestProcessThatEndsAtOnceSaysWhy(t *testing.T) {
	listen, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, err = startProcess("peer", t.TempDir(), listen, "/bin/sh", "-c", "echo no such directive >&2; exit 1")
	if err == nil || !strings.Contains(err.Error(), "no such directive") {
		t.Errorf("error %v", err)
	}
}
