package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What uni-api's page of 2025 does in a browser: it asks for the configuration, makes a form of each provider, and
// sends what the forms hold. These are its rules: a box is ticked if tools is true, an address that is not there is
// empty, one key is a text and several are a list.
func pageOf2025(t *testing.T, shown string) (saved string) {
	t.Helper()
	var answer struct {
		Config struct {
			Providers []map[string]any `json:"providers"`
		} `json:"api_config"`
	}
	if err := json.Unmarshal([]byte(shown), &answer); err != nil {
		t.Fatal(err)
	}
	providers := []map[string]any{}
	text := func(v any) string { s, _ := v.(string); return s }
	for _, p := range answer.Config.Providers {
		keys := []any{}
		switch api := p["api"].(type) {
		case []any:
			keys = api
		case string:
			if api != "" {
				keys = append(keys, api)
			}
		}
		form := map[string]any{"provider": text(p["provider"]), "base_url": text(p["base_url"]), "tools": p["tools"] == true, "notes": text(p["notes"]), "api": any(keys)}
		if len(keys) == 1 {
			form["api"] = keys[0]
		}
		models, _ := p["model"].([]any)
		form["model"] = append([]any{}, models...)
		if p["preferences"] != nil {
			form["preferences"] = p["preferences"]
		}
		providers = append(providers, form)
	}
	body, err := json.Marshal(map[string]any{"providers": providers})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestPageOf2025LoadsShowsAndSaves(t *testing.T) {
	up := listen(t, both)
	text := "# kept\nproviders:\n" + providerOf("p", up, "    preferences: {headers: {X-Secret: header-0123456789abcdef}}\n") +
		"  - provider: none\n    base_url: http://" + up.addr + "/v1\n    api: [sk-one-0123456789abcdefone1, sk-two-0123456789abcdeftwo2]\n    model: [{real: alias}]\n    tools: false\n" +
		"  - provider: vertex\n    project_id: p\n    client_email: robot@p.example\n    private_key: " + pemOfAKey(t) + "\n    model: [gemini-2.5-pro]\n" +
		"api_keys:\n  - api: " + clientKeyText + "\n    role: admin\n"
	program := build(t)
	path := program.file(t, "api.yaml", text)
	s := program.serve(t, nil, "--listen", "127.0.0.1:0")

	status, shown := s.get(t, "/v1/api_config")
	if status != 200 || strings.Contains(shown, "0123456789abcdef") || strings.Contains(shown, upstreamKeyText) {
		t.Fatalf("%d %s", status, shown)
	}
	for range 2 { // pressed twice
		if status, answer := s.post(t, "/v1/api_config/update", pageOf2025(t, shown)); status != 200 || !strings.Contains(answer, `"message":"API config updated"`) {
			t.Fatalf("%d %s", status, answer)
		}
	}
	_, whole := s.get(t, "/v1/api_config?reveal=true")
	for _, want := range []string{upstreamKeyText, "header-0123456789abcdef", "sk-one-0123456789abcdefone1", "BEGIN RSA PRIVATE KEY", "robot@p.example", `{"real":"alias"}`} {
		if !strings.Contains(whole, want) {
			t.Errorf("after the save %q is gone: %s", want, whole)
		}
	}
	var again struct {
		Config struct {
			Providers []struct{ Tools bool } `json:"providers"`
		} `json:"api_config"`
	}
	if err := json.Unmarshal([]byte(whole), &again); err != nil || len(again.Config.Providers) != 3 {
		t.Fatalf("%v %s", err, whole)
	}
	if p := again.Config.Providers; !p[0].Tools || p[1].Tools || !p[2].Tools {
		t.Errorf("tools: %+v", p)
	}
	if status, body := s.post(t, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if got := up.requests(); !strings.Contains(got[len(got)-1].Header.Get("Authorization"), upstreamKeyText) {
		t.Errorf("asked with %s", got[len(got)-1].Header)
	}
	if written, err := os.ReadFile(filepath.Clean(path)); err != nil || !strings.Contains(string(written), "# kept") {
		t.Errorf("%v\n%s", err, written)
	}
	if items, reload := leftOutOf(t, s); len(items) != 0 || reload != "" {
		t.Errorf("%q %q", items, reload)
	}
	// Who knows uni-api's answers finds the keys themselves, if an admin asks for them.
	if _, states := s.get(t, "/v1/api_keys_states?reveal=true"); !strings.Contains(states, `{"api_keys_states":{"`+clientKeyText+`":{`) {
		t.Error(states)
	}
	if _, states := s.get(t, "/v1/api_keys_states"); strings.Contains(states, clientKeyText) {
		t.Error(states)
	}
}
