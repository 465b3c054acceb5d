package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// listed are the models that a key is told of.
func (g *gateway) listed(key string) []string {
	g.t.Helper()
	a := g.do("GET", "/v1/models", "", "Authorization", "Bearer "+key)
	var list struct {
		Object string
		Data   []struct {
			ID, Object string
			Created    int64
			OwnedBy    string `json:"owned_by"`
		}
	}
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.StatusCode != 200 || list.Object != "list" || list.Data == nil {
		g.t.Fatalf("%d %s (%v)", a.StatusCode, a.body, err)
	}
	ids := []string{}
	for _, m := range list.Data {
		if m.Object != "model" || m.Created <= 0 || m.OwnedBy == "" {
			g.t.Errorf("entry %+v", m)
		}
		ids = append(ids, m.ID)
	}
	return ids
}

func TestKeyIsToldOfTheModelsItMayUse(t *testing.T) {
	up := listen(t, both)
	g := start(t,
		providerOf("p", up, "    model: [a, {upstream-b: b}, vendor/c]\n"),
		providerOf("q", up, "    model: [b, d]\n"),
		`api_keys:
  - api: sk-all-0123456789abcdef
  - api: sk-provider-0123456789abc
    model: [q/*]
  - api: sk-models-0123456789abcdef
    model: [d, p/a, <vendor/c>]
  - api: sk-renamed-0123456789abcd
    model: [upstream-b, b]
  - api: sk-key-0123456789abcdef
    model: [sk-provider-0123456789abc/*]
  - api: sk-none-0123456789abcdef
    model: [nothing]
`)
	for key, want := range map[string][]string{
		"sk-all-0123456789abcdef":    {"a", "b", "vendor/c", "d"},
		"sk-provider-0123456789abc":  {"b", "d"},
		"sk-models-0123456789abcdef": {"d", "a", "vendor/c"},
		"sk-renamed-0123456789abcd":  {"b"},
		"sk-key-0123456789abcdef":    {"b", "d"},
		"sk-none-0123456789abcdef":   {},
	} {
		if got := g.listed(key); !slices.Equal(got, want) {
			t.Errorf("%s is told of %q, want %q", key, got, want)
		}
	}
	if n := len(up.requests()); n != 0 {
		t.Errorf("%d requests at the upstream", n)
	}
}

// A long list is memory like any other, as long as the client does not take it.
func TestListsOfModelsAreCountedInWhatRequestsHold(t *testing.T) {
	var models strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&models, "%s%d, ", strings.Repeat("m", 200), i)
	}
	g := startWith(t, Options{RequestMemory: 8 << 20}, providerOf("p", listen(t, both), "    model: ["+models.String()+"m]\n"), twoKeys)
	refused := false
	for range 12 {
		c := g.dial()
		c.send(strings.Repeat(listText(clientKeyText), 40)) // more than the kernel holds
		if a := c.answer(); a.StatusCode != 200 {
			a.failure(t, 503, "overloaded")
			refused = true
		}
	}
	if !refused || g.budget.Highest() > 8<<20 {
		t.Errorf("refused %v, held %d", refused, g.budget.Highest())
	}
	if a := g.do("GET", "/v1/models", "", "Authorization", "Bearer "+otherKeyText); a.StatusCode != 200 {
		t.Errorf("another key gets %d %.200s", a.StatusCode, a.body)
	}
}
