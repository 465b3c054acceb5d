package replay

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/loadtest/scripted"
	"uniapi/server/capture"
)

// golden is one of the repository's captures, with texts in it replaced.
func golden(t testing.TB, name string, replace ...string) *capture.File {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "e2e", "captures", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !bytes.Contains(text, []byte(replace[i])) {
			t.Fatalf("%s has no %s", name, replace[i])
		}
	}
	f, err := capture.Read([]byte(strings.NewReplacer(replace...).Replace(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// written is a file with a configuration.
func written(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "api.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	keys     = "api_keys: [{api: sk-first-0123456789abcdef, role: first, model: [all]}, {api: sk-second-0123456789abcdef, role: second, model: [none]}]\n"
	messages = "providers: [{provider: p, base_url: 'https://provider.example/v1/messages', api: '${REPLAY_TEST_IS_NOT_SET}', model: [{claude-mock: m}]%}]\n" + keys
)

func with(more string) string { return strings.Replace(messages, "%", more, 1) }

func TestRunTellsWhatIsAnotherOnTheWire(t *testing.T) {
	mock := httptest.NewServer(scripted.Handler())
	defer mock.Close()
	itself := strings.NewReplacer("https://provider.example", mock.URL, "${REPLAY_TEST_IS_NOT_SET}", "sk-mock").Replace(with(""))
	for _, c := range []struct {
		name      string
		file      *capture.File
		config    string
		key       string
		against   string
		different int
		says      []string
	}{
		{"the same", golden(t, "chat-tools-to-messages"), "", "", "", 0, []string{"the client got: no difference"}},
		{"the same by a file", golden(t, "chat-tools-to-messages"), with(""), "", "", 0, []string{"attempt 1 asked: no difference"}},
		{"members are left out", golden(t, "chat-tools-to-messages"), with(", tools: false"), "", "", 1,
			[]string{"attempt 1 asked: - captured, + replayed", "-tools[0].name: get_weather", "the client got: no difference"}},
		{"another model is asked", golden(t, "chat-tools-to-messages"), strings.Replace(with(""), "claude-mock", "claude-other", 1), "", "", 1, []string{"-model: claude-mock\n", "+model: claude-other"}},
		{"another format is asked", golden(t, "chat-tools-to-messages"), strings.Replace(with(""), "/messages", "/chat/completions", 1), "", "", 3,
			[]string{"-POST /v1/messages", "+POST /v1/chat/completions", "+error.type: not_captured"}},
		{"another key may not use it", golden(t, "chat-tools-to-messages"), with(""), "second", "", 3, []string{"attempt 1 asked: only in the capture", "+status 404"}},
		{"the upstream answered otherwise", golden(t, "chat-tools-to-messages", `\"stop_reason\":\"tool_use\"`, `\"stop_reason\":\"max_tokens\"`), "", "", "", 1,
			[]string{"the client got: - captured, + replayed", "finish_reason"}},
		{"a block of a stream was another", golden(t, "messages-tools-stream-to-chat", `\"type\":\"content_block_stop\",\"index\":0`, `\"type\":\"content_block_end\",\"index\":0`), "", "", "", 1,
			[]string{"-  type: content_block_end", "+  type: content_block_stop"}},
		{"no further answer", golden(t, "chat-failover-stream-to-messages", `"status": 200,`, `"status": 599,`), "", "", "", 1, []string{"the client got"}},
		{"the provider itself", golden(t, "chat-tools-to-messages", "xxxxxx xxxxxxxx xx", "[tool] xxxxxxxx xx"), itself, "", "p", 0, []string{"attempt 1 was answered: no difference"}},
		{"the provider itself has changed", golden(t, "chat-tools-to-messages"), itself, "", "p", 2, []string{"-stop_reason: tool_use", "+stop_reason: end_turn"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Play{File: c.file, Key: c.key, Against: c.against, Within: time.Minute}
			if c.config != "" {
				p.Config = written(t, c.config)
			}
			var out strings.Builder
			different, err := p.Run(t.Context(), &out)
			if err != nil {
				t.Fatal(err)
			}
			if c.different == 0 && different != 0 || c.different > 0 && different < c.different {
				t.Errorf("%d differences, want %d:\n%s", different, c.different, &out)
			}
			for _, says := range c.says {
				if !strings.Contains(out.String(), says) {
					t.Errorf("without %q:\n%s", says, &out)
				}
			}
		})
	}
}

func TestRunPlaysAttemptsThatFailedAsTheyFailed(t *testing.T) {
	for kind, config := range map[string]string{
		"reset": "", "dial": "",
		"first byte timeout": "providers: [{provider: a, engine: gpt, base_url: 'http://upstream.example/v1/chat/completions', api: k, model: [{mock-error500: m}], preferences: {model_timeout: 0.2}}, {provider: b, base_url: 'http://upstream.example/v1/messages', api: k, model: [{claude-mock: m}]}]\npreferences: {cooldown_period: 0}\n" + keys,
	} {
		f := golden(t, "chat-failover-stream-to-messages")
		f.Attempts = f.Attempts[len(f.Attempts)-2:]
		f.Attempts[0].Provider = "another"
		f.Attempts[0].Answer, f.Attempts[0].Failure, f.Attempts[0].Error = nil, kind, "xxx"
		if f.Attempts[0].Format != "openai" {
			t.Fatalf("%+v", f.Attempts[0])
		}
		p := Play{File: f, Within: time.Minute}
		if config != "" {
			p.Config = written(t, config)
		}
		var out strings.Builder
		if _, err := p.Run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "the client got: no difference") {
			t.Errorf("%s:\n%s", kind, &out)
		}
	}
}

func TestRunSaysWhatItCannotPlay(t *testing.T) {
	good := func() *capture.File { return golden(t, "chat-plain") }
	change := func(by func(*capture.File)) *capture.File {
		f := good()
		by(f)
		return f
	}
	for name, c := range map[string]struct {
		play Play
		says string
	}{
		"a request that is cut": {Play{File: change(func(f *capture.File) { f.Client.Request.Cut = true })}, "too long to be captured"},
		"a form": {Play{File: change(func(f *capture.File) {
			f.Client.Request.Headers = []capture.Header{{Name: "content-type", Value: "multipart/form-data"}}
		})}, "a form"},
		"an answer that is cut":    {Play{File: change(func(f *capture.File) { f.Attempts[0].Answer.Cut = true })}, "--against"},
		"an unknown format":        {Play{File: change(func(f *capture.File) { f.Attempts[0].Format = "morse" })}, "--config"},
		"no configuration":         {Play{File: good(), Config: "nowhere.yaml"}, "nowhere.yaml"},
		"no such key":              {Play{File: good(), Config: written(t, with("")), Key: "third"}, `"third"`},
		"no such provider":         {Play{File: good(), Config: written(t, with("")), Against: "q"}, `"q"; there are: p`},
		"nothing is served there":  {Play{File: change(func(f *capture.File) { f.Client.Request.URL = "/nowhere" })}, "refused the request with 404"},
		"an address that is none":  {Play{File: change(func(f *capture.File) { f.Client.Request.URL = "://" })}, "no path"},
		"a path that is none":      {Play{File: change(func(f *capture.File) { f.Client.Request.URL = "/%zz" })}, "sending the request"},
		"an upstream that is none": {Play{File: change(func(f *capture.File) { f.Attempts[0].Request.URL = "::" })}, "--config"},
		"a status below all":       {Play{File: change(func(f *capture.File) { f.Attempts[0].Answer.Status = -1 })}, "the status -1"},
		"no status":                {Play{File: change(func(f *capture.File) { f.Attempts[0].Answer.Status = 0 })}, "the status 0"},
		"a status above all":       {Play{File: change(func(f *capture.File) { f.Attempts[0].Answer.Status = 1000 })}, "the status 1000"},
		"a page of the gateway": {Play{File: change(func(f *capture.File) {
			f.Client.Request.Method, f.Client.Request.URL = "GET", "/v1/api_config?reveal=true"
		}), Config: written(t, strings.Replace(with(""), "role: first", "role: admin", 1))}, "answered /v1/api_config?reveal=true itself, so"},
		"a time that is too short": {Play{File: good(), Within: time.Nanosecond}, "not ended within"},
	} {
		if c.play.Within == 0 {
			c.play.Within = time.Minute
		}
		if _, err := c.play.Run(t.Context(), new(strings.Builder)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A capture may come from anybody: the client key goes to the gateway, and to nobody whose address could be made of the
// gateway's and what stands in the file.
func TestRunSendsTheKeyToTheGatewayAlone(t *testing.T) {
	asked := make(chan string, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header.Get("Authorization") }))
	defer other.Close()
	at := strings.TrimPrefix(other.URL, "http://")
	for _, url := range []string{"@" + at + "/v1/chat/completions", "x@" + at, "0/v1/chat/completions", ".example/v1", other.URL, "?@" + at, "#@" + at, `\@` + at, ""} {
		f := golden(t, "chat-plain")
		f.Client.Request.URL = url
		p := Play{File: f, Config: written(t, with("")), Within: time.Minute}
		if _, err := p.Run(t.Context(), new(strings.Builder)); err == nil || !strings.Contains(err.Error(), "no path") {
			t.Errorf("%q: %v", url, err)
		}
		select {
		case key := <-asked:
			t.Errorf("%q sent %q elsewhere", url, key)
		default:
		}
	}
}

// A capture may come from anybody: what is named in it by an address is not fetched, from wherever the configuration
// allows.
func TestRunFetchesNothing(t *testing.T) {
	var fetched atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	defer other.Close()
	f := golden(t, "chat-image-to-gemini")
	body := `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"` + other.URL + `/x.png"}}]}]}`
	f.Client.Request.Pieces = []capture.Piece{{Text: body}}
	p := Play{File: f, Within: time.Minute, Config: written(t, "providers: [{provider: p, base_url: 'https://generativelanguage.example/v1beta', engine: gemini, api: k, model: [{gemini-mock: m}]}]\n"+
		"preferences: {image_fetch: {allow: [127.0.0.1]}}\n"+keys)}
	var out strings.Builder
	if _, err := p.Run(t.Context(), &out); err != nil || !strings.Contains(out.String(), "attempt 1 asked: only in the capture") {
		t.Errorf("%v\n%s", err, &out)
	}
	if n := fetched.Load(); n > 0 {
		t.Errorf("it was fetched %d times", n)
	}
}

// A capture may come from anybody: whatever stands in it, the configuration of it is one or an error.
func FuzzConfigOf(f *testing.F) {
	for _, name := range []string{"chat-plain", "gemini-tools", "chat-tool-results-to-converse", "chat-unknown-model"} {
		text, err := golden(f, name).JSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := capture.Read(text)
		if err != nil {
			return
		}
		if cfg, err := configOf(file); err == nil && (len(cfg.Providers) == 0 || len(cfg.APIKeys) != 1) {
			t.Errorf("a configuration of %d providers", len(cfg.Providers))
		}
		file.Sections(capture.Exact)
		file.Sections(capture.Forms)
	})
}
