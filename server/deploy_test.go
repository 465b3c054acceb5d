package server

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestInstallerWritesAServiceAndKeepsItsConfiguration(t *testing.T) {
	program := build(t)
	// A release as it is unpacked: these, beside the program.
	for _, name := range []string{"deploy", "docs"} {
		if err := os.CopyFS(filepath.Join(program.dir, name), os.DirFS(filepath.Join("..", name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "api.example.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		program.file(t, name, string(text))
	}
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
		"usr/local/bin/uni-api":                          0o755,
		"etc/systemd/system/uni-api.service":             0o644,
		"etc/systemd/system/uni-api@.service":            0o644,
		"etc/systemd/system/uni-api.socket":              0o644,
		"usr/local/share/doc/uni-api/README.md":          0o644,
		"usr/local/share/doc/uni-api/docs/operations.md": 0o644,
		"usr/local/share/man/man1/uni-api.1":             0o644,
		"etc/uni-api/api.yaml":                           0o600,
		"etc/uni-api/environment":                        0o600,
	} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	linksStayInside(t, filepath.Join(root, "usr/local/share/doc/uni-api"))
	namesInstalledFiles(t, root)
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

// linksStayInside fails for a link of an installed page that is neither an address
// of the web nor a file that was installed with it.
func linksStayInside(t *testing.T, folder string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(folder, func(page string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(page, ".md") {
			return err
		}
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		for _, link := range regexp.MustCompile(`\]\(([^()\s]+)\)|(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			path, _, _ := strings.Cut(link[1]+link[2], "#")
			if path == "" || strings.HasPrefix(path, "https://") || strings.HasPrefix(path, "http://") {
				continue
			}
			seen++
			target := filepath.Join(filepath.Dir(page), path)
			if inside, err := filepath.Rel(folder, target); err != nil || !filepath.IsLocal(inside) {
				t.Errorf("%s: %s leads out of what is installed", filepath.Base(page), path)
			} else if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s is not installed", filepath.Base(page), path)
			}
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Errorf("%d links were looked at: %v", seen, err)
	}
}

// namesInstalledFiles fails if a unit names a page that the installer does not write.
func namesInstalledFiles(t *testing.T, root string) {
	t.Helper()
	for _, unit := range []string{"uni-api.service", "uni-api@.service", "uni-api.socket"} {
		text, err := os.ReadFile(filepath.Join(root, "etc/systemd/system", unit))
		if err != nil {
			t.Fatal(err)
		}
		page := regexp.MustCompile(`(?m)^Documentation=file://(.+)$`).FindSubmatch(text)
		if page == nil {
			t.Errorf("%s names no documentation", unit)
		} else if _, err := os.Stat(filepath.Join(root, string(page[1]))); err != nil {
			t.Errorf("%s: %v", unit, err)
		}
	}
}

func TestContainersCommandServes(t *testing.T) {
	program := build(t)
	dockerfile, err := os.ReadFile("../deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^CMD (.+)$`).FindSubmatch(dockerfile)
	if line == nil {
		t.Fatal("deploy/Dockerfile has no CMD")
	}
	var args []string
	if err := json.Unmarshal(line[1], &args); err != nil {
		t.Fatal(err)
	}
	// The program runs where api.yaml is, as in the image.
	program.file(t, "api.yaml", goodFile)
	s := program.serve(t, []string{"PORT=0"}, args...)
	if status, body := s.get(t, "/readyz"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if _, err := os.Stat(filepath.Join(program.dir, "data", "usage.db")); err != nil {
		t.Error(err)
	}
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// flags are a command's flags with their defaults, by its own --help. A default that is nothing, none or off is "".
func (c command) flags(t *testing.T, name string) map[string]string {
	t.Helper()
	stdout, stderr, _ := c.run(t, nil, name, "--help")
	flags := map[string]string{}
	for _, f := range regexp.MustCompile(`(?m)^  -([a-z-]+).*\n(.*)$`).FindAllStringSubmatch(stdout+stderr, -1) {
		flags[f[1]] = ""
		if normal := regexp.MustCompile(`\(default "?([^"]*)"?\)$`).FindStringSubmatch(f[2]); normal != nil {
			flags[f[1]] = normal[1]
		}
	}
	return flags
}

func TestOperatorsGuideHasEveryFlagOfServeWithItsDefault(t *testing.T) {
	flags := build(t).flags(t, "serve")
	if len(flags) < 10 {
		t.Fatalf("found %d flags", len(flags))
	}
	documented := map[string]bool{}
	_, table, _ := strings.Cut(document(t, "operations.md"), "\n## Flags of `uni-api serve`\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, row := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| ([^|]+) \\| [^|]+ \\|$").FindAllStringSubmatch(table, -1) {
		name, told := row[1], row[2]
		documented[name] = true
		normal, known := flags[name]
		if !known {
			t.Errorf("there is no flag --%s", name)
		}
		// A default that is told in words stands for one that is found out at the start.
		code, isCode := strings.CutPrefix(strings.TrimSuffix(told, "`"), "`")
		switch {
		case name == "config": // ./api.yaml, if it is there
		case normal != "" && !isCode, isCode && !sameDefault(code, normal):
			t.Errorf("--%s: the guide says %s, the program %q", name, told, normal)
		}
	}
	for name := range flags {
		if !documented[name] {
			t.Errorf("docs/operations.md has no row for --%s", name)
		}
	}
}

// sameDefault compares a default in the guide with one of the flag package, which writes durations out (10m0s) and
// leaves out false.
func sameDefault(told, normal string) bool {
	if a, err := time.ParseDuration(told); err == nil {
		b, err := time.ParseDuration(normal)
		return err == nil && a == b
	}
	return told == normal || told == "false" && normal == ""
}

func TestReferenceNamesTheFlagsOfTheOtherCommands(t *testing.T) {
	program := build(t)
	_, table, _ := strings.Cut(document(t, "reference.md"), "\n## Command line\n")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := map[string]string{} // by command
	command := ""
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if name := regexp.MustCompile("^\\| `uni-api ([a-z]+)`").FindStringSubmatch(line); name != nil {
			command = name[1]
		}
		rows[command] += line
	}
	for _, command := range []string{"check", "explain", "doctor", "health", "init", "demo", "ledger", "mock"} {
		flags := program.flags(t, command)
		if len(flags) == 0 {
			t.Errorf("%s has no flags", command)
		}
		for name := range flags {
			if !regexp.MustCompile("`--" + name + "[` ]").MatchString(rows[command]) {
				t.Errorf("docs/reference.md does not name --%s of %s", name, command)
			}
		}
		for _, name := range regexp.MustCompile("`--([a-z-]+)").FindAllStringSubmatch(rows[command], -1) {
			if _, known := flags[name[1]]; !known {
				t.Errorf("%s has no flag --%s", command, name[1])
			}
		}
	}
}
