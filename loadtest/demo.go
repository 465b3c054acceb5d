package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// Demo starts two mock providers, of which one is out of order, and the gateway, as processes of this very binary on
// loopback, and shows a stream that goes past the broken one, and a request of another format. If stay is set it serves
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
	// Each takes a port that is free and says which: one that is looked for here
	// could be another's by the time it is used.
	broken, err := start(dir, mockServes, "mock", "--addr", freePort, "--error-rate", "1")
	if err != nil {
		return err
	}
	defer broken.stop()
	working, err := start(dir, mockServes, "mock", "--addr", freePort)
	if err != nil {
		return err
	}
	defer working.stop()
	file := filepath.Join(dir, "api.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, demoConfig, broken.address, working.address), 0o600); err != nil {
		return err
	}
	gateway, err := start(dir, gatewayServes, "serve", "--config", file, "--listen", freePort, "--data", dir)
	if err != nil {
		return err
	}
	defer gateway.stop()
	base := "http://" + gateway.address
	fmt.Fprintf(out, "The gateway is on %s, before two mock providers: \"broken\" on %s answers 503, \"working\" on %s answers.\n", gateway.address, broken.address, working.address)

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
	gateway.stop() // it writes its last lines
	if !stay {
		fmt.Fprintf(out, "\nWhat the gateway logged:\n\n")
		for line := range strings.Lines(gateway.output.String()) {
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

// started is a process of this binary that serves.
type started struct {
	address string
	output  *lockedBuffer
	stop    func() // ends it, once, and waits
}

// freePort has the kernel choose.
const freePort = "127.0.0.1:0"

// What is printed by a process that serves, and where.
var (
	mockServes    = regexp.MustCompile(`mock upstream on http://([\d.:]+)/`)
	gatewayServes = regexp.MustCompile(`"msg":"serving","address":"([\d.:]+)"`)
)

// start runs this binary and waits until it prints that it serves.
func start(dir string, serves *regexp.Regexp, args ...string) (*started, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &started{output: new(lockedBuffer)}
	command := exec.Command(self, args...)
	command.Dir, command.Stdout, command.Stderr = dir, p.output, p.output
	if err := command.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() {
		command.Wait()
		close(exited)
	}()
	p.stop = sync.OnceFunc(func() {
		command.Process.Signal(syscall.SIGTERM)
		<-exited
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if found := serves.FindStringSubmatch(p.output.String()); found != nil {
			p.address = found[1]
			return p, nil
		}
		select {
		case <-exited:
			return nil, fmt.Errorf("uni-api %s ended: %s", args[0], p.output.String())
		default:
		}
		if time.Now().After(deadline) {
			p.stop()
			return nil, fmt.Errorf("uni-api %s does not serve: %s", args[0], p.output.String())
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
