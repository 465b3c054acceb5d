package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const editedFile = `# what this gateway is for
preferences: # of all
  rate_limit: 100/min # enough

# the providers
providers:
  # the first
  - provider: old
    base_url: http://127.0.0.1:1/v1/chat/completions
    api: sk-upstream-0123456789abcdefgh

# who may ask
api_keys:
  - api: sk-client-0123456789abcdefghij # the only one
# the end
`

// changes are what Update takes.
func changes(pairs ...string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return m
}

const newProviders = `[{"provider":"new","base_url":"http://127.0.0.1:2/v1/chat/completions","api":["sk-a-0123456789abcdefghijkl","${KEY}"],"model":["m",{"real":"alias"}]}]`

func TestUpdateChangesWhatItNamesAndNothingElse(t *testing.T) {
	path := writeMode(t, filepath.Join(t.TempDir(), "api.yaml"), editedFile, 0o640)
	source := Source{Path: path, Getenv: env("KEY", "sk-b-0123456789abcdefghijkl")}
	if err := source.Update(changes("providers", newProviders), nil); err != nil {
		t.Fatal(err)
	}
	text := readFile(t, path)
	at := -1
	for _, want := range []string{
		"# what this gateway is for", "preferences: # of all", "rate_limit: 100/min # enough", "# the providers", "providers:", `- provider: "new"`,
		"${KEY}", `real: "alias"`, "# who may ask", "api_keys:", "# the only one", "# the end",
	} {
		found := strings.Index(text, want)
		if found <= at {
			t.Errorf("%q is missing or not where it was in\n%s", want, text)
		}
		at = max(at, found)
	}
	if strings.Contains(text, "old") || strings.Contains(text, "sk-b-") || strings.Contains(text, "[{") {
		t.Errorf("the old value stayed, a variable was expanded, or it is JSON:\n%s", text)
	}
	c, err := source.Load(t.Context())
	if err != nil || len(c.Providers) != 1 || !slices.Contains(c.Providers[0].Keys, "sk-b-0123456789abcdefghijkl") {
		t.Errorf("%v, %+v", err, c)
	}
	if err := source.Update(changes("preferences", `{"cooldown_period":3}`, "api_keys", `[{"api":"sk-other-0123456789abcdefghij"}]`), nil); err != nil {
		t.Fatal(err)
	}
	text = readFile(t, path)
	if !strings.Contains(text, "cooldown_period: 3") || !strings.Contains(text, "sk-other-") || strings.Contains(text, "sk-client-") || !strings.Contains(text, "# the end") {
		t.Error(text)
	}
}

func TestTopLevelKeyThatWasNotThereIsAdded(t *testing.T) {
	bare := editedFile[strings.Index(editedFile, "# the providers"):]
	path := writeMode(t, filepath.Join(t.TempDir(), "api.yaml"), bare, 0o600)
	source := Source{Path: path, Getenv: noEnv}
	if err := source.Update(changes("preferences", `{"cooldown_period":3}`), nil); err != nil {
		t.Fatal(err)
	}
	if text := readFile(t, path); !strings.Contains(text, "\npreferences:\n  cooldown_period: 3") || !strings.Contains(text, "# the only one") {
		t.Error(text)
	}
}

