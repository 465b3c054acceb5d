//go:build cluster

package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"uniapi/usage/postgrestest"
)

// composeFile is what a compose file says, as far as processes can be made of it.
type composeFile struct {
	Services map[string]*composeService
	Networks map[string]struct {
		IPAM struct{ Config []struct{ Subnet string } }
	}
	Volumes map[string]any
}

type composeService struct {
	Image       string
	Build       struct{ Context, Dockerfile string }
	Command     []string
	Hostname    string
	Environment map[string]string
	Volumes     []string
	Ports       []string
	DependsOn   any `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
}

// composed runs the services of a compose file as processes on loopback: with the commands, the environment and the
// files that containers of their images would have.
type composed struct {
	*testing.T
	file    composeFile
	folder  string            // of the compose file
	dir     string            // of the test's own
	address map[string]string // where a service listens, by its name and port in the file
	started map[string]*exec.Cmd
	log     map[string]*lockedBuffer
}

// lockedBuffer is what a process writes.
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

// readCompose reads one as it is with these variables.
func readCompose(t *testing.T, path string, variables map[string]string) *composed {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	whole := regexp.MustCompile(`\$\{([A-Z_]+)(?::[-?]([^}]*))?\}`).ReplaceAllStringFunc(string(text), func(place string) string {
		name := regexp.MustCompile(`[A-Z_]+`).FindString(place)
		if used[name] = true; variables[name] == "" {
			t.Fatalf("%s: the test does not say what %s is", path, place)
		}
		return variables[name]
	})
	for name := range variables {
		if !used[name] {
			t.Errorf("%s does not use %s", path, name)
		}
	}
	c := &composed{T: t, folder: filepath.Dir(path), dir: t.TempDir(), address: map[string]string{}, started: map[string]*exec.Cmd{}, log: map[string]*lockedBuffer{}}
	if err := yaml.Unmarshal([]byte(whole), &c.file); err != nil {
		t.Fatal(err)
	}
	for at := c.dir; at != os.TempDir() && len(at) > 1; at = filepath.Dir(at) { // as everybody may read an image
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// at is a free address for a port of a service.
func (c *composed) at(service, port string) string {
	name := service + ":" + port
	if c.address[name] == "" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			c.Fatal(err)
		}
		defer l.Close()
		c.address[name] = l.Addr().String()
	}
	return c.address[name]
}

// reached is a text with what the network of the containers would resolve: names of services, and its own addresses.
func (c *composed) reached(text string) string {
	text = regexp.MustCompile(`\b([a-z]+):([0-9]{4})\b`).ReplaceAllStringFunc(text, func(name string) string {
		service, port, _ := strings.Cut(name, ":")
		if c.file.Services[service] == nil {
			c.Errorf("%q names no service", text)
		}
		return c.at(service, port)
	})
	return strings.ReplaceAll(text, c.file.Networks["default"].IPAM.Config[0].Subnet, "127.0.0.0/8")
}

// mounted is where a container's path is outside of it: in what is mounted, or in a volume of the test's own.
func (c *composed) mounted(service, path string) string {
	for _, volume := range c.file.Services[service].Volumes {
		parts := strings.Split(volume, ":")
		from, to := parts[0], parts[1]
		rest, is := strings.CutPrefix(path, to)
		if !is || rest != "" && rest[0] != '/' {
			continue
		}
		if _, named := c.file.Volumes[from]; named {
			from = filepath.Join(c.dir, service+"-volume-"+from)
		} else if !filepath.IsAbs(from) {
			from = filepath.Join(c.folder, from)
		}
		return from + rest
	}
	return ""
}

// run starts a process in the place of a container.
func (c *composed) run(service, dir string, command ...string) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	for name, value := range c.file.Services[service].Environment {
		cmd.Env = append(cmd.Env, name+"="+c.reached(value))
	}
	c.log[service] = new(lockedBuffer)
	cmd.Stdout, cmd.Stderr = c.log[service], c.log[service]
	if err := cmd.Start(); err != nil {
		c.Fatalf("%s: %v", service, err)
	}
	c.started[service] = cmd
	c.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if c.Failed() {
			c.Logf("%s:\n%s", service, c.log[service])
		}
	})
}

// start starts a service after those that it depends on.
func (c *composed) start(service string) {
	if c.started[service] != nil {
		return
	}
	s := c.file.Services[service]
	switch names := s.DependsOn.(type) {
	case []any:
		for _, name := range names {
			c.start(name.(string))
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(names)) {
			c.start(name)
		}
	}
	image, _, _ := strings.Cut(cmp.Or(s.Image, s.Build.Dockerfile), ":")
	switch image {
	case "valkey/valkey":
		if s.Command[0] != "valkey-server" {
			c.Fatalf("%s runs %q", service, s.Command)
		}
		_, port, _ := net.SplitHostPort(c.at(service, "6379"))
		c.run(service, c.dir, append([]string{cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server")}, append(slices.Clone(s.Command[1:]), "--port", port, "--bind", "127.0.0.1")...)...)
	case "postgres":
		c.postgres(service, s)
	case "haproxy":
		c.haproxy(service)
	case "deploy/Dockerfile":
		c.gateway(service, s)
	default:
		c.Fatalf("nobody knows what %s of %q runs", service, image)
	}
}

// postgres makes what the image's entrypoint makes of the environment, and waits as the health check does.
func (c *composed) postgres(service string, s *composeService) {
	if c.mounted(service, "/var/lib/postgresql/data") == "" {
		c.Errorf("%s keeps its data in no volume", service)
	}
	server := postgrestest.Start(c.T)
	e := s.Environment
	server.SQL("postgres", fmt.Sprintf(`CREATE ROLE %q SUPERUSER LOGIN PASSWORD '%s'`, e["POSTGRES_USER"], e["POSTGRES_PASSWORD"]))
	server.SQL("postgres", fmt.Sprintf(`CREATE DATABASE %q OWNER %q`, e["POSTGRES_DB"], e["POSTGRES_USER"]))
	c.address[service+":5432"], c.started[service] = "127.0.0.1:"+server.Port, new(exec.Cmd)
	check := s.Healthcheck.Test
	if len(check) < 2 || check[0] != "CMD" {
		c.Fatalf("%s is looked after by %q", service, check)
	}
	c.await(service+" is healthy", func() error {
		tool, err := exec.LookPath(check[1])
		if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + check[1]); err != nil && len(found) > 0 { // as Debian has them
			tool = found[len(found)-1]
		}
		cmd := exec.Command(cmp.Or(tool, check[1]), check[2:]...)
		cmd.Env = []string{"PGHOST=127.0.0.1", "PGPORT=" + server.Port}
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	})
}

// haproxy runs as its image does, with the mounted file; what is published is where it listens.
func (c *composed) haproxy(service string) {
	const file = "/usr/local/etc/haproxy/haproxy.cfg"
	text, err := os.ReadFile(c.mounted(service, file))
	if err != nil {
		c.Fatalf("%s has no file: %v", service, err)
	}
	_, port, _ := strings.Cut(c.file.Services[service].Ports[0], ":")
	bind := "bind :" + port + "\n"
	if !bytes.Contains(text, []byte(bind)) {
		c.Fatalf("%s does not listen on port %s, which is published", service, port)
	}
	text = bytes.Replace(text, []byte(bind), []byte("bind "+c.at(service, port)+"\n"), 1)
	own := filepath.Join(c.dir, "haproxy.cfg")
	if err := os.WriteFile(own, text, 0o644); err != nil {
		c.Fatal(err)
	}
	c.run(service, c.dir, "haproxy", "-W", "-db", "-f", own)
}

// gateway runs the program as the image does: in /home, as user 1000 without any rights beside those of a user, and
// with a host's name of its own.
func (c *composed) gateway(service string, s *composeService) {
	home := filepath.Join(c.dir, service)
	data := c.mounted(service, "/home/data")
	if data == "" || c.mounted(service, "/home") != "" {
		c.Fatalf("%s keeps its data in no volume of its own: %q", service, s.Volumes)
	}
	for _, dir := range []string{home, data} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			c.Fatal(err)
		}
	}
	if err := os.Symlink(data, filepath.Join(home, "data")); err != nil {
		c.Fatal(err)
	}
	binary := filepath.Join(c.dir, "uni-api")
	if err := os.Link(program, binary); err != nil && !os.IsExist(err) {
		c.Fatal(err)
	}
	command := []string{"unshare", "--user", "--map-root-user", "--uts"}
	user := "exec"
	if os.Getuid() == 0 {
		command = []string{"unshare", "--uts"}
		user = "exec setpriv --reuid=1000 --regid=1000 --clear-groups --bounding-set=-all --no-new-privs"
		if err := os.Chown(data, 1000, 1000); err != nil {
			c.Fatal(err)
		}
	}
	command = append(command, "sh", "-c", `hostname "$0" && `+user+` "$@"`, s.Hostname, binary)
	for _, arg := range s.Command {
		if own := c.mounted(service, arg); own != "" {
			arg = own
		}
		command = append(command, c.reached(arg))
	}
	c.run(service, home, append(command, "--listen", c.at(service, "8000"))...)
}

func (c *composed) await(what string, try func() error) {
	c.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Since(began) > patience {
			c.Fatalf("%s: %v", what, err)
		}
	}
}

// send sends a request of a key from an address.
func (c *composed) send(method, url, from, key, body string) (status int, said string, err error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext}}
	req, err := http.NewRequestWithContext(c.Context(), method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// TestFleetOfTheComposeFileServesAndCountsTogether has no containers: it runs what they would, each on a port of
// loopback, and tries what docs/operations.md says of them.
func TestFleetOfTheComposeFileServesAndCountsTogether(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(quick))
	t.Cleanup(up.Close)
	etc := filepath.Join(t.TempDir(), "uni-api")
	c := readCompose(t, "../deploy/fleet.compose.yaml", map[string]string{"POSTGRES_PASSWORD": "choose1", "VALKEY_PASSWORD": "choose2", "UNI_API_CONFIG": etc})
	if err := os.MkdirAll(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(filepath.Dir(etc)), 0o755); err != nil {
		t.Fatal(err)
	}
	const limited, placed = "sk-limited-0123456789abcdefghijklmn", "sk-placed-0123456789abcdefghijklmno"
	text := fmt.Sprintf(`{providers: [{provider: a, base_url: %s/v1/chat/completions, api: k, model: [m]}], api_keys: [{api: %s, role: admin},
  {api: %s, preferences: {rate_limit: 10/min}}, {api: %s, preferences: {allow_ips: [127.0.0.5]}}]}`, up.URL, clientKey, limited, placed)
	if err := os.WriteFile(filepath.Join(etc, "api.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for service := range c.file.Services {
		c.start(service)
	}
	front := "http://" + c.address["haproxy:8080"]
	ask := func(from, key string) int {
		status, _, err := c.send("POST", front+chat, from, key, said(`"max_tokens":1`))
		if err != nil {
			return 0
		}
		return status
	}
	c.await("the first request is served", func() error {
		if status := ask("127.0.0.1", clientKey); status != 200 {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
	instances := []string{"http://" + c.at("one", "8000"), "http://" + c.at("two", "8000")}
	for _, at := range instances {
		c.await("both are ready", func() error {
			status, text, err := c.send("GET", at+"/readyz", "127.0.0.1", clientKey, "")
			if err == nil && status != 200 {
				err = fmt.Errorf("%d %s", status, text)
			}
			return err
		})
	}
	got := map[int]int{}
	for range 20 {
		got[ask("127.0.0.1", limited)]++
	}
	if got[200] != 10 || got[429] != 10 {
		t.Errorf("of twenty requests of 10/min: %v", got)
	}
	// haproxy's word is believed for whom it speaks.
	if here, elsewhere := ask("127.0.0.5", placed), ask("127.0.0.6", placed); here != 200 || elsewhere != 403 {
		t.Errorf("from its address a key is answered %d, from another %d", here, elsewhere)
	}
	for _, at := range instances {
		c.await("both tell of all requests, and of each other", func() error {
			var told struct {
				Rows []struct{ Requests int }
			}
			_, text, err := c.send("GET", at+"/v1/costs", "127.0.0.1", clientKey, "")
			if err != nil || json.Unmarshal([]byte(text), &told) != nil {
				return fmt.Errorf("%v: %s", err, text)
			}
			sum := 0
			for _, row := range told.Rows {
				sum += row.Requests
			}
			_, overview, err := c.send("GET", at+"/v1/overview", "127.0.0.1", clientKey, "")
			if sum < 12 || err != nil || !strings.Contains(strings.ReplaceAll(overview, " ", ""), `"instances":["one","two"]`) {
				return fmt.Errorf("%d requests, %v: %s", sum, err, overview)
			}
			return nil
		})
	}
	// One that is told to end takes nobody's request with it.
	if err := c.started["one"].Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		if status := ask("127.0.0.1", clientKey); status != 200 {
			t.Errorf("while one instance ends a request is answered %d", status)
		}
	}
	if left, err := os.ReadDir(filepath.Join(c.dir, "two")); err != nil || len(left) != 1 {
		t.Errorf("beside its volume an instance writes %v, %v", left, err)
	}
}
