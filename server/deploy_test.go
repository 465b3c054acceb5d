package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheInstallerWritesAServiceAndKeepsItsConfiguration(t *testing.T) {
	program := build(t)
	// A release as it is unpacked: deploy/ and docs/ beside the program.
	for _, name := range []string{"deploy", "docs"} {
		if err := os.CopyFS(filepath.Join(program.dir, name), os.DirFS(filepath.Join("..", name))); err != nil {
			t.Fatal(err)
		}
	}
	example, err := os.ReadFile("../api.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	program.file(t, "api.example.yaml", string(example))
	root := t.TempDir()
	install := func() {
		t.Helper()
		cmd := exec.Command("sh", filepath.Join(program.dir, "deploy", "install.sh"))
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DESTDIR=" + root}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	install()
	for name, mode := range map[string]os.FileMode{
		"usr/local/bin/uni-api":                     0o755,
		"etc/systemd/system/uni-api.service":        0o644,
		"etc/systemd/system/uni-api.socket":         0o644,
		"usr/local/share/doc/uni-api/operations.md": 0o644,
		"etc/uni-api/api.yaml":                      0o600,
		"etc/uni-api/environment":                   0o600,
	} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	config := filepath.Join(root, "etc/uni-api/api.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if keys := regexp.MustCompile(`- api: (sk-[A-Za-z0-9]{48})\s`).FindAllSubmatch(text, -1); len(keys) != 2 || string(keys[0][1]) == string(keys[1][1]) {
		t.Errorf("client keys %q", keys)
	}
	if _, stderr, code := program.run(t, nil, "check", "--config", config); code != 0 {
		t.Errorf("code %d: %s", code, stderr)
	}
	install()
	if again, err := os.ReadFile(config); err != nil || string(again) != string(text) {
		t.Errorf("the configuration was changed: %v", err)
	}
}

func TestTheOperatorsGuideNamesEveryFlag(t *testing.T) {
	program := build(t)
	_, usage, _ := program.run(t, nil, "serve", "--help")
	guide, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(usage, -1)
	if len(flags) < 10 {
		t.Fatalf("found %d flags in\n%s", len(flags), usage)
	}
	for _, flag := range flags {
		if !strings.Contains(string(guide), "`--"+flag[1]) {
			t.Errorf("docs/operations.md does not name --%s", flag[1])
		}
	}
}
