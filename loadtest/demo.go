package loadtest

import (
	"bufio"
	"bytes"
	"context"
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
  - provider: broken
    base_url: http://%s/v1/chat/completions
    api: sk-mock
    model: [gpt-4o]
  - provider: working
    base_url: http://%s/v1/chat/completions
    api: sk-mock
    model:
      - gpt-4o-mini-2024-07-18: gpt-4o
api_keys:
  - api: ` + demoKey + `
    role: admin
    model: [all]
`

// demoKey is the client key of the demonstration, whose gateway listens on loopback.
const demoKey = "sk-demo-key-of-this-machine"

// Demo starts two mock providers, of which one is out of order, and the gateway, as processes of this very
// binary on loopback, and shows a stream that goes past the broken one, and a request of another format. If stay is set it serves
// until ctx ends. It returns the exit status.
func Demo(ctx context.Context, stdout, stderr io.Writer, stay bool) int {
	if err := demo(ctx, stdout, stay); err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return 1
	}
	return 0
}

func demo(ctx context.Context, out io.Writer, stay bool) error {
	dir, err := os.MkdirTemp("", "uni-api-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var addresses [3]string
	for i := range addresses {
		if addresses[i], err = freeAddress(); err != nil {
			return err
		}
	}
	broken, working, gateway := addresses[0], addresses[1], addresses[2]
	file := filepath.Join(dir, "api.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, demoConfig, broken, working), 0o600); err != nil {
		return err
	}
	_, stopBroken, err := start(dir, broken, "mock", "--addr", broken, "--error-rate", "1")
	if err != nil {
		return err
	}
	defer stopBroken()
	_, stopWorking, err := start(dir, working, "mock", "--addr", working)
	if err != nil {
		return err
	}
	defer stopWorking()
	log, stopGateway, err := start(dir, gateway, "serve", "--config", file, "--listen", gateway, "--data", dir)
	if err != nil {
		return err
	}
	defer stopGateway()
	base := "http://" + gateway
	fmt.Fprintf(out, "The gateway is on %s, before two mock providers: \"broken\" on %s answers 503, \"working\" on %s answers.\n", gateway, broken, working)

	fmt.Fprintf(out, "\n1. A chat, streamed. The first provider fails, the second answers, and the client notices nothing:\n\n")
	answer, err := askGateway(ctx, out, base+"/v1/chat/completions", `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hello, world!"}]}`)
	if err != nil {
		return err
	}
	if err := show(out, answer); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n2. A client of Anthropic's asks the same model. The provider is asked in OpenAI's format, and the answer comes back in Anthropic's:\n\n")
	if answer, err = askGateway(ctx, out, base+"/v1/messages", `{"model":"gpt-4o","max_tokens":100,"messages":[{"role":"user","content":"Hello, world!"}]}`); err != nil {
		return err
	}
	whole, err := io.ReadAll(answer)
	answer.Close()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "   %s\n", bytes.TrimSpace(whole))

	if stay && ctx.Err() == nil {
		fmt.Fprintf(out, "\n3. It serves until Ctrl-C. The dashboard: %s/dashboard, with the key %s\n", base, demoKey)
		fmt.Fprintf(out, "   Ask it by any client: base URL %s/v1, that key, model gpt-4o.\n", base)
		<-ctx.Done()
		fmt.Fprintln(out)
	}
	stopGateway() // it writes its last lines
	if !stay {
		fmt.Fprintf(out, "\nWhat the gateway logged:\n\n")
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, `"msg":"request"`) || strings.Contains(line, `"msg":"attempt failed"`) {
				fmt.Fprintf(out, "   %s", line)
			}
		}
	}
	fmt.Fprintf(out, "\nYour own: uni-api init writes a first api.yaml, uni-api check says what is wrong with it, uni-api serves it.\n")
	return nil
}

// askGateway asks the gateway and returns the body of what it answers.
func askGateway(ctx context.Context, out io.Writer, url, question string) (io.ReadCloser, error) {
	fmt.Fprintf(out, "   POST %s\n   %s\n\n", url, question)
	request, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(question))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+demoKey)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		return nil, fmt.Errorf("the gateway answered %s: %s", answer.Status, text)
	}
	return answer.Body, nil
}

// show prints each token of a streamed chat answer with the time it arrived at.
func show(out io.Writer, answer io.ReadCloser) error {
	defer answer.Close()
	begin := time.Now()
	var whole strings.Builder
	lines := bufio.NewScanner(answer)
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
				fmt.Fprintf(out, "   %5d ms  %q\n", time.Since(begin).Milliseconds(), c.Delta.Content)
				whole.WriteString(c.Delta.Content)
			}
		}
	}
	fmt.Fprintf(out, "   answer: %s\n", &whole)
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
