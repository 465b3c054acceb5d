package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestProgramWithoutAFileSaysWhatToDoInThreeLines(t *testing.T) {
	printed, code := run(t, t.TempDir(), nil)
	lines := strings.Split(strings.TrimSuffix(printed, "\n"), "\n")
	if code != 1 || len(lines) != 3 || !strings.Contains(lines[0], "api.yaml") || !strings.Contains(lines[1], "uni-api init") || !strings.Contains(lines[2], "uni-api demo") {
		t.Errorf("exit code %d\n%s", code, printed)
	}
	if printed, _ := run(t, t.TempDir(), nil, "--config", "named.yaml"); !strings.Contains(printed, "named.yaml") || strings.Contains(printed, "uni-api init") {
		t.Errorf("a file that was named is not there: %s", printed)
	}
}

func TestInitWritesAFileThatIsServed(t *testing.T) {
	for name, c := range map[string]struct {
		args string
		env  []string
		want []string // of the file
	}{
		"a known provider":           {"--provider openai", []string{"OPENAI_API_KEY=sk-up"}, []string{"- provider: openai ", "base_url: https://api.openai.com/v1/chat/completions", "api: ${OPENAI_API_KEY}"}},
		"its key and models":         {"--provider anthropic --key sk-ant-0123456789 --model claude-sonnet-4-5,claude-haiku-4-5", nil, []string{"base_url: https://api.anthropic.com/v1/messages", "api: sk-ant-0123456789", "- claude-sonnet-4-5\n", "- claude-haiku-4-5\n"}},
		"an address":                 {"--base-url http://127.0.0.1:11434/v1", nil, []string{`- provider: "127.0.0.1"`, "base_url: http://127.0.0.1:11434/v1"}},
		"an address as provider":     {"--provider http://127.0.0.1:11434/v1", nil, []string{`- provider: "127.0.0.1"`, "base_url: http://127.0.0.1:11434/v1"}},
		"the address of a known one": {"--provider https://api.openai.com/v1", []string{"OPENAI_API_KEY=sk-up"}, []string{"- provider: openai ", "base_url: https://api.openai.com/v1", "api: ${OPENAI_API_KEY}"}},
		"a variable of its own":      {"--provider groq --key-env TEAM_KEY", []string{"TEAM_KEY=gsk-up"}, []string{"api: ${TEAM_KEY}"}},
		"a key that YAML quotes":     {"--provider groq --key #a:b", nil, []string{`api: "#a:b"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			printed, code := run(t, dir, c.env, append([]string{"init"}, strings.Fields(c.args)...)...)
			text, err := os.ReadFile(filepath.Join(dir, "api.yaml"))
			if code != 0 || err != nil {
				t.Fatalf("exit code %d, %v\n%s", code, err, printed)
			}
			key := regexp.MustCompile(`- api: (sk-[A-Za-z0-9]{48}) `).FindStringSubmatch(string(text))
			if key == nil || !strings.Contains(printed, key[1]) {
				t.Errorf("the client key is not in the file, or not told:\n%s\n%s", printed, text)
			}
			for _, want := range c.want {
				if !strings.Contains(string(text), want) {
					t.Errorf("want %q in\n%s", want, text)
				}
			}
			if info, _ := os.Stat(filepath.Join(dir, "api.yaml")); info.Mode().Perm() != 0o600 {
				t.Errorf("others may read the keys: %v", info.Mode())
			}
			if said, code := run(t, dir, c.env, "check", "--strict"); code != 0 {
				t.Errorf("check has something against it: %s", said)
			}
			if again, code := run(t, dir, c.env, append([]string{"init"}, strings.Fields(c.args)...)...); code != 1 || !strings.Contains(again, "--force") {
				t.Errorf("it writes over a file: %d %s", code, again)
			}
		})
	}
	for args, want := range map[string]string{
		"":                                     "give --provider",
		"--provider nobody":                    "--base-url",
		"--base-url nonsense":                  "no URL",
		"--provider openai --key-env TEAM-KEY": `"TEAM-KEY" is no name of a variable`,
	} {
		if printed, code := run(t, t.TempDir(), nil, append([]string{"init"}, strings.Fields(args)...)...); code != 1 || !strings.Contains(printed, want) {
			t.Errorf("init %s: exit code %d, %s", args, code, printed)
		}
	}
}

func TestDemoShowsAFailoverAndATranslationAndEnds(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"demo"}, {"demo", "--once"}} {
		printed, code := run(t, t.TempDir(), nil, args...)
		for _, want := range []string{`"broken"`, "answer: Hello! How can I assist you today?", `"type":"message"`, `"provider":"broken","upstream_model":"gpt-4o","status":503`, `"provider":"working"`, "uni-api init"} {
			if code != 0 || !strings.Contains(printed, want) {
				t.Errorf("exit code %d, want %q in\n%s", code, want, printed)
			}
		}
	}
}

func TestHelpIsShortWhereAFlagIsWrongAndLongWhereItIsAsked(t *testing.T) {
	for args, c := range map[string]struct {
		code  int
		want  string // a pattern
		lines int    // at most
	}{
		"help":              {0, `(?s)uni-api init .*uni-api check .*uni-api help COMMAND`, 30},
		"help check":        {0, `(?s)^uni-api check \[FILE\] \[flags\]\n.*-strict`, 20},
		"check --help":      {0, `(?s)^uni-api check \[FILE\] \[flags\]\n.*-strict`, 20},
		"help serve":        {0, `(?s)-listen.*-max-body`, 80},
		"help chekc":        {2, `no command "chekc"`, 1},
		"check --confg x":   {2, `(?s)^uni-api check: .*-confg\nuni-api check --help`, 2},
		"--lisen x":         {2, `^\{.*"level":"ERROR".*uni-api serve --help.*-lisen"\}\n$`, 1}, // serve has a log, which this is the first line of
		"mock --adr x":      {2, `(?s)^uni-api mock: .*-adr\nuni-api mock --help`, 2},
		"init --provder x":  {2, `^uni-api init: .*-provder`, 2},
		"check a.yaml more": {2, `one word too many: "more"`, 2},
	} {
		printed, code := run(t, t.TempDir(), nil, strings.Fields(args)...)
		if lines := strings.Count(printed, "\n"); code != c.code || !regexp.MustCompile(c.want).MatchString(printed) || lines > c.lines {
			t.Errorf("uni-api %s: exit code %d, %d lines\n%s", args, code, lines, printed)
		}
	}
}

func TestHelpNeverPrintsTheKeyOfTheEnvironment(t *testing.T) {
	for _, args := range [][]string{{"help", "explain"}, {"help", "doctor"}, {"explain", "--help"}, {"man"}, {"explain", "--wrong"}} {
		if printed, _ := run(t, t.TempDir(), []string{"UNI_API_ADMIN_KEY=sk-admin-of-the-environment", "UNI_API_KEY=sk-admin-of-the-environment-too"}, args...); strings.Contains(printed, "sk-admin-of") {
			t.Errorf("uni-api %v prints it: %s", args, printed)
		}
	}
}

func TestBashCompletesCommandsAndFlags(t *testing.T) {
	script, code := run(t, t.TempDir(), nil, "completion", "bash")
	if code != 0 {
		t.Fatal(script)
	}
	for line, want := range map[string]string{
		"uni-api ch":          "check",
		"uni-api check --st":  "--strict",
		"uni-api help ex":     "explain",
		"uni-api --lis":       "--listen",
		"uni-api completion ": "bash zsh fish",
		"uni-api doctor c":    "claude-code codex cursor",
	} {
		words := strings.Split(line, " ")
		quoted := make([]string, len(words))
		for i := range words {
			quoted[i] = "'" + words[i] + "'"
		}
		cmd := exec.Command("bash", "-c", script+"COMP_WORDS=("+strings.Join(quoted, " ")+"); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _uni_api; echo \"${COMPREPLY[@]}\"")
		cmd.Env = []string{"PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%q: %v, %q, want %q", line, err, out, want)
		}
	}
	for _, shell := range []string{"zsh", "fish"} {
		if script, code := run(t, t.TempDir(), nil, "completion", shell); code != 0 || !strings.Contains(script, " check ") || !strings.Contains(script, "uni-api help") {
			t.Errorf("%s: %d %s", shell, code, script)
		}
	}
	if said, code := run(t, t.TempDir(), nil, "completion", "csh"); code != 2 || !strings.Contains(said, "bash, zsh or fish") {
		t.Errorf("%d %s", code, said)
	}
}

func TestManualPageHasEveryCommandWithItsFlags(t *testing.T) {
	page, code := run(t, t.TempDir(), nil, "man")
	overview, _ := run(t, t.TempDir(), nil, "help")
	for _, c := range regexp.MustCompile(`(?m)^  uni-api ([a-z]+)`).FindAllStringSubmatch(overview, -1) {
		if code != 0 || !strings.Contains(page, ".SS uni\\-api "+c[1]) {
			t.Errorf("%s is not in it", c[1])
		}
		flags, _ := run(t, t.TempDir(), nil, "help", c[1])
		for _, f := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(flags, -1) {
			if !strings.Contains(page, `.BI \-\-`+strings.ReplaceAll(f[1], "-", `\-`)+" ") {
				t.Errorf("--%s of %s is not in it", f[1], c[1])
			}
		}
	}
}
