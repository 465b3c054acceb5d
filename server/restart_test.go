package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// serveOn starts the program as systemd does: with a listening socket that is
// not its own.
func (c command) serveOn(t *testing.T, socket *os.File, args ...string) *serving {
	t.Helper()
	s := &serving{Cmd: exec.CommandContext(t.Context(), "sh", append([]string{"-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec ./uni-api "$@"`, "sh"}, args...)...), log: newLogLines()}
	s.Dir, s.Env, s.Stderr, s.ExtraFiles = c.dir, []string{"HOME=" + c.dir}, s.log, []*os.File{socket}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Process.Kill(); s.Wait() })
	s.url = "http://" + fmt.Sprint(s.log.Next(t, "serving")["address"])
	return s
}

// crowd asks for plain answers all the time, half of it on a new connection for
// each, half on kept ones.
type crowd struct {
	stop    context.CancelFunc
	workers sync.WaitGroup
	served  atomic.Int64
	lost    atomic.Int64
}

func startCrowd(t *testing.T, url string, workers int) *crowd {
	ctx, stop := context.WithCancel(context.Background())
	c := &crowd{stop: stop}
	for i := range workers {
		transport := &http.Transport{DisableKeepAlives: i%2 == 0}
		client := &http.Client{Transport: transport, Timeout: patience}
		c.workers.Go(func() {
			defer transport.CloseIdleConnections()
			for ctx.Err() == nil {
				if err := askOnce(client, url); err != nil {
					if c.lost.Add(1) < 10 {
						t.Errorf("a request was lost: %v", err)
					}
				} else {
					c.served.Add(1)
				}
			}
		})
	}
	t.Cleanup(c.end)
	return c
}

func (c *crowd) end() {
	c.stop()
	c.workers.Wait()
}

// more waits until requests that are sent from now on have been served.
func (c *crowd) more(t *testing.T) {
	t.Helper()
	before := c.served.Load() + 100
	eventually(t, "more requests are served", func() bool { return c.served.Load() > before })
}

func askOnce(client *http.Client, url string) error {
	// A plain io.Reader has no GetBody: nothing is sent twice behind our back.
	req, err := http.NewRequest("POST", url+"/v1/chat/completions", io.MultiReader(strings.NewReader(plainRequest)))
	if err != nil {
		return err
	}
	req.ContentLength = int64(len(plainRequest))
	req.Header.Set("Authorization", "Bearer "+clientKeyText)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		return fmt.Errorf("status %d, %v: %s", resp.StatusCode, err, text)
	}
	return nil
}

// openStreams begins streams and returns once each has brought an event; what the
// channel brings is the rest of each.
func openStreams(t *testing.T, addr string, count int) <-chan string {
	t.Helper()
	rests := make(chan string, count)
	var begun sync.WaitGroup
	for range count {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(2 * patience))
		stream := newClient(t, c)
		stream.post(streamRequest)
		begun.Go(func() {
			resp, err := http.ReadResponse(stream.br, nil)
			if err != nil {
				t.Error(err)
				rests <- ""
				return
			}
			first := make([]byte, len(event("one")))
			if _, err := io.ReadFull(resp.Body, first); err != nil {
				t.Error(err)
			}
			go func() {
				text, err := io.ReadAll(resp.Body)
				rests <- fmt.Sprint(string(text), err)
			}()
		})
	}
	begun.Wait()
	return rests
}

// waiting answers plainly at once, and streams only when it is told to go on.
func waiting(goOn <-chan bool) script {
	return func(p *peer, r seen) bool {
		if !wantsStream(r) {
			p.say(plainOK)
			return true
		}
		p.say(streamHead + chunk(event("one")))
		<-goOn
		p.say(chunk(event(" two")) + chunk(stopEvent) + chunk(doneEvent) + chunk(""))
		return true
	}
}

func TestRestartOnAPassedSocketLosesNothing(t *testing.T) {
	t.Parallel()
	const streams = 200
	program := build(t)
	for _, test := range []struct {
		name    string
		overlap bool // the new process starts before the old one is told to end
	}{
		{"one process after the other", false},
		{"the new process beside the old", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			goOn := make(chan bool)
			up := listen(t, waiting(goOn))
			path := program.file(t, "restart.yaml", strings.Replace(goodFile, "127.0.0.1:1/", up.addr+"/", 1))
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			socket, err := ln.(*net.TCPListener).File()
			if err != nil {
				t.Fatal(err)
			}
			ln.Close()
			defer socket.Close()

			old := program.serveOn(t, socket, "--config", path, "--data", t.TempDir())
			rests := openStreams(t, strings.TrimPrefix(old.url, "http://"), streams)
			crowd := startCrowd(t, old.url, 8)
			crowd.more(t)
			begin := func() { program.serveOn(t, socket, "--config", path, "--data", t.TempDir()) }
			if test.overlap {
				begin()
			}
			old.Process.Signal(syscall.SIGTERM)
			old.log.Next(t, "ending; a second signal ends at once")
			if test.overlap {
				crowd.more(t)
			}
			close(goOn)
			for range streams {
				if rest, want := receive(t, rests, "the rest of a stream"), event(" two")+stopEvent+doneEvent+"<nil>"; rest != want {
					t.Errorf("a stream went on with %q", rest)
				}
			}
			if code := old.ends(t); code != 0 {
				t.Errorf("the old process ended with %d\n%s", code, old.log)
			}
			if !test.overlap {
				begin()
			}
			crowd.more(t)
			crowd.end()
			if n := crowd.lost.Load(); n > 0 {
				t.Errorf("%d requests of %d were lost", n, n+crowd.served.Load())
			}
		})
	}
}
