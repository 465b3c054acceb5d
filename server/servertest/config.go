package servertest

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/config"
)

// The keys of most tests. They are long enough for the gateway to mask them.
const (
	ClientKey   = "sk-client-0123456789abcdefghijklmn"
	UpstreamKey = "sk-upstream-abcdefghijklmnopqrstuvwxyz"
)

// Config makes a configuration of provider sections. One that begins with api_keys
// takes the place of the test's key, and preferences are the gateway's.
func Config(t testing.TB, sections ...string) *config.Config {
	t.Helper()
	text, keys, preferences := "providers:\n", "api_keys:\n  - api: "+ClientKey+"\n    role: tester-admin\n", ""
	for _, s := range sections {
		switch {
		case strings.HasPrefix(s, "api_keys:"):
			keys = s
		case strings.HasPrefix(s, "preferences:"):
			preferences += s
		default:
			text += s
		}
	}
	text += keys + preferences
	cfg, err := config.Parse("api.yaml", []byte(text), func(string) string { return "" })
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	return cfg
}

// Provider is one provider of api.yaml: model m and one key, unless more says otherwise.
func Provider(name string, u *Upstream, more ...string) string {
	section := fmt.Sprintf("  - provider: %s\n    base_url: http://%s/v1/chat/completions\n", name, u.Addr)
	lines := strings.Join(more, "")
	if !strings.Contains(lines, "api:") {
		lines += "    api: " + UpstreamKey + "\n"
	}
	if !strings.Contains(lines, "model:") {
		lines += "    model: [m]\n"
	}
	return section + lines
}
