package discovery

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/pooltest"
	"uniapi/pool/provider"
	"uniapi/server/servertest"
)

// catalogue is a provider whose model list a test can change.
type catalogue struct {
	*servertest.Upstream
	mu   sync.Mutex
	list string        // what it answers
	cut  bool          // it hangs up after each answer
	hold chan struct{} // if set, it answers only when this is closed
}

func newCatalogue(t testing.TB, models ...string) *catalogue {
	c := &catalogue{}
	c.set(models...)
	c.Upstream = servertest.Listen(t, func(p *pooltest.Peer, r servertest.Seen) bool {
		c.mu.Lock()
		list, cut, hold := c.list, c.cut, c.hold
		c.mu.Unlock()
		if hold != nil {
			<-hold
		}
		p.Say(list)
		return !cut
	})
	return c
}

// say sets the answer, after which the connection stays as long as the client likes.
func (c *catalogue) say(answer string) { c.answer(answer, false) }

func (c *catalogue) answer(answer string, cut bool) {
	c.mu.Lock()
	c.list, c.cut = answer, cut
	c.mu.Unlock()
}

func (c *catalogue) set(models ...string) {
	entries := make([]string, len(models))
	for i, m := range models {
		entries[i] = fmt.Sprintf(`{"id":%q,"object":"model"}`, m)
	}
	c.say(servertest.Reply(200, servertest.JSON, `{"object":"list","data":[`+strings.Join(entries, ",")+`]}`))
}

// discovered is a provider whose models are to be found.
func discovered(name string, c *catalogue) string {
	return fmt.Sprintf("  - provider: %s\n    base_url: http://%s/v1/chat/completions\n    api: [%s, sk-second]\n", name, c.Addr, servertest.UpstreamKey)
}

// isKey says whether a name holds the provider's key.
func isKey(name string) bool { return strings.Contains(name, servertest.UpstreamKey) }

func TestNamesThatAreNoNamesAndThoseBeyondTheMostAreRefused(t *testing.T) {
	long := strings.Repeat("n", mostModelName)
	good, bad := NamesOnly([]string{"m\x00n", "ok", "line\nline", long, long + "r", "\u0085", "modèle/日本 1", "\xff", "m-" + servertest.UpstreamKey}, isKey)
	if !slices.Equal(good, []string{"ok", long, "modèle/日本 1"}) || len(bad) != 6 {
		t.Errorf("taken are %q, refused %q", good, bad)
	}
	good, bad = NamesOnly([]string{"\u202egpt", "gp\u200bt", "gpt\u2028", "\ufeffgpt", " gpt", "gpt\u00a0", "gpt ", "gpt-5.2 (new)", "gé/🙂"}, isKey)
	if !slices.Equal(good, []string{"gpt-5.2 (new)", "gé/🙂"}) || len(bad) != 7 {
		t.Errorf("of names that look like others %q are taken, refused %q", good, bad)
	}
	good, bad = NamesOnly(slices.Repeat([]string{"m"}, mostListed+5), isKey)
	if len(good) != mostListed || len(bad) != 5 {
		t.Errorf("of a long list %d are taken and %d refused", len(good), len(bad))
	}
}

