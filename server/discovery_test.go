package server

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"uniapi/config"
)

// catalogue is a provider whose model list a test can change.
type catalogue struct {
	*upstream
	mu   sync.Mutex
	list string        // what it answers
	hold chan struct{} // if set, it answers only when this is closed
}

func newCatalogue(t testing.TB, models ...string) *catalogue {
	c := &catalogue{}
	c.set(models...)
	c.upstream = listen(t, func(p *peer, r seen) bool {
		if r.URL.Path == "/v1/chat/completions" {
			return both(p, r)
		}
		c.mu.Lock()
		list, hold := c.list, c.hold
		c.mu.Unlock()
		if hold != nil {
			<-hold
		}
		p.say(list)
		return true
	})
	return c
}

func (c *catalogue) say(answer string) {
	c.mu.Lock()
	c.list = answer
	c.mu.Unlock()
}

func (c *catalogue) set(models ...string) {
	entries := make([]string, len(models))
	for i, m := range models {
		entries[i] = fmt.Sprintf(`{"id":%q,"object":"model"}`, m)
	}
	c.say(reply(200, jsonKind, `{"object":"list","data":[`+strings.Join(entries, ",")+`]}`))
}

// asked is how often the list was asked for.
func (c *catalogue) asked() (n int) {
	for _, r := range c.requests() {
		if r.URL.Path == "/v1/models" {
			n++
		}
	}
	return n
}

// discovered is a provider whose models are to be found.
func discovered(name string, c *catalogue) string {
	return fmt.Sprintf("  - provider: %s\n    base_url: http://%s/v1/chat/completions\n    api: [%s, sk-second]\n", name, c.addr, upstreamKeyText)
}

func TestNamesInAModelListThatAreNoNamesAreRefused(t *testing.T) {
	long := strings.Repeat("n", 255)
	c := newCatalogue(t)
	c.say(reply(200, jsonKind, `{"data":[{"id":"m\u0000n"},{"id":"ok"},{"id":"line\nline"},{"id":"`+long+`"},{"id":"`+long+`r"},{"id":"\u0085"},{"id":"modèle/日本 1"}]}`))
	g := start(t, discovered("p", c))
	if line := g.log.Next(t, "names in the model list are refused"); !strings.Contains(fmt.Sprint(line), `m\x00n`) {
		t.Errorf("the log says %v", line)
	}
	eventually(t, "the others are listed", func() bool { return slices.Equal(g.listed(clientKeyText), []string{"ok", long, "modèle/日本 1"}) })
}

// Names are shown to every client, in lists, usage and metrics: a provider that puts a key or a piece of one into them
// is not listed with it, nor is a name that was listed before it became a secret.
func TestNamesInAModelListThatHoldASecretAreRefused(t *testing.T) {
	const later = "model-that-becomes-a-key"
	c := newCatalogue(t, "m-"+upstreamKeyText, "piece/"+upstreamKeyText[len(upstreamKeyText)-14:], clientKeyText, later, "ok")
	g := start(t, discovered("p", c))
	if line := fmt.Sprint(g.log.Next(t, "names in the model list are refused")); !strings.Contains(line, "models:3") {
		t.Errorf("the log says %v", line)
	}
	eventually(t, "the others are listed", func() bool { return slices.Equal(g.listed(clientKeyText), []string{later, "ok"}) })
	g.Apply(parseConfig(t, discovered("p", c), providerOf("q", listen(t, both), "    model: [m]\n    preferences: {headers: {X-Key: "+later+"}}\n")))
	if got := g.listed(clientKeyText); !slices.Equal(got, []string{"ok", "m"}) {
		t.Errorf("with a new secret are listed %q", got)
	}
	noSecrets(t, g.log.String())
}

