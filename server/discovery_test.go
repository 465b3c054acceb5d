package server

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/provider"
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
	long := strings.Repeat("n", mostModelName)
	c := newCatalogue(t)
	c.say(reply(200, jsonKind, `{"data":[{"id":"m\u0000n"},{"id":"ok"},{"id":"line\nline"},{"id":"`+long+`"},{"id":"`+long+`r"},{"id":"\u0085"},{"id":"modèle/日本 1"}]}`))
	g := start(t, discovered("p", c))
	if line := g.log.next(t, "names in the model list are refused"); !strings.Contains(fmt.Sprint(line), `m\x00n`) {
		t.Errorf("the log says %v", line)
	}
	eventually(t, "the others are listed", func() bool { return slices.Equal(g.listed(clientKeyText), []string{"ok", long, "modèle/日本 1"}) })
	good, bad := namesOnly(slices.Repeat([]string{"m"}, mostListed+5))
	if len(good) != mostListed || len(bad) != 5 {
		t.Errorf("of a long list %d are taken and %d refused", len(good), len(bad))
	}
}

func TestModelsOfAProviderWithoutAListAreFound(t *testing.T) {
	c := newCatalogue(t, "b", "a", "b")
	g := start(t, discovered("p", c), providerOf("q", listen(t, both), "    model: [m]\n"))
	g.log.next(t, "models discovered")
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

// One of several keys that is dead, out of money or limited must not hide what the provider has.
func TestModelsAreFoundWithAnyKeyThatWorks(t *testing.T) {
	for name, test := range map[string]struct {
		first string   // what the list is answered to the first key
		want  []string // the keys by which two looks ask
	}{
		"refused":       {reply(401, jsonKind, `{"error":{"message":"no such key"}}`), []string{upstreamKeyText, "sk-second", "sk-second"}},
		"no list":       {reply(200, "text/html", "<html>log in</html>"), []string{upstreamKeyText, "sk-second", "sk-second"}},
		"limited":       {reply(429, jsonKind, `{}`), []string{upstreamKeyText, "sk-second", "sk-second"}},
		"breaking off":  {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", []string{upstreamKeyText, "sk-second", "sk-second"}},
		"good":          {reply(200, jsonKind, `{"data":[{"id":"found"}]}`), []string{upstreamKeyText, upstreamKeyText}},
		"without lists": {reply(404, jsonKind, `{}`), []string{upstreamKeyText, upstreamKeyText}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan string, 10)
			up := listen(t, func(p *peer, r seen) bool {
				key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				asked <- key
				if key == upstreamKeyText {
					p.say(test.first)
					return false
				}
				p.say(reply(200, jsonKind, `{"data":[{"id":"found"}]}`))
				return true
			})
			p := pool.New(pool.Options{})
			defer p.Close()
			cfg := parseConfig(t, providerOf("p", up, "    api: ["+upstreamKeyText+", sk-second]\n"))
			channel, err := provider.NewAdapters(p).Channel(cfg, cfg.Providers[0])
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if ids, err := channel.Models(new(pool.Call), discoveryLimits); name != "without lists" && (err != nil || !slices.Equal(ids, []string{"found"})) {
					t.Errorf("%q %v", ids, err)
				}
			}
			var got []string
			for range len(asked) {
				got = append(got, <-asked)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("asked with %q, not %q", got, test.want)
			}
		})
	}
}

