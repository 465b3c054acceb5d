//go:build cluster

package cluster

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"uniapi/config"
)

// redisServer is a real one, of the test's own.
type redisServer struct {
	t       testing.TB
	address string
	port    string
	dir     string
	cmd     *exec.Cmd
	more    []string
	file    string // of its settings; "" has none
}

func startRedis(t testing.TB, more ...string) *redisServer {
	t.Helper()
	r := newRedis(t)
	r.more = more
	r.start()
	return r
}

// startSentinel starts one with a file, which it changes.
func startSentinel(t testing.TB, file string) *redisServer {
	t.Helper()
	r := newRedis(t)
	r.file, r.more = file, []string{"--sentinel"}
	r.start()
	return r
}

func newRedis(t testing.TB) *redisServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	r := &redisServer{t: t, address: "127.0.0.1:" + port, port: port, dir: t.TempDir()}
	t.Cleanup(r.stop)
	return r
}

func (r *redisServer) start() {
	r.t.Helper()
	args := []string{"--port", r.port, "--bind", "127.0.0.1", "--dir", r.dir}
	if r.file != "" {
		args = append([]string{r.file}, args...)
	} else {
		args = append(args, "--save", "", "--appendonly", "no")
	}
	args = append(args, r.more...)
	r.cmd = exec.Command(cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server"), args...)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("redis-server cannot be started (apt-get install redis-server): %v", err)
	}
	r.t.Logf("redis-server %d at %s", r.cmd.Process.Pid, r.address)
	within(r.t, 10*time.Second, func() bool {
		conn, err := net.Dial("tcp", r.address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func (r *redisServer) stop() {
	if r.cmd == nil {
		return
	}
	r.cmd.Process.Signal(syscall.SIGCONT)
	r.cmd.Process.Kill()
	r.cmd.Wait()
	r.cmd = nil
}

func (r *redisServer) signal(s syscall.Signal) {
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// within waits until something holds.
func within(t testing.TB, d time.Duration, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > d {
			t.Fatalf("it has not come about in %v", d)
		}
	}
}

// logged collects the lines of a log.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n")
}

// join opens an instance.
func (r *redisServer) join(t testing.TB, set func(*config.Cluster)) (*Cluster, *logged) {
	t.Helper()
	setting := config.Cluster{Redis: []string{"redis://" + r.address}, Name: "test", OnFailure: config.FailLocal}
	if set != nil {
		set(&setting)
	}
	log := new(logged)
	c, err := Open(Options{Config: setting, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, log
}

// scriptsRun is how many there were.
func (r *redisServer) scriptsRun(t *testing.T) (n int) {
	_, told, found := strings.Cut(cli(r, "info", "commandstats"), "cmdstat_evalsha:calls=")
	if _, err := fmt.Sscanf(told, "%d", &n); !found || err != nil {
		t.Fatal("Redis does not tell how many scripts it ran: ", err)
	}
	return n
}