func TestModelsOfAProviderWithoutAListAreFound(t *testing.T) {
	c := newCatalogue(t, "b", "a", "b")
	g := start(t, discovered("p", c), providerOf("q", listen(t, both), "    model: [m]\n"))
	g.log.Next(t, "models discovered")
	eventually(t, "the models are listed", func() bool { return slices.Equal(g.listed(clientKeyText), []string{"b", "a", "m"}) })
	for _, model := range []string{"a", "b"} {
		if a := g.chat(strings.Replace(plainRequest, `"m"`, `"`+model+`"`, 1)); a.StatusCode != 200 {
			t.Errorf("%s: %d %s", model, a.StatusCode, a.body)
		}
	}
	for _, r := range c.requests() {
		if r.URL.Path == "/v1/models" && (r.Method != "GET" || r.Header.Get("Authorization") != "Bearer "+upstreamKeyText) {
			t.Errorf("asked by %s with %v", r.Method, r.Header)
		}
	}
	noSecrets(t, g.log.String())
}

// A provider that does not answer must delay neither the start nor a reload nor
// anybody else's requests.
func TestProviderThatDoesNotTellItsModelsDelaysNothing(t *testing.T) {
	c := newCatalogue(t, "late")
	c.hold = make(chan struct{})
	g := start(t, discovered("p", c), providerOf("q", listen(t, both)))
	eventually(t, "the list is asked for", func() bool { return c.asked() == 1 })
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	g.Apply(parseConfig(t, discovered("p", c), providerOf("q2", listen(t, both))))
	if got := g.listed(clientKeyText); !slices.Equal(got, []string{"m"}) {
		t.Errorf("listed %q", got)
	}
	close(c.hold)
	eventually(t, "the late list", func() bool { return slices.Equal(g.listed(clientKeyText), []string{"late", "m"}) })
	if n := c.asked(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestReloadKeepsTheListsAndLetsGoOfRemovedProviders(t *testing.T) {
	kept, gone := newCatalogue(t, "k"), newCatalogue(t, "g")
	g := start(t, discovered("kept", kept), discovered("gone", gone))
	eventually(t, "both lists", func() bool { return len(g.listed(clientKeyText)) == 2 })
	g.Apply(parseConfig(t, discovered("kept", kept), providerOf("new", listen(t, both))))
	if got := g.listed(clientKeyText); !slices.Equal(got, []string{"k", "m"}) { // at once, without asking again
		t.Errorf("after the reload: %q", got)
	}
	if kept.asked() != 1 {
		t.Errorf("asked %d times", kept.asked())
	}
	g.Apply(parseConfig(t, discovered("kept", kept), discovered("gone", gone)))
	eventually(t, "the provider that came back", func() bool { return len(g.listed(clientKeyText)) == 2 })
}

// A list is asked for as the configuration in force says, and kept meanwhile.
func TestReloadChangesHowAListIsAskedFor(t *testing.T) {
	c := newCatalogue(t, "a")
	g := start(t, discovered("p", c))
	eventually(t, "the list", func() bool { return len(g.listed(clientKeyText)) == 1 })
	g.Apply(parseConfig(t, discovered("p", c)+"    preferences:\n      headers:\n        X-Tenant: new\n"))
	if got := g.listed(clientKeyText); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after the reload: %q", got)
	}
	eventually(t, "it is asked for in the new way", func() bool { return c.asked() == 2 })
	all := c.requests()
	if tenant := all[len(all)-1].Header.Get("X-Tenant"); tenant != "new" {
		t.Errorf("asked with %v", all[len(all)-1].Header)
	}
}

func TestDiscoveryLeavesTheConfigurationFileAlone(t *testing.T) {
	c := newCatalogue(t, "a")
	path := filepath.Join(t.TempDir(), "api.yaml")
	text := "providers:\n" + discovered("p", c) + "# a comment\napi_keys:\n  - {api: " + clientKeyText + "}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(path)
	cfg, err := config.Source{Path: path}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, providerOf("q", c.upstream))
	g.Apply(cfg)
	eventually(t, "the model is listed", func() bool { return slices.Equal(g.listed(clientKeyText), []string{"a"}) })
	after, _ := os.Stat(path)
	if now, err := os.ReadFile(path); err != nil || string(now) != text || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the file is now %q, %v", now, err)
	}
}
