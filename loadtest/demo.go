package loadtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const demoConfig = `providers:
  - provider: mock
    base_url: http://%s/v1/chat/completions
    api: sk-mock
    model:
      - gpt-4o-mini-2024-07-18: gpt-4o
api_keys:
  - api: sk-demo
    role: demo
    model:
      - mock/*
`

// Demo starts the mock provider and the gateway, as processes of this very
// binary on loopback, sends one streamed request through and shows the answer as
// it arrives and the gateway's log line that says where it went. It returns the
// exit status.
func Demo(stdout, stderr io.Writer) int {
	if err := demo(stdout); err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return 1
	}
	return 0
}

func demo(out io.Writer) error {
	dir, err := os.MkdirTemp("", "uni-api-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	upstream, err := freeAddress()
	if err != nil {
		return err
	}
	gateway, err := freeAddress()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "api.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, demoConfig, upstream), 0o600); err != nil {
		return err
	}
	_, stopMock, err := start(dir, upstream, "mock", "--addr", upstream)
	if err != nil {
		return err
	}
	defer stopMock()
	log, stopGateway, err := start(dir, gateway, "serve", "--config", file, "--listen", gateway, "--data", dir)
	if err != nil {
		return err
	}
	defer stopGateway()
	fmt.Fprintf(out, "mock provider on %s, gateway on %s\n", upstream, gateway)
	if err := ask(out, "http://"+gateway); err != nil {
		return err
	}
	stopGateway() // it writes its last lines
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"msg":"request"`) {
			fmt.Fprintf(out, "gateway's log: %s", line)
		}
	}
	return nil
}

// ask streams one chat answer and prints each token with the time it arrived at.
func ask(out io.Writer, base string) error {
	const question = `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hello, world!"}]}`
	fmt.Fprintf(out, "POST %s/v1/chat/completions %s\n", base, question)
	request, err := http.NewRequest("POST", base+"/v1/chat/completions", strings.NewReader(question))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer sk-demo")
	request.Header.Set("Content-Type", "application/json")
	begin := time.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("the gateway answered %s: %s", answer.Status, text)
	}
	var whole strings.Builder
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		data, found := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !found || string(data) == "[DONE]" {
			continue
		}
		var event struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal(data, &event); err != nil {
			return fmt.Errorf("event %q: %w", data, err)
		}
		for _, c := range event.Choices {
			if c.Delta.Content != "" {
				fmt.Fprintf(out, "%5d ms  %q\n", time.Since(begin).Milliseconds(), c.Delta.Content)
				whole.WriteString(c.Delta.Content)
			}
		}
	}
	fmt.Fprintf(out, "answer: %s\n", &whole)
	return lines.Err()
}

// start runs this binary and waits until it takes connections on address. stop
// ends it, once, and waits.
func start(dir, address string, args ...string) (output *lockedBuffer, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	output = new(lockedBuffer)
	command := exec.Command(self, args...)
	command.Dir, command.Stdout, command.Stderr = dir, output, output
	if err := command.Start(); err != nil {
		return nil, nil, err
	}
	exited := make(chan struct{})
	go func() {
		command.Wait()
		close(exited)
	}()
	stop = sync.OnceFunc(func() {
		command.Process.Signal(syscall.SIGTERM)
		<-exited
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return output, stop, nil
		}
		select {
		case <-exited:
			return nil, nil, fmt.Errorf("uni-api %s ended: %s", args[0], output.String())
		default:
		}
		if time.Now().After(deadline) {
			stop()
			return nil, nil, fmt.Errorf("uni-api %s does not answer on %s: %s", args[0], address, output.String())
		}
	}
}

// lockedBuffer is a process's output, read while it may still write.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// freeAddress is a loopback address that nobody listens on at this moment.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