func TestBadUpdateLeavesTheFileAsItIs(t *testing.T) {
	for name, test := range map[string]struct {
		changes map[string]json.RawMessage
		want    string // in the error
		judged  bool   // the error is of the configuration itself
	}{
		"a provider without URL": {changes("providers", `[{"provider":"x","api":"sk-x-0123456789abcdefghijkl"}]`), "base_url", true},
		"a key twice":            {changes("api_keys", `[{"api":"sk-other-0123456789abcdefghij"},{"api":"sk-other-0123456789abcdefghij"}]`), "api_keys", true},
		"another type":           {changes("providers", `"x"`), "providers", true},
		"an unknown top level":   {changes("listen", `1`), `"listen" cannot be changed`, false},
		"one good, one unknown":  {changes("providers", newProviders, "x", `1`), `"x" cannot be changed`, false},
		"no JSON":                {changes("providers", `[{`), "providers is not valid JSON", false},
		"masked keys":            {changes("api_keys", `[{"api":"sk-…gone"}]`), "reveal=true", false},
		"a masked URL":           {changes("preferences", `{"proxy":"socks5://…@127.0.0.1:1"}`), "reveal=true", false},
		"a masked rule":          {changes("api_keys", `[{"api":"sk-other-0123456789abcdefghij","model":["sk-…gone/*"]}]`), "reveal=true", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := writeMode(t, filepath.Join(dir, "api.yaml"), editedFile, 0o600)
			err := Source{Path: path, Getenv: env("KEY", "sk-b-0123456789abcdefghijkl")}.Update(test.changes, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "0123456789") {
				t.Errorf("the error is %v", err)
			}
			if _, is := errors.AsType[Problems](err); is != test.judged {
				t.Errorf("%T: %v", err, err)
			}
			if text := readFile(t, path); text != editedFile {
				t.Errorf("the file is now\n%s", text)
			}
			if files, _ := os.ReadDir(dir); len(files) != 1 {
				t.Errorf("files are left: %v", files)
			}
		})
	}
}

func TestUpdateIsWrittenOnlyIfNothingIsHeldAgainstIt(t *testing.T) {
	path := writeMode(t, filepath.Join(t.TempDir(), "api.yaml"), editedFile, 0o600)
	source := Source{Path: path, Getenv: env("KEY", "sk-b-0123456789abcdefghijkl")}
	refusal := errors.New("not this one")
	providers := 0
	err := source.Update(changes("providers", newProviders), func(next *Config) error {
		providers = len(next.Providers)
		return refusal
	})
	if !errors.Is(err, refusal) || providers == 0 {
		t.Errorf("%v, %d providers", err, providers)
	}
	if text := readFile(t, path); text != editedFile {
		t.Errorf("the file is now\n%s", text)
	}
	if err := source.Update(changes("providers", newProviders), func(*Config) error { return nil }); err != nil || readFile(t, path) == editedFile {
		t.Errorf("%v, and the file is\n%s", err, readFile(t, path))
	}
}

func TestUpdateKeepsTheModeAndTheLinkOfAFile(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o644, 0o660} {
		home, dir := t.TempDir(), t.TempDir()
		target := writeMode(t, filepath.Join(home, "real.yaml"), editedFile, mode)
		link := filepath.Join(dir, "api.yaml")
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		before, err := os.Open(target)
		if err != nil {
			t.Fatal(err)
		}
		if err := (Source{Path: link, Getenv: env("KEY", "k")}).Update(changes("providers", newProviders), nil); err != nil {
			t.Fatal(err)
		}
		if to, err := os.Readlink(link); err != nil || to != target {
			t.Errorf("the link is now %q, %v", to, err)
		}
		if info, err := os.Stat(target); err != nil || info.Mode().Perm() != mode {
			t.Errorf("the mode is now %v, %v", info.Mode(), err)
		}
		if !strings.Contains(readFile(t, target), `provider: "new"`) {
			t.Error("the file was not changed")
		}
		// Whoever had the file open sees the old one, whole: it was replaced, not written over.
		old := make([]byte, len(editedFile)+1)
		n, _ := before.Read(old)
		before.Close()
		if string(old[:n]) != editedFile {
			t.Errorf("an open file was written over: %s", old[:n])
		}
		for _, d := range []string{home, dir} {
			if files, _ := os.ReadDir(d); len(files) != 1 {
				t.Errorf("files are left: %v", files)
			}
		}
	}
}

