//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a server that was started here and is stopped here.
type process struct {
	name   string
	listen string
	cmd    *exec.Cmd
	ended  chan struct{} // closed when it has
	output string        // file
}

const (
	startLimit = 15 * time.Second // until a server takes connections
	stopLimit  = 5 * time.Second  // until it is killed
)

// startProcess runs path with its output in a file in dir, and returns when it
// takes connections on listen.
func startProcess(name, dir, listen, path string, args ...string) (*process, error) {
	p := &process{name: name, listen: listen, ended: make(chan struct{}), output: filepath.Join(dir, name+".log")}
	p.cmd = exec.Command(path, args...)
	if err := p.start(); err != nil {
		return nil, err
	}
	if err := p.awaitListener(); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// start runs p's command.
func (p *process) start() error {
	output, err := os.Create(p.output)
	if err != nil {
		return err
	}
	defer output.Close()
	p.cmd.Stdout, p.cmd.Stderr = output, output
	// A group of its own: an interrupt from the terminal is for us, who then
	// stop it, and its children can be reached if it dies without them. If we
	// are killed, the kernel tells it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		p.cmd.Wait() // how it ended is in its output
		close(p.ended)
	}()
	return nil
}

func (p *process) awaitListener() error {
	deadline := time.After(startLimit)
	for {
		conn, err := net.Dial("tcp", p.listen)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it took connections on %s; it said:\n%s", p.name, p.listen, p.lastOutput())
		case <-deadline:
			return fmt.Errorf("%s took no connections on %s within %v; it said:\n%s", p.name, p.listen, startLimit, p.lastOutput())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// lastOutput is the end of what p has printed.
func (p *process) lastOutput() string {
	const most = 2000
	data, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-most):])
}

// stop ends p and its children.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what is left of its group, if anything is
	<-p.ended
}

// freeAddress is a loopback address that nothing listens on now. It is none of
// the ports that the kernel hands out by itself, so that no connection gets it
// before the server that it is for.
func freeAddress() (string, error) {
	const low, high, tries = 20000, 32000, 100
	var failed error
	for range tries {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", low+rand.IntN(high-low)))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String(), nil
		}
		failed = err
	}
	return "", fmt.Errorf("looking for a free port: %w", failed)
}
