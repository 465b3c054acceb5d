//go:build install

package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// machine is a container with this system's /usr, an empty /etc and /usr/local,
// no network but loopback, and systemd in charge.
type machine struct {
	leader string // the process id of its systemd
}

// boot starts a machine that has a folder at /release. It needs root.
func boot(t *testing.T, release string) machine {
	t.Helper()
	cmd := exec.Command("systemd-nspawn", "--quiet", "--directory=/", "--volatile=yes", "--tmpfs=/usr/local:mode=755", "--bind-ro="+release+":/release",
		"--private-network", "--register=no", "--keep-unit", fmt.Sprintf("--machine=uni-api-%d", os.Getpid()),
		// What follows is for its systemd. Nobody is there to answer the questions of
		// a first boot, and no network to wait for.
		"--boot", "systemd.firstboot=0", "systemd.unit=basic.target", "systemd.mask=systemd-networkd-wait-online.service")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (apt-get install systemd-container)", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the machine said:\n%s", said.String())
		}
	})
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		m := machine{strings.TrimSpace(string(children))}
		if out, err := m.command(t.Context(), "systemctl is-active basic.target").Output(); m.leader != "" && err == nil && string(out) == "active\n" {
			return m
		}
	}
	t.Fatalf("the machine does not start; it needs root, and an address space of its own:\n%s", said.String())
	return machine{}
}

func (m machine) command(ctx context.Context, script string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", "--all", "--target="+m.leader, "env", "-i", "PATH=/usr/local/bin:/usr/bin:/usr/sbin", "HOME=/root", "sh", "-euc", script)
}

// run runs a script and returns what it printed.
func (m machine) run(t *testing.T, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stderr bytes.Buffer
	cmd := m.command(ctx, script)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		status, _ := m.command(t.Context(), "systemctl status --no-pager --full uni-api || true; journalctl --no-pager --lines=30").CombinedOutput()
		t.Fatalf("%v\n%s\n%s%s\n%s", err, script, out, stderr.String(), status)
	}
	return string(out)
}

// steps are the commands of docs/operations.md that follow a text.
func steps(t *testing.T, after string) string {
	t.Helper()
	_, text, found := strings.Cut(document(t, "operations.md"), after)
	block := regexp.MustCompile(`(?:\n    .+)+`).FindString(text)
	if !found || block == "" {
		t.Fatalf("docs/operations.md has no commands after %q", after)
	}
	return block
}

// The mock provider stands where the user's provider would. Its key comes by a
// variable, so that the check has to know it.
const installedFile = `providers:
  - provider: mock
    base_url: http://127.0.0.1:9000/v1
    api: ${PROVIDER_KEY}
    model: [gpt-4o-mini-2024-07-18: m]
api_keys:
  - api: ` + clientKeyText + `
    role: admin
`