func TestUpdatesAtOnceDoNotUndoEachOther(t *testing.T) {
	path := writeMode(t, filepath.Join(t.TempDir(), "api.yaml"), editedFile, 0o600)
	source := Source{Path: path, Getenv: env("KEY", "k")}
	var wg sync.WaitGroup
	for name, value := range map[string]string{
		"providers": newProviders, "preferences": `{"cooldown_period":3}`, "api_keys": `[{"api":"sk-other-0123456789abcdefghij"}]`,
	} {
		wg.Go(func() {
			if err := source.Update(changes(name, value), nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	text := readFile(t, path)
	for _, want := range []string{`provider: "new"`, "cooldown_period: 3", "sk-other-"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s was undone:\n%s", want, text)
		}
	}
}

func TestWhatIsNoFileCannotBeUpdated(t *testing.T) {
	dir := t.TempDir()
	for name, source := range map[string]Source{
		"a URL":      {URL: "http://user:pass@127.0.0.1:1/api.yaml"},
		"no file":    {Path: filepath.Join(dir, "none.yaml")},
		"no mapping": {Path: writeMode(t, filepath.Join(dir, "list.yaml"), "- 1\n", 0o600)},
		"no YAML":    {Path: writeMode(t, filepath.Join(dir, "bad.yaml"), "a: [\n", 0o600)},
		"empty":      {Path: writeMode(t, filepath.Join(dir, "empty.yaml"), "", 0o600)},
	} {
		if err := source.Update(changes("providers", newProviders), nil); err == nil || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfigurationAsJSONShowsNoSecretUnlessItIsAskedTo(t *testing.T) {
	file := `secrets: &shared CANARY-anchor-0123456789
providers:
  - provider: a
    base_url: http://user:CANARY-user-0123456789@127.0.0.1:1/v1/chat/completions?key=CANARY-query-0123456789
    api: CANARY-api-0123456789
    model: [m, {real: alias}]
    preferences:
      headers: {X-Token: CANARY-header-0123456789, X-List: [CANARY-listed-0123456789]}
      proxy: socks5://user:CANARY-proxy-0123456789@127.0.0.1:1
  - {provider: b, base_url: "http://127.0.0.1:1", api: [sk-CANARY-list-0123456789, "${NAME}", "${A}CANARY-between-0123456789${B}", *shared, 770123456789077]}
  - provider: c
    aws_access_key: CANARY-access-0123456789
    aws_secret_key: CANARY-secret-0123456789
    aws_session_token: CANARY-session-0123456789
  - provider: d
    private_key: |
      -----BEGIN PRIVATE KEY-----
      CANARY-pem-0123456789
      -----END PRIVATE KEY-----
    client_email: me@example.com
api_keys:
  - api: sk-CANARY-client-0123456789
    model: [sk-CANARY-rule-0123456789/*, {sk-CANARY-weighted-0123456789/*: 3}, a/m]
preferences:
  proxy: http://user:CANARY-global-0123456789@127.0.0.1:1
  headers: {Authorization: Bearer CANARY-globalheader-0123456789}
`
	// The top-level anchor is no key of a real configuration: this is about how any file is shown.
	c := &Config{source: []byte(strings.Replace(file, "secrets: &shared", "api: &shared", 1))}
	shown, err := c.JSON(false)
	if err != nil || !json.Valid(shown) {
		t.Fatalf("%v: %s", err, shown)
	}
	for _, canary := range []string{"CANARY", "770123456789077"} {
		if at := strings.Index(string(shown), canary); at >= 0 {
			t.Errorf("a secret is shown: %s", shown[max(at-60, 0):min(at+60, len(shown))])
		}
	}
	for _, want := range []string{`"alias"`, `"${NAME}"`, `"provider":"a"`, `"127.0.0.1:1`, "me@example.com", `"a/m"`} {
		if !strings.Contains(strings.ReplaceAll(string(shown), "http://…@", `"`), want) {
			t.Errorf("%s is missing in %s", want, shown)
		}
	}
	revealed, err := c.JSON(true)
	if n := strings.Count(file, "CANARY"); err != nil || strings.Count(string(revealed), "CANARY") != n+1 { // the anchor's twice
		t.Errorf("%v: %d secrets of %d in %s", err, strings.Count(string(revealed), "CANARY"), n, revealed)
	}
}

// writeMode writes a file with this mode, whatever the umask is.
func writeMode(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