// One of several keys that is dead, out of money or limited must not hide what the provider has.
func TestModelsAreFoundWithAnyKeyThatWorks(t *testing.T) {
	for name, test := range map[string]struct {
		first string   // what the list is answered to the first key
		want  []string // the keys by which two looks ask
	}{
		"refused":       {servertest.Reply(401, servertest.JSON, `{"error":{"message":"no such key"}}`), []string{servertest.UpstreamKey, "sk-second", "sk-second"}},
		"no list":       {servertest.Reply(200, "text/html", "<html>log in</html>"), []string{servertest.UpstreamKey, "sk-second", "sk-second"}},
		"limited":       {servertest.Reply(429, servertest.JSON, `{}`), []string{servertest.UpstreamKey, "sk-second", "sk-second"}},
		"breaking off":  {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", []string{servertest.UpstreamKey, "sk-second", "sk-second"}},
		"good":          {servertest.Reply(200, servertest.JSON, `{"data":[{"id":"found"}]}`), []string{servertest.UpstreamKey, servertest.UpstreamKey}},
		"without lists": {servertest.Reply(404, servertest.JSON, `{}`), []string{servertest.UpstreamKey, servertest.UpstreamKey}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan string, 10)
			up := servertest.Listen(t, func(p *pooltest.Peer, r servertest.Seen) bool {
				key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				asked <- key
				if key == servertest.UpstreamKey {
					p.Say(test.first)
					return false
				}
				p.Say(servertest.Reply(200, servertest.JSON, `{"data":[{"id":"found"}]}`))
				return true
			})
			p := pool.New(pool.Options{})
			defer p.Close()
			cfg := servertest.Config(t, servertest.Provider("p", up, "    api: ["+servertest.UpstreamKey+", sk-second]\n"))
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

// lookOut runs discovery alone, with short times.
func lookOut(t *testing.T, c *catalogue) (d *Lists, cfg *config.Config, log *servertest.Log, changes chan []config.Model) {
	t.Helper()
	return lookOutFor(t, c, longestLook)
}

func lookOutFor(t *testing.T, c *catalogue, longest time.Duration) (d *Lists, cfg *config.Config, log *servertest.Log, changes chan []config.Model) {
	t.Helper()
	log, changes = servertest.NewLog(), make(chan []config.Model, 100)
	cfg = servertest.Config(t, discovered("p", c))
	connections := pool.New(pool.Options{})
	t.Cleanup(connections.Close)
	channel, err := provider.NewAdapters(connections).Channel(cfg, cfg.Providers[0])
	if err != nil {
		t.Fatal(err)
	}
	d, err = New(slog.New(slog.NewJSONHandler(log, nil)), isKey, func() { changes <- d.Models(cfg.Providers[0]) })
	if err != nil {
		t.Fatal(err)
	}
	d.again, d.retry, d.look = 40*time.Millisecond, 10*time.Millisecond, longest
	d.Watch(cfg, []*provider.Channel{channel})
	t.Cleanup(d.Close)
	return d, cfg, log, changes
}

func names(models []config.Model) string {
	var all []string
	for _, m := range models {
		all = append(all, m.Alias)
	}
	return strings.Join(all, " ")
}

func TestChangedListIsTakenUp(t *testing.T) {
	c := newCatalogue(t, "a")
	_, _, _, changes := lookOut(t, c)
	if got := names(servertest.Receive(t, changes, "the first list")); got != "a" {
		t.Errorf("%q", got)
	}
	c.set("a", "b")
	if got := names(servertest.Receive(t, changes, "the changed list")); got != "a b" {
		t.Errorf("%q", got)
	}
	asked := len(c.Requests())
	servertest.Eventually(t, "it is asked again", func() bool { return len(c.Requests()) >= asked+2 })
	if len(changes) != 0 {
		t.Error("an unchanged list was taken for a changed one")
	}
}

func TestProviderThatFailsKeepsItsListAndComesBack(t *testing.T) {
	for name, broken := range map[string]string{
		"500":             servertest.Reply(500, servertest.JSON, servertest.ErrorBody("broken "+servertest.UpstreamKey)),
		"401":             servertest.Reply(401, servertest.JSON, servertest.ErrorBody("Incorrect API key provided: "+servertest.UpstreamKey)),
		"an empty list":   servertest.Reply(200, servertest.JSON, `{"object":"list","data":[]}`),
		"an error object": servertest.Reply(200, servertest.JSON, servertest.ErrorBody("broken")),
		"a page":          servertest.Reply(200, "text/html", "<html></html>"),
		"a cut answer":    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n{",
		"what is no HTTP": "hello\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCatalogue(t)
			c.answer(broken, name == "a cut answer")
			d, cfg, log, changes := lookOut(t, c)
			for range 3 {
				line := log.Next(t, "the model list could not be read; the provider serves what was known before")
				if line["provider"] != "p" || line["error"] == "" {
					t.Errorf("%v", line)
				}
			}
			if got := d.Models(cfg.Providers[0]); len(got) != 0 {
				t.Errorf("models %v", got)
			}
			c.set("a", "b")
			if got := names(servertest.Receive(t, changes, "the list")); got != "a b" {
				t.Errorf("%q", got)
			}
			c.answer(broken, name == "a cut answer")
			log.Next(t, "the model list could not be read; the provider serves what was known before")
			if got := names(d.Models(cfg.Providers[0])); got != "a b" {
				t.Errorf("kept %q", got)
			}
			if text := log.String(); strings.Contains(text, servertest.UpstreamKey) {
				t.Errorf("a secret is shown in %s", text)
			}
		})
	}
}

func TestLookOutForARemovedProviderStops(t *testing.T) {
	c := newCatalogue(t, "a")
	d, _, _, changes := lookOut(t, c)
	servertest.Receive(t, changes, "the first list")
	empty := servertest.Config(t, servertest.Provider("q", c.Upstream))
	d.Watch(empty, make([]*provider.Channel, 1))
	d.group.Wait() // hangs unless the look-out has ended
	if len(d.running) != 0 {
		t.Errorf("%d look-outs", len(d.running))
	}
}

// The provider hangs: an end must not wait for its time-out.
func TestLookOutEndsInTheMiddleOfAQuestion(t *testing.T) {
	c := newCatalogue(t, "a")
	c.hold = make(chan struct{})
	defer close(c.hold)
	d, _, _, _ := lookOut(t, c)
	servertest.Eventually(t, "the list is asked for", func() bool { return len(c.Requests()) == 1 })
	began := time.Now()
	d.Watch(servertest.Config(t, servertest.Provider("q", c.Upstream)), make([]*provider.Channel, 1))
	d.group.Wait()
	if took := time.Since(began); took > discoveryLimits.FirstByte/2 {
		t.Errorf("it took %v", took)
	}
}

// A list that comes without an end keeps the next one from being read for so long and no longer.
func TestLookHasAnEnd(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t)
	c.say("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
	began := time.Now()
	_, _, log, changes := lookOutFor(t, c, 100*time.Millisecond)
	log.Next(t, "the model list could not be read; the provider serves what was known before")
	c.set("a")
	if got := names(servertest.Receive(t, changes, "the list")); got != "a" || time.Since(began) > discoveryLimits.Idle/2 {
		t.Errorf("%q after %v", got, time.Since(began))
	}
}

// A look-out is one of a provider and of the way in which it is asked: another way begins another one.
func TestThereIsOneLookOutForEachProviderInTheWayItIsAsked(t *testing.T) {
	c, other := newCatalogue(t, "a"), newCatalogue(t, "b")
	d, cfg, _, changes := lookOut(t, c)
	servertest.Receive(t, changes, "the first list")
	channels := func(cfg *config.Config) (all []*provider.Channel) {
		connections := pool.New(pool.Options{})
		t.Cleanup(connections.Close)
		for _, p := range cfg.Providers {
			channel, err := provider.NewAdapters(connections).Channel(cfg, p)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, channel)
		}
		return all
	}
	for _, test := range []struct {
		what string
		cfg  *config.Config
		want int
	}{
		{"the same provider", cfg, 1},
		{"another beside it", servertest.Config(t, discovered("p", c), discovered("q", other)), 2},
		{"the other gone", servertest.Config(t, discovered("p", c), servertest.Provider("q", other.Upstream)), 1},
		{"another header", servertest.Config(t, discovered("p", c)+"    preferences:\n      headers:\n        X-Tenant: new\n"), 1},
	} {
		d.Watch(test.cfg, channels(test.cfg))
		if d.mu.Lock(); len(d.running) != test.want {
			t.Errorf("%s: %d look-outs, not %d", test.what, len(d.running), test.want)
		}
		d.mu.Unlock()
	}
	servertest.Eventually(t, "it is asked in the new way", func() bool {
		all := c.Requests()
		return all[len(all)-1].Header.Get("X-Tenant") == "new"
	})
}
