package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
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
)

// command is the built program in a folder of its own.
type command struct {
	path, dir string
}

// builtIn is the folder in which the program has been built; "" if none needed it.
var builtIn string

// built is where the program has been built, once for all tests.
var built = sync.OnceValues(func() (path string, err error) {
	dir, err := os.MkdirTemp("", "uni-api-test-")
	if err != nil {
		return "", err
	}
	builtIn = dir
	path = filepath.Join(dir, "uni-api")
	tool := exec.Command("go", "build", "-trimpath", "-o", path, "-ldflags", "-s -w -X main.version=v1.2.3-test", "..")
	tool.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build does, whose packages are then compiled already
	if out, err := tool.CombinedOutput(); err != nil {
		return path, fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil { // what runs beside each other mostly waits
		panic(err)
	}
	code := m.Run()
	if builtIn != "" {
		os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

// build has the program in a folder of its own. It stands here because the top
// level holds main.go alone.
func build(t *testing.T) command {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := command{filepath.Join(dir, "uni-api"), dir}
	if err := os.Symlink(path, c.path); err != nil {
		t.Fatal(err)
	}
	return c
}

// file writes a file into the program's folder, which is where it runs.
func (c command) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// prepare makes a process of the program, with nothing in its environment but
// what is given.
func (c command) prepare(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Dir, cmd.Env = c.dir, append([]string{"HOME=" + c.dir}, env...)
	return cmd
}

// run runs it to its end.
func (c command) run(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, problems bytes.Buffer
	cmd := c.prepare(ctx, env, args...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	if exit, failed := errors.AsType[*exec.ExitError](err); failed {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), problems.String(), code
}

// serving is the program while it serves.
type serving struct {
	*exec.Cmd
	url string
	log *logLines
}

// serve starts it and waits until it serves.
func (c command) serve(t *testing.T, env []string, args ...string) *serving {
	t.Helper()
	s := &serving{Cmd: c.prepare(t.Context(), env, args...), log: newLogLines()}
	s.Stderr = s.log
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Process.Kill(); s.Wait() })
	s.url = "http://" + fmt.Sprint(s.log.Next(t, "serving")["address"])
	return s
}

// ends waits for its end.
func (s *serving) ends(t *testing.T) (code int) {
	t.Helper()
	over := make(chan error, 1)
	go func() { over <- s.Wait() }()
	receive(t, over, "the end of the program")
	return s.ProcessState.ExitCode()
}

func (s *serving) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	return s.request(t, "GET", path, "")
}

// request sends one with the client's key.
func (s *serving) request(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	req, _ := http.NewRequest(method, s.url+path, strings.NewReader(body))
	req.Header.Set("X-Api-Key", clientKeyText)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

const goodFile = "providers:\n  - provider: p\n    base_url: http://127.0.0.1:1/v1/chat/completions\n    api: " + upstreamKeyText +
	"\n    model: [m]\napi_keys:\n  - api: " + clientKeyText + "\n    role: tester\n"

func TestCommand(t *testing.T) {
	t.Parallel()
	program := build(t)
	good := program.file(t, "good.yaml", goodFile)
	misspelt := program.file(t, "misspelt.yaml", strings.Replace(goodFile, "    model:", "    modle:", 1))
	broken := program.file(t, "broken.yaml", strings.Replace(goodFile, "http://127.0.0.1:1", "127.0.0.1", 1))
	empty := program.file(t, "empty.yaml", "")
	published := program.file(t, "published.yaml", strings.Replace(goodFile, clientKeyText, "sk-replace-me-with-what-uni-api-keygen-prints", 1))

	t.Run("says what it is asked", func(t *testing.T) {
		for _, c := range []struct {
			args   []string
			env    []string
			code   int
			stdout string // a pattern
			stderr string // a pattern
		}{
			{[]string{"--version"}, nil, 0, `^uni-api v1\.2\.3-test\n$`, `^$`},
			{[]string{"-v"}, nil, 0, `^uni-api v1\.2\.3-test\n$`, `^$`},
			{[]string{"version"}, nil, 0, `^uni-api v1\.2\.3-test\n$`, `^$`},
			{[]string{"--help"}, nil, 0, `uni-api check`, `^$`},
			{[]string{"help"}, nil, 0, `uni-api keygen`, `^$`},
			{[]string{"keygen"}, nil, 0, `^sk-[A-Za-z0-9]{48}\n$`, `^$`},
			{[]string{"chekc"}, nil, 2, `^$`, `^uni-api: there is no command "chekc": did you mean check\? uni-api help lists them\n$`},
			{[]string{"check", "--help"}, nil, 0, `-config`, `^$`},
			{[]string{"serve", "--help"}, nil, 0, `-listen[\s\S]*-max-body`, `^$`},
			{[]string{"check", "--confg", good}, nil, 2, `^$`, `-confg`},
			{[]string{"check", good}, nil, 0, `providers: 1\n  p: http`, `only the default price`},
			{[]string{"check", good, good}, nil, 2, `^$`, `good\.yaml`},
			{[]string{"explain", "--url", "localhost:8000", "--key", "k", "--model", "m"}, nil, 2, `^$`, `^uni-api explain: --url: it must be an address such as .*\nuni-api explain --help lists its flags\n$`},
			{[]string{"serve", "now"}, nil, 2, `^$`, `^\{.*"level":"ERROR".*takes flags only.*now.*\}\n$`},
			{[]string{"serve", "--max-body", "1"}, nil, 2, `^$`, `^\{.*"level":"ERROR".*max-body.*\}\n$`},
			{[]string{"serve", "--tls-cert", "x"}, nil, 2, `^$`, `^\{.*"level":"ERROR".*--tls-key go together.*\}\n$`},
			{[]string{"--listen"}, nil, 2, `^$`, `-listen`},
			{[]string{"--trusted-proxies", "10.0.0.0/40"}, nil, 2, `^$`, `--trusted-proxies: \\"10\.0\.0\.0/40\\"`},
			{[]string{"--proxy-protocol"}, nil, 2, `^$`, `--proxy-protocol needs --trusted-proxies`},
			{[]string{"--tls-cert", "cert.pem"}, nil, 2, `^$`, `--tls-cert and --tls-key`},
			{[]string{"--config", good, "--tls-cert", "cert.pem", "--tls-key", "key.pem"}, nil, 1, `^$`, `--tls-cert cert\.pem.*no such file`},

			{[]string{"check", "--config", good}, nil, 0, `providers: 1\n  p: http[\s\S]*model: m[\s\S]*tester[\s\S]*\n  p/m: 1,2,1,1 \(default price: `, `^\S*good\.yaml: warning: only the default price fits p/m, 1 and 2 dollars .*\n$`},
			{[]string{"check", "--config", published}, nil, 0, `providers: 1`, `published\.yaml:7:10: warning: .*published example.*keygen`},
			{[]string{"check"}, []string{"CONFIG_URL=" + good}, 0, `providers: 1`, `^uni-api check: no local configuration, CONFIG_URL is used \(file: api\.yaml, source: \S+good\.yaml\)\n`},
			{[]string{"check"}, []string{"CONFIG_URL=file://" + good}, 0, `providers: 1`, ``},
			{[]string{"check"}, nil, 1, `^$`, `api\.yaml`},
			{[]string{"check", "--config", misspelt}, nil, 0, `providers: 1`, `misspelt\.yaml:5:5: .*modle.*model`},
			{[]string{"check", "--strict", "--config", misspelt}, nil, 1, `providers: 1`, `misspelt\.yaml:5:5: warning: .*modle.*model`},
			{[]string{"check", misspelt, "--strict"}, nil, 1, `providers: 1`, `misspelt\.yaml:5:5: warning: .*modle.*model`},
			{[]string{"check", "--config", broken}, nil, 1, `^$`, `broken\.yaml:3:15: .*base_url.*http`},
			{[]string{"check", "--config", empty}, nil, 1, `^$`, `empty\.yaml`},
			{[]string{"check", "--config", program.dir}, nil, 1, `^$`, `.`},

			{[]string{"serve", "--config", broken}, nil, 1, `^$`, `(?s)"level":"ERROR".*broken\.yaml:3:15: error: .*"level":"ERROR".*cannot be used`},
			{[]string{"--config", "nowhere.yaml"}, nil, 1, `^$`, `"level":"ERROR".*nowhere\.yaml`},
		} {
			stdout, stderr, code := program.run(t, c.env, c.args...)
			if code != c.code || !regexp.MustCompile(c.stdout).MatchString(stdout) || !regexp.MustCompile(c.stderr).MatchString(stderr) {
				t.Errorf("uni-api %q %q: code %d\n%s\n%s", c.args, c.env, code, stdout, stderr)
			}
			noSecrets(t, stdout, stderr)
		}
		one, _, _ := program.run(t, nil, "keygen")
		other, _, _ := program.run(t, nil, "keygen")
		if one == other {
			t.Errorf("the same key twice: %s", one)
		}
	})

	t.Run("serves, reloads and ends when it is told", func(t *testing.T) {
		path := program.file(t, "live.yaml", goodFile)
		s := program.serve(t, nil, "--config", path, "--listen", "127.0.0.1:0")
		if status, body := s.get(t, "/healthz"); status != 200 || !strings.Contains(body, "v1.2.3-test") {
			t.Errorf("%d %s", status, body)
		}
		s.Process.Signal(syscall.SIGHUP)
		s.log.Next(t, "the configuration was read again and has not changed")
		program.file(t, "live.yaml", strings.Replace(goodFile, "[m]", "[m, n]", 1))
		s.Process.Signal(syscall.SIGHUP)
		s.log.Next(t, "the configuration was reloaded")
		if status, body := s.get(t, "/v1/models"); status != 200 || !strings.Contains(body, `"n"`) {
			t.Errorf("%d %s", status, body)
		}
		program.file(t, "live.yaml", "providers: [")
		s.log.Next(t, "the changed configuration cannot be used; the old one stays in force")
		if status, body := s.get(t, "/v1/models"); status != 200 || !strings.Contains(body, `"n"`) {
			t.Errorf("%d %s", status, body)
		}
		s.Process.Signal(syscall.SIGTERM)
		if code := s.ends(t); code != 0 || s.log.Count("ended") != 1 {
			t.Errorf("code %d\n%s", code, s.log)
		}
		for line := range strings.Lines(s.log.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %s", line)
			}
		}
		noSecrets(t, s.log.String())
	})

	t.Run("lives with what it does not know, and warns of it", func(t *testing.T) {
		odd := program.file(t, "odd.yaml", strings.Replace(goodFile, "    role:", "    colour: blue\n    role:", 1))
		s := program.serve(t, []string{"CONFIG_URL=" + odd}, "--listen", "127.0.0.1:0")
		if status, _ := s.get(t, "/v1/models"); status != 200 {
			t.Errorf("status %d", status)
		}
		if !regexp.MustCompile(`"level":"WARN".*odd\.yaml:8:5: .*colour`).MatchString(s.log.String()) {
			t.Errorf("no warning:\n%s", s.log)
		}
	})

	t.Run("warns of keys that everybody knows, at every start", func(t *testing.T) {
		s := program.serve(t, nil, "--config", published, "--listen", "127.0.0.1:0")
		if !regexp.MustCompile(`"level":"WARN".*published\.yaml:7:10: .*published example`).MatchString(s.log.String()) || strings.Contains(s.log.String(), "sk-replace-me") {
			t.Errorf("no warning, or one with the key:\n%s", s.log)
		}
	})

	t.Run("says when its address is taken", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, stderr, code := program.run(t, nil, "--config", good, "--listen", ln.Addr().String())
		if code != 1 || !strings.Contains(stderr, "another --listen") || !strings.Contains(stderr, ln.Addr().String()) {
			t.Errorf("code %d\n%s", code, stderr)
		}
	})

	t.Run("waits for a stream when it is told to end, and no longer than the second time", func(t *testing.T) {
		up := listen(t, func(p *peer, _ seen) bool {
			p.say(streamHead + chunk(event("one")))
			p.gone()
			return false
		})
		path := program.file(t, "slow.yaml", strings.Replace(goodFile, "127.0.0.1:1/", up.addr+"/", 1))
		s := program.serve(t, nil, "--config", path, "--listen", "127.0.0.1:0")
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		stream := newClient(t, c)
		stream.post(streamRequest)
		stream.head()
		s.Process.Signal(syscall.SIGTERM)
		s.log.Next(t, "ending; a second signal ends at once")
		time.Sleep(50 * time.Millisecond) // it must not end by itself
		s.Process.Signal(syscall.SIGINT)
		if code := s.ends(t); code != 1 || s.log.Count("ended before every request had") != 1 {
			t.Errorf("code %d\n%s", code, s.log)
		}
	})

	t.Run("survives a lack of descriptors", func(t *testing.T) {
		s := &serving{Cmd: exec.CommandContext(t.Context(), "sh", "-c", "ulimit -n 48; exec ./uni-api --config good.yaml --listen 127.0.0.1:0 --max-connections 1000"), log: newLogLines()}
		s.Dir, s.Stderr = program.dir, s.log
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Process.Kill(); s.Wait() })
		addr := fmt.Sprint(s.log.Next(t, "serving")["address"])
		s.url = "http://" + addr
		var crowd []net.Conn
		for range 80 {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			crowd = append(crowd, c)
		}
		s.log.Next(t, "no further connection can be taken until others have ended")
		for _, c := range crowd {
			c.Close()
		}
		if status, _ := s.get(t, "/healthz"); status != 200 {
			t.Errorf("status %d", status)
		}
	})
}