// A provider that does not answer must delay neither the start nor a reload nor
// anybody else's requests.
func TestAProviderThatDoesNotTellItsModelsDelaysNothing(t *testing.T) {
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

func TestAReloadKeepsTheListsAndLetsGoOfRemovedProviders(t *testing.T) {
	kept, gone := newCatalogue(t, "k"), newCatalogue(t, "g")
	g := start(t, discovered("kept", kept), discovered("gone", gone))
	eventually(t, "both lists", func() bool { return len(g.listed(clientKeyText)) == 2 })
	g.Apply(parseConfig(t, discovered("kept", kept), providerOf("new", listen(t, both))))
	if got := g.listed(clientKeyText); !slices.Equal(got, []string{"k", "m"}) { // at once, without asking again
		t.Errorf("after the reload: %q", got)
	}
	g.discovery.mu.Lock()
	running := len(g.discovery.running)
	g.discovery.mu.Unlock()
	if running != 1 {
		t.Errorf("%d look-outs", running)
	}
	if kept.asked() != 1 {
		t.Errorf("asked %d times", kept.asked())
	}
	g.Apply(parseConfig(t, discovered("kept", kept), discovered("gone", gone)))
	eventually(t, "the provider that came back", func() bool { return len(g.listed(clientKeyText)) == 2 })
}

// A list is asked for as the configuration in force says, and kept meanwhile.
func TestAReloadChangesHowAListIsAskedFor(t *testing.T) {
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
	g.discovery.mu.Lock()
	defer g.discovery.mu.Unlock()
	if len(g.discovery.running) != 1 {
		t.Errorf("%d look-outs", len(g.discovery.running))
	}
}

// lookOut runs discovery alone, with short times.
func lookOut(t *testing.T, c *catalogue) (d *discovery, cfg *config.Config, log *logLines, changes chan []config.Model) {
	t.Helper()
	log, changes = newLogLines(), make(chan []config.Model, 100)
	cfg = parseConfig(t, discovered("p", c))
	connections := pool.New(pool.Options{})
	t.Cleanup(connections.Close)
	channel, err := provider.NewAdapters(connections).Channel(cfg, cfg.Providers[0])
	if err != nil {
		t.Fatal(err)
	}
	d, err = newDiscovery(slog.New(slog.NewJSONHandler(log, nil)), func() { changes <- d.models(cfg.Providers[0]) })
	if err != nil {
		t.Fatal(err)
	}
	d.again, d.retry = 40*time.Millisecond, 10*time.Millisecond
	d.watch(cfg, []*provider.Channel{channel})
	t.Cleanup(d.close)
	return d, cfg, log, changes
}

func names(models []config.Model) string {
	var all []string
	for _, m := range models {
		all = append(all, m.Alias)
	}
	return strings.Join(all, " ")
}

func TestAChangedListIsTakenUp(t *testing.T) {
	c := newCatalogue(t, "a")
	_, _, _, changes := lookOut(t, c)
	if got := names(receive(t, changes, "the first list")); got != "a" {
		t.Errorf("%q", got)
	}
	c.set("a", "b")
	if got := names(receive(t, changes, "the changed list")); got != "a b" {
		t.Errorf("%q", got)
	}
	asked := c.asked()
	eventually(t, "it is asked again", func() bool { return c.asked() >= asked+2 })
	if len(changes) != 0 {
		t.Error("an unchanged list was taken for a changed one")
	}
}

func TestAProviderThatFailsKeepsItsListAndComesBack(t *testing.T) {
	for name, broken := range map[string]string{
		"500":             reply(500, jsonKind, errorBody("broken "+upstreamKeyText)),
		"401":             reply(401, jsonKind, errorBody("Incorrect API key provided: "+upstreamKeyText)),
		"an empty list":   reply(200, jsonKind, `{"object":"list","data":[]}`),
		"an error object": reply(200, jsonKind, errorBody("broken")),
		"a page":          reply(200, "text/html", "<html></html>"),
		"a cut answer":    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n{",
		"what is no HTTP": "hello\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCatalogue(t)
			c.say(broken)
			if name == "a cut answer" {
				c.upstream.stop()
				c.upstream = listen(t, func(p *peer, r seen) bool {
					c.mu.Lock()
					defer c.mu.Unlock()
					p.say(c.list)
					return c.list != broken
				})
			}
			d, cfg, log, changes := lookOut(t, c)
			for range 3 {
				line := log.next(t, "the model list could not be read; the provider serves what was known before")
				if line["provider"] != "p" || line["error"] == "" {
					t.Errorf("%v", line)
				}
			}
			if got := d.models(cfg.Providers[0]); len(got) != 0 {
				t.Errorf("models %v", got)
			}
			c.set("a", "b")
			if got := names(receive(t, changes, "the list")); got != "a b" {
				t.Errorf("%q", got)
			}
			c.say(broken)
			log.next(t, "the model list could not be read; the provider serves what was known before")
			if got := names(d.models(cfg.Providers[0])); got != "a b" {
				t.Errorf("kept %q", got)
			}
			noSecrets(t, log.String())
		})
	}
}

func TestTheLookOutForARemovedProviderStops(t *testing.T) {
	c := newCatalogue(t, "a")
	d, _, _, changes := lookOut(t, c)
	receive(t, changes, "the first list")
	empty := parseConfig(t, providerOf("q", c.upstream))
	d.watch(empty, make([]*provider.Channel, 1))
	d.group.Wait() // hangs unless the look-out has ended
	if len(d.running) != 0 {
		t.Errorf("%d look-outs", len(d.running))
	}
}

// The provider hangs: an end must not wait for its time-out.
func TestTheLookOutEndsInTheMiddleOfAQuestion(t *testing.T) {
	c := newCatalogue(t, "a")
	c.hold = make(chan struct{})
	defer close(c.hold)
	d, _, _, _ := lookOut(t, c)
	eventually(t, "the list is asked for", func() bool { return c.asked() == 1 })
	began := time.Now()
	d.watch(parseConfig(t, providerOf("q", c.upstream)), make([]*provider.Channel, 1))
	d.group.Wait()
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
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
