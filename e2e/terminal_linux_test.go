package e2e

import (
	"bytes"
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
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is the program at a terminal.
type terminal struct {
	*testing.T
	cmd    *exec.Cmd
	master *os.File
	over   chan struct{} // closed when nothing more is printed

	mu      sync.Mutex
	printed bytes.Buffer
	more    chan struct{} // has room for one word that more was printed
}

// onTerminal starts the program at a terminal of its own.
func onTerminal(t *testing.T, dir string, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: 250}); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	term := &terminal{T: t, cmd: exec.Command(program, args...), master: master, over: make(chan struct{}), more: make(chan struct{}, 1)}
	term.cmd.Dir, term.cmd.Env = dir, []string{"HOME=" + dir, "TERM=xterm"}
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = slave, slave, slave
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := term.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { term.cmd.Process.Kill(); term.cmd.Wait() })
	go func() {
		defer close(term.over)
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			term.mu.Lock()
			term.printed.Write(buffer[:n])
			term.mu.Unlock()
			select {
			case term.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return term
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return strings.ReplaceAll(term.printed.String(), "\r\n", "\n")
}

// awaits waits until something is printed that fits, and returns it with its groups.
func (term *terminal) awaits(pattern string) []string {
	term.Helper()
	wanted := regexp.MustCompile(pattern)
	for late := time.After(patience); ; {
		if found := wanted.FindStringSubmatch(term.text()); found != nil {
			return found
		}
		select {
		case <-term.more:
		case <-late:
			term.Fatalf("%s was not printed, but\n%s", pattern, term.text())
		}
	}
}

// ends waits for the end and returns the exit code.
func (term *terminal) ends() int {
	<-term.over
	term.cmd.Wait()
	return term.cmd.ProcessState.ExitCode()
}

func TestInitAsksAtATerminalAndShowsNoKey(t *testing.T) {
	t.Parallel()
	const provider, key = "groq", "gsk-typed-0123456789"
	asksProvider, asksKey := `Provider \(openai, .*\) \[openai\]: `, `Its key \(empty: it is in the environment's GROQ_API_KEY\): `
	for _, c := range []struct {
		name  string
		types func(*terminal)
	}{
		{"answered as it is asked", func(term *terminal) {
			term.awaits(asksProvider)
			io.WriteString(term.master, provider+"\r")
			term.awaits(asksKey)
			io.WriteString(term.master, key+"\r")
		}},
		{"pasted at once", func(term *terminal) {
			term.awaits(asksProvider)
			io.WriteString(term.master, provider+"\r"+key+"\r")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			term := onTerminal(t, dir, "init")
			c.types(term)
			if code := term.ends(); code != 0 || strings.Contains(term.text(), "gsk-typed") {
				t.Errorf("exit code %d\n%s", code, term.text())
			}
			text, err := os.ReadFile(filepath.Join(dir, "api.yaml"))
			if err != nil || !strings.Contains(string(text), "base_url: https://api.groq.com/openai/v1/chat/completions") || !strings.Contains(string(text), "api: "+key) {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

func TestInitWritesNothingIfTheQuestionIsLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	term := onTerminal(t, dir, "init")
	term.awaits(`\[openai\]: `)
	io.WriteString(term.master, "\x03") // Ctrl-C
	if code := term.ends(); code != 1 || !strings.Contains(term.text(), "nothing is written") {
		t.Errorf("exit code %d\n%s", code, term.text())
	}
	if _, err := os.Stat(filepath.Join(dir, "api.yaml")); err == nil {
		t.Error("a file is there")
	}
}

func TestDemoServesAtATerminalUntilCtrlC(t *testing.T) {
	t.Parallel()
	term := onTerminal(t, t.TempDir(), "demo")
	found := term.awaits(`The dashboard: (http://127\.0\.0\.1:\d+)/dashboard, with the key (\S+)`)
	ask, err := http.NewRequest("GET", found[1]+"/v1/overview", nil)
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Authorization", "Bearer "+found[2])
	answer, err := http.DefaultClient.Do(ask)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("the dashboard's key does not serve it: %v, %v", answer, err)
	}
	answer.Body.Close()
	io.WriteString(term.master, "\x03")
	if code := term.ends(); code != 0 || !strings.Contains(term.text(), "uni-api init") {
		t.Errorf("exit code %d\n%s", code, term.text())
	}
	if _, err := http.Get(found[1] + "/healthz"); err == nil {
		t.Error("the gateway goes on")
	}
}

func TestProblemsAreColouredOnATerminalAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "api.yaml"), []byte(strings.Replace(plainFile, "role: team", "colour: blue\n    proxy: http://p.example", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	check := onTerminal(t, dir, "check")
	check.ends()
	for _, want := range []string{"\x1b[1mapi.yaml:8:5:\x1b[0m \x1b[1m\x1b[33mwarning:\x1b[0m unknown key", "\x1b[1mapi.yaml:9:5:\x1b[0m \x1b[1m\x1b[31merror:\x1b[0m unknown key"} {
		if !strings.Contains(check.text(), want) {
			t.Errorf("want %q in %q", want, check.text())
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "api.yaml"), []byte("providers: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := onTerminal(t, dir)
	if serve.ends(); !strings.Contains(serve.text(), "\x1b[1mapi.yaml:2:1:\x1b[0m \x1b[1m\x1b[31merror:\x1b[0m this is not valid YAML") {
		t.Errorf("%q", serve.text())
	}
	if piped, _ := run(t, dir, nil, "check"); strings.Contains(piped, "\x1b") {
		t.Errorf("colours without a terminal: %q", piped)
	}
}
