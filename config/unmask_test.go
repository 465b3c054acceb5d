package config

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

const maskedFile = `providers:
  - provider: first
    base_url: https://user:password-of-first@first.example/v1
    api: [sk-first-0123456789abcdefwxyz, short]
    model: [m]
  - provider: second
    base_url: https://second.example/v1
    api: [sk-second-9876543210abcdefwxyz, "${KEY}"]
    preferences: {proxy: "socks5://u:secret-of-proxy@proxy.example:1080", headers: {X-Secret: header-0123456789abcdef}}
    model: [m]
  - provider: google
    project_id: p
    client_email: robot@p.example
    private_key: a-private-key-0123456789
    model: [claude-3-opus@20240229]
api_keys:
  - api: sk-client-0123456789abcdefghij
    role: admin
  - api: 1234567890123456
    model: [sk-client-0123456789abcdefghij/*]
`

// What is read without its secrets and sent back unchanged is the file that was there.
func TestMaskThatComesBackMeansWhatWasThere(t *testing.T) {
	path := writeMode(t, filepath.Join(t.TempDir(), "api.yaml"), maskedFile, 0o600)
	source := Source{Path: path, Getenv: env("KEY", "sk-from-outside-0123456789")}
	before, err := source.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shown, err := before.JSON(false)
	if err != nil {
		t.Fatal(err)
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(shown, &parts); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(shown), "0123456789abcdef") || strings.Contains(string(shown), "secret-of-proxy") {
		t.Fatalf("shown: %s", shown)
	}
	// The providers come back in another order: the two keys that look alike stay where they belong.
	var providers []json.RawMessage
	if err := json.Unmarshal(parts["providers"], &providers); err != nil {
		t.Fatal(err)
	}
	providers[0], providers[1] = providers[1], providers[0]
	turned, _ := json.Marshal(providers)
	if err := source.Update(changes("providers", string(turned), "api_keys", string(parts["api_keys"])), nil); err != nil {
		t.Fatal(err)
	}
	after, err := source.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, second := after.Providers[1], after.Providers[0]
	for what, got := range map[string]bool{
		"the first's keys":   first.Name == "first" && strings.Join(first.Keys, " ") == "sk-first-0123456789abcdefwxyz short",
		"the second's keys":  strings.Join(second.Keys, " ") == "sk-second-9876543210abcdefwxyz sk-from-outside-0123456789",
		"the variable":       strings.Contains(readFile(t, path), "${KEY}"),
		"the address":        first.BaseURL == "https://user:password-of-first@first.example/v1",
		"the proxy":          second.Preferences.Proxy == "socks5://u:secret-of-proxy@proxy.example:1080",
		"the header":         second.Preferences.Headers[0].Value == "header-0123456789abcdef",
		"the private key":    after.Providers[2].PrivateKey == "a-private-key-0123456789",
		"the client's key":   after.APIKeys[0].Key == "sk-client-0123456789abcdefghij",
		"a key of digits":    after.APIKeys[1].Key == "1234567890123456",
		"a rule about a key": after.APIKeys[1].Rules[0].Key == "sk-client-0123456789abcdefghij",
	} {
		if !got {
			t.Errorf("%s changed:\n%s", what, readFile(t, path))
		}
	}
}

func TestMaskOfTwoSecretsIsRefusedWhereNothingTellsThemApart(t *testing.T) {
	path := writeMode(t, filepath.Join(t.TempDir(), "api.yaml"), maskedFile, 0o600)
	source := Source{Path: path, Getenv: env("KEY", "k")}
	err := source.Update(changes("providers", `[{"provider":"third","base_url":"https://third.example/v1","api":"sk-…wxyz"}]`), nil)
	if err == nil || !strings.Contains(err.Error(), "any of several") || readFile(t, path) != maskedFile {
		t.Errorf("%v", err)
	}
}

// uni-api's page of 2025 shows six things of a provider, and the preferences, and sends these back: what else there is
// stays.
func TestPageOf2025KeepsWhatItDoesNotShow(t *testing.T) {
	path := writeMode(t, filepath.Join(t.TempDir(), "api.yaml"), maskedFile, 0o600)
	source := Source{Path: path, Getenv: env("KEY", "k")}
	const page = `[{"provider":"google","base_url":"https://aiplatform.googleapis.com/","tools":true,"api":[],"model":["claude-3-opus@20240229"],"notes":""}]`
	if err := source.Update(changes("providers", page), nil); err != nil {
		t.Fatal(err)
	}
	c, err := source.Load(t.Context())
	if err != nil || c.Providers[0].PrivateKey != "a-private-key-0123456789" || c.Providers[0].ClientEmail == "" || len(c.Providers[0].ProjectIDs) != 1 {
		t.Errorf("%v\n%s", err, readFile(t, path))
	}
	// Whoever does not send all that the page does means what is left out.
	const other = `[{"provider":"google","base_url":"https://aiplatform.googleapis.com/","api":"k","model":["m"]}]`
	if err := source.Update(changes("providers", other), nil); err != nil {
		t.Fatal(err)
	}
	if text := readFile(t, path); strings.Contains(text, "a-private-key") {
		t.Errorf("%s", text)
	}
}

func TestWordForNoProxyIsShown(t *testing.T) {
	c := parse(t, withProvider("    preferences: {proxy: direct}\n"))
	for _, reveal := range []bool{false, true} {
		if shown, err := c.JSON(reveal); err != nil || !strings.Contains(string(shown), `"proxy":"direct"`) {
			t.Errorf("%v: %s, %v", reveal, shown, err)
		}
	}
}
