package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// image is what deploy/Dockerfile makes, as a folder that processes have for their root.
type image struct {
	root, workdir   string
	entrypoint, cmd []string
	user            int
}

// unpacked makes the image's files without a container engine.
func unpacked(t *testing.T) image {
	t.Helper()
	text, err := os.ReadFile("../deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(string(text), "\nFROM scratch\n")
	say := func(instruction string) string {
		found := regexp.MustCompile(`(?m)^` + instruction + ` (.+)$`).FindStringSubmatch(last)
		if found == nil {
			t.Fatalf("deploy/Dockerfile has no %s", instruction)
		}
		return found[1]
	}
	i := image{root: t.TempDir(), workdir: say("WORKDIR")}
	for list, of := range map[*[]string]string{&i.entrypoint: "ENTRYPOINT", &i.cmd: "CMD"} {
		if err := json.Unmarshal([]byte(say(of)), list); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Sscanf(say("USER"), "%d:", &i.user)
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(i.root, i.entrypoint[0]), binary, 0o755); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(i.root, say("VOLUME"))
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := i.root; ; dir = filepath.Dir(dir) { // folders of tests are for their user alone
		os.Chmod(dir, 0o755)
		if dir == os.TempDir() || dir == "/" || filepath.Dir(dir) == os.TempDir() {
			break
		}
	}
	if os.Getuid() == 0 {
		if err := os.Chown(data, i.user, i.user); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// prepare makes a process in the image, with nothing in its environment but what is given.
func (i image) prepare(t *testing.T, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), i.entrypoint[0], args...)
	cmd.Env, cmd.Dir = env, i.workdir
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(i.user), Gid: uint32(i.user)}
	} else { // whoever runs the test is that user there
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: i.user, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: i.user, HostID: os.Getgid(), Size: 1}}
	}
	return cmd
}

// The ways in which people give the Python uni-api's image its configuration.
func TestImageServesWithTheLayoutOfThePythonOne(t *testing.T) {
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, goodFile) }))
	defer remote.Close()
	for name, test := range map[string]struct {
		mounted bool
		env     []string
	}{
		"mounted":          {true, nil},
		"API_YAML_CONTENT": {false, []string{"API_YAML_CONTENT=" + goodFile}},
		"CONFIG_URL":       {false, []string{"CONFIG_URL=" + remote.URL + "/api.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			i := unpacked(t)
			if test.mounted {
				if err := os.WriteFile(filepath.Join(i.root, "home/api.yaml"), []byte(goodFile), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			env := append([]string{"PORT=0", "TZ=Asia/Shanghai"}, test.env...)
			s := &serving{Cmd: i.prepare(t, env, i.cmd...), log: newLogLines()}
			s.Stderr = s.log
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Process.Kill(); s.Wait() })
			line := s.log.Next(t, "serving")
			if at := fmt.Sprint(line["time"]); !strings.HasSuffix(at, "+08:00") {
				t.Errorf("the log's time is %s: there is no time zone data", at)
			}
			_, port, _ := net.SplitHostPort(fmt.Sprint(line["address"]))
			s.url = "http://127.0.0.1:" + port
			if status, body := s.get(t, "/v1/models"); status != 200 {
				t.Errorf("%d %s", status, body)
			}
			if out, err := i.prepare(t, []string{"PORT=" + port}, "health").CombinedOutput(); err != nil || string(out) != "ready\n" {
				t.Errorf("health: %v, %s", err, out)
			}
			if _, err := os.Stat(filepath.Join(i.root, "home/data/usage.db")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDataFolderThatIsAnothersIsExplained(t *testing.T) {
	i := unpacked(t)
	for path, mode := range map[string]os.FileMode{"home/api.yaml": 0o644, "home/other": os.ModeDir | 0o555} {
		path = filepath.Join(i.root, path)
		var err error
		if mode.IsDir() {
			err = os.Mkdir(path, mode.Perm())
		} else {
			err = os.WriteFile(path, []byte(goodFile), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := i.prepare(t, []string{"PORT=0"}, "serve", "--data", "other").CombinedOutput()
	for _, word := range []string{"--data", "DISABLE_DATABASE", "chown 1000", `"level":"ERROR"`} {
		if err == nil || !strings.Contains(string(out), word) {
			t.Errorf("%v: it does not say %s:\n%s", err, word, out)
		}
	}
}

func TestHealthSaysWhatIsWrong(t *testing.T) {
	ending := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "ending", http.StatusServiceUnavailable)
	}))
	defer ending.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			http.NotFound(w, r)
		}
	}))
	defer secure.Close()
	program := build(t)
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--url", ending.URL}, 1, "503 Service Unavailable: ending"},
		{[]string{"--url", secure.URL + "/"}, 0, "ready"},
		{[]string{"--url", "localhost:8000"}, 2, "--url: it must be an address such as"},
		{[]string{"--listen", ":1"}, 1, "no gateway answers"},
		{[]string{"--listen", "8000"}, 2, "--listen"},
		{[]string{"--listen", "0.0.0.0:" + ending.URL[strings.LastIndexByte(ending.URL, ':')+1:]}, 1, "503"},
	} {
		// A proxy of the environment has no part in it.
		stdout, stderr, code := program.run(t, []string{"HTTP_PROXY=http://127.0.0.1:1"}, append([]string{"health"}, test.args...)...)
		if code != test.code || !strings.Contains(stdout+stderr, test.want) {
			t.Errorf("%v: %d, %s%s", test.args, code, stdout, stderr)
		}
	}
}