func TestGuidesInstallationGivesAServiceThatRestartsWithoutLoss(t *testing.T) {
	archives, _ := filepath.Glob("../dist/uni-api-*-linux-" + runtime.GOARCH + ".tar.gz")
	if len(archives) != 1 {
		t.Fatalf("there must be one release for this machine: make release (%q)", archives)
	}
	release, err := filepath.Abs(filepath.Dir(archives[0]))
	if err != nil {
		t.Fatal(err)
	}
	version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(archives[0]), "uni-api-"), "-linux-"+runtime.GOARCH+".tar.gz")
	m := boot(t, release)

	// The user is root here, and edits the file by replacing it.
	const user = "sudo() { \"$@\"; }\neditor() { cp /root/api.yaml \"$1\"; }\n"
	m.run(t, "mkdir -p /root /usr/local/bin && cp -r /release /root/release && cat >/root/api.yaml <<'END'\n"+strings.ReplaceAll(installedFile, "${PROVIDER_KEY}", "up-1")+"END\n")
	install := strings.NewReplacer("VERSION", version, "linux-amd64", "linux-"+runtime.GOARCH).Replace(steps(t, "**Under systemd, from a release.**"))
	if out := m.run(t, user+"cd /root/release"+install); !strings.HasSuffix(out, `{"status":"ok","version":"`+version+`"}`) {
		t.Fatalf("the service does not answer at the end:\n%s", out)
	}
	if out := m.run(t, "uni-api keygen"); !strings.HasPrefix(out, "sk-") {
		t.Errorf("the installed program says %q", out)
	}
	if mode := m.run(t, "stat -c '%U %G %a' /etc/uni-api /etc/uni-api/api.yaml"); mode != "root uni-api 2750\nroot uni-api 640\n" {
		t.Errorf("the configuration is %q", mode)
	}
	if who := m.run(t, "stat -c %u /proc/$(systemctl show --property=MainPID --value uni-api)"); who == "0\n" {
		t.Error("the service is run by root")
	}

	m.run(t, "systemd-run --quiet --unit=mock --service-type=exec uni-api mock --addr 127.0.0.1:9000")
	ask := "curl -sSN http://localhost:8000/v1/chat/completions -H 'Authorization: Bearer " + clientKeyText + "' -d "
	if out := m.run(t, ask+`'{"model":"m","messages":[{"role":"user","content":"Hello!"}]}'`); !strings.Contains(out, "How can I assist you today?") {
		t.Errorf("the answer is %s", out)
	}

	// A change is taken up when the file is saved, by a process that goes on.
	m.run(t, `before=$(systemctl show --property=MainPID --value uni-api)
sed -i 's/: m\]/: m, other]/' /etc/uni-api/api.yaml
for i in $(seq 100); do
  curl -sS http://localhost:8000/v1/models -H 'Authorization: Bearer `+clientKeyText+`' | grep -q '"other"' && break
  sleep 0.1
done
test $i -lt 100
test $before = $(systemctl show --property=MainPID --value uni-api)`)

	// An upgrade as the guide has it, while streams are open and others come. Its
	// check has the variables of the service.
	m.run(t, "cat >/etc/uni-api/api.yaml <<'END'\n"+installedFile+"END\necho PROVIDER_KEY=up-1 >>/etc/uni-api/environment")
	before := m.run(t, "systemctl show --property=MainPID --value uni-api; sha256sum /etc/uni-api/*")
	out := m.run(t, `cd /root; stream() { `+ask+`'{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello!"}]}' >stream.$1; }
for i in $(seq 40); do stream $i & done
sleep 0.3
/root/release/uni-api-*-linux-*/deploy/install.sh
for i in $(seq 41 80); do stream $i & done
wait
grep -l 'data: \[DONE\]' stream.* | wc -l`)
	if !strings.Contains(out, "uni-api was restarted.") || !strings.HasSuffix(out, "\n80\n") {
		t.Errorf("of 80 streams around an upgrade, these were whole: %s", out)
	}
	after := m.run(t, "systemctl show --property=MainPID --value uni-api; sha256sum /etc/uni-api/*")
	if pid, file, _ := strings.Cut(before, "\n"); strings.HasPrefix(after, pid+"\n") || !strings.HasSuffix(after, file) {
		t.Errorf("an upgrade is another process with the same configuration:\n%s\n%s", before, after)
	}

	// A configuration that is no good leaves the service as it is.
	m.run(t, "sed -i s/base_url/base_ulr/ /etc/uni-api/api.yaml; ! /root/release/uni-api-*-linux-*/deploy/install.sh; curl -sSf http://localhost:8000/healthz")
	if now := m.run(t, "systemctl show --property=MainPID --value uni-api"); !strings.HasPrefix(after, now) {
		t.Error("the service was restarted with a configuration that is no good")
	}

	m.run(t, user+steps(t, "**Uninstall.**"))
	if left := m.run(t, "systemctl list-unit-files --no-legend 'uni-api*' || true; find /etc /usr/local /var -name 'uni-api*'"); left != "" {
		t.Errorf("uninstalling leaves\n%s", left)
	}
}
