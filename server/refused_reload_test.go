package server

import (
	"os"
	"strings"
	"testing"
)

// What check calls an error keeps the old configuration whole also where it is found only when a provider is made
// ready, unless the start told of it.
func TestReloadThatWouldLoseAProviderIsRefused(t *testing.T) {
	t.Parallel()
	up := listen(t, both)
	program := build(t)
	const file = `providers:
  - {provider: first, base_url: BASE/v1/chat/completions, api: KEY, model: [m], engine: ENGINE}
  - {provider: unserved, base_url: BASE/v1/chat/completions, api: KEY, model: [n], engine: codex}
api_keys:
  - {api: CLIENT, model: [all], role: admin}
`
	written := func(engine string) string {
		return strings.NewReplacer("BASE", "http://"+up.addr, "KEY", upstreamKeyText, "CLIENT", clientKeyText, "ENGINE", engine).Replace(file)
	}
	path := program.file(t, "api.yaml", written("gpt"))
	s := program.serve(t, nil, "--listen", "127.0.0.1:0")
	change := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	answers := func() {
		t.Helper()
		if status, body := s.post(t, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	answers()

	change(written("gtp"))
	line := s.log.Next(t, "the changed configuration cannot be used; the old one stays in force")
	if line["errors"] != 1.0 { // not the one that the start has told of
		t.Errorf("%v", line)
	}
	if _, reload := leftOutOf(t, s); !strings.Contains(reload, `provider "first" is left out: engine "gtp" is not known`) || strings.Contains(reload, "unserved") {
		t.Errorf("reload: %q", reload)
	}
	answers()
	change(written("gpt"))
	s.log.Next(t, "the configuration is again the one that is in force")
	if _, reload := leftOutOf(t, s); reload != "" {
		t.Errorf("reload: %q", reload)
	}
	change("# A comment is no error.\n" + written("gpt"))
	s.log.Next(t, "the configuration was reloaded")

	providers := func(engine string) string {
		return `{"providers":[{"provider":"first","base_url":"http://` + up.addr + `/v1","api":"` + upstreamKeyText + `","model":["m"],"engine":"` + engine + `"}]}`
	}
	before, _ := os.ReadFile(path)
	status, body := s.post(t, "/v1/api_config/update", providers("gtp"))
	if after, _ := os.ReadFile(path); status != 422 || !strings.Contains(body, "nothing was changed") || !strings.Contains(body, "is not known") || string(after) != string(before) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := s.post(t, "/v1/api_config/update", providers("gpt")); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	answers()
	noSecrets(t, s.log.String())
}
