package provider

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/pooltest"
)

func TestEngineFollowsFromTheAddress(t *testing.T) {
	for address, want := range map[string]Engine{
		"https://api.openai.com/v1/chat/completions":                                               EngineGPT,
		"https://api.openai.com/v1":                                                                EngineGPT, // uni-api takes it for Gemini
		"https://api.groq.com/openai/v1/chat/completions":                                          EngineGPT,
		"https://openrouter.ai/api/v1/chat/completions":                                            EngineGPT,
		"https://api.x.ai/v1/chat/completions":                                                     EngineGPT,
		"https://models.inference.ai.azure.com/chat/completions":                                   EngineGPT,
		"https://generativelanguage.googleapis.com/v1beta/openai/chat/completions":                 EngineGPT,
		"https://gateway.ai.cloudflare.com/v1/a/g/google-ai-studio/v1beta/openai/chat/completions": EngineGPT,
		"https://generativelanguage.googleapis.com/v1beta":                                         EngineGemini,
		"https://gateway.ai.cloudflare.com/v1/a/g/google-ai-studio/v1beta":                         EngineGemini,
		"https://gateway.ai.cloudflare.com/v1/a/g/google-vertex-ai":                                EngineVertex,
		"https://us-central1-aiplatform.googleapis.com/":                                           EngineVertex,
		"https://e.openai.azure.com":                                                               EngineAzure,
		"https://e.services.ai.azure.com/models/chat/completions":                                  EngineAzure,
		"https://ws.azuredatabricks.net":                                                           EngineDatabricks,
		"https://api.anthropic.com/v1/messages":                                                    EngineClaude,
		"https://relay.example/anthropic/v1/messages":                                              EngineClaude,
		"https://relay.example/v1/responses":                                                       EngineResponses,
		"https://bedrock-runtime.us-east-1.amazonaws.com":                                          EngineAWS,
		"https://api.cohere.com/v2/chat":                                                           EngineCohere,
		"https://ark.cn-beijing.volces.com/api/v3/responses":                                       engineTranslation,
		"https://ark.cn-beijing.volces.com/api/v3/chat/completions":                                EngineGPT,
		"https://s.jina.ai":                                                                        EngineSearch,
		"https://eu.s.jina.ai/":                                                                    EngineSearch,
		"https://api.jina.ai/v1":                                                                   EngineGPT,
		"https://api.tavily.com/search":                                                            EngineSearch,
		"https://api.cloudflare.com/":                                                              EngineCloudflare,
	} {
		if got, err := DetectEngine(&config.Provider{BaseURL: address}); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", address, got, err, want)
		}
	}
	if got, _ := DetectEngine(&config.Provider{BaseURL: "https://api.anthropic.com/v1/messages", Engine: "GPT"}); got != EngineGPT {
		t.Errorf("engine: GPT gives %s", got)
	}
}

func TestEndpointTakesThePlaceOfTheOneInTheAddress(t *testing.T) {
	for _, test := range []struct{ base, endpoint, want string }{
		{"https://api.openai.com/v1/chat/completions", "models", "/v1/models"},
		{"https://api.openai.com/v1/", "chat/completions", "/v1/chat/completions"},
		{"https://api.openai.com", "chat/completions", "/chat/completions"},
		{"https://open.bigmodel.cn/api/paas/v4/chat/completions", "embeddings", "/api/paas/v4/embeddings"},
		{"https://api.deepseek.com/chat/completions", "models", "/models"},
		{"https://x.example/v1/images/generations", "images/generations", "/v1/images/generations"},
		{"https://x.example/v1/chat/completions?tenant=a%20b", "models", "/v1/models?tenant=a%20b"},
		{"https://x.example/v%2F1/chat/completions", "chat/completions", "/v%2F1/chat/completions"},
	} {
		base, err := url.Parse(test.base)
		if err != nil {
			t.Fatal(err)
		}
		if got := endpointPath(base, test.endpoint); got != test.want {
			t.Errorf("%s with %s: %s, want %s", test.base, test.endpoint, got, test.want)
		}
	}
}

func TestProvidersHeadersOverruleOurs(t *testing.T) {
	p := &config.Provider{Keys: []string{"k1", "k2"}}
	p.Preferences.Headers = []config.Header{{Name: "user-agent", Value: "mine"}, {Name: "X-New", Value: "n"}}
	lines := perKey(p, func(key string) []config.Header {
		return []config.Header{{Name: "Authorization", Value: "Bearer " + key}}
	})
	if len(lines) != 2 {
		t.Fatalf("%d headers for two keys", len(lines))
	}
	for i, key := range []string{"k1", "k2"} {
		text := string(lines[i])
		for _, line := range []string{"user-agent: mine\r\n", "X-New: n\r\n", "Authorization: Bearer " + key + "\r\n"} {
			if !strings.Contains(text, line) {
				t.Errorf("header %q lacks %q", text, line)
			}
		}
		if strings.Contains(text, "uni-api") {
			t.Errorf("header %q names two user agents", text)
		}
	}
}

func TestModelListsAreReadInTheFormsThatProvidersGive(t *testing.T) {
	for _, test := range []struct {
		name, body string
		want       []string
	}{
		{"OpenAI's", `{"object":"list","data":[{"id":"a"},{"id":"b"},{"id":"a"}]}`, []string{"a", "b"}},
		{"Gemini's", `{"models":[{"name":"models/g"}]}`, []string{"models/g"}},
		{"an empty one", `{"data":[]}`, nil},
		{"an error", `{"error":{"message":"no"}}`, nil},
		{"a page", `<html>`, nil},
		{"something else", `{"data":{"id":"a"}}`, nil},
		{"nothing in one place", `{"data":null,"models":[{"id":"a"}]}`, []string{"a"}},
		{"entries that are none", `{"data":[{"id":5},7,null,{},[],{"id":["a"]},{"id":"a","name":true},{"id":"b"}]}`, []string{"b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := modelIDs([]byte(test.body))
			if !slices.Equal(got, test.want) || (err == nil) != (test.want != nil) {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestGitHubsModelsAreKnownWithoutAsking(t *testing.T) {
	p := pool.New(pool.Options{})
	defer p.Close()
	channel, err := NewAdapters(p).Channel(&config.Config{}, &config.Provider{BaseURL: "https://models.inference.ai.azure.com/chat/completions", Keys: []string{"k"}})
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := channel.Models(new(pool.Call), pool.Deadlines{}); err != nil || !slices.Contains(ids, "gpt-4o") {
		t.Errorf("%q, %v", ids, err)
	}
}

func TestEveryEngineThatIsServedHasADialectAndNoOther(t *testing.T) {
	var listed []Engine
	for _, e := range config.Engines {
		if _, has := engines[Engine(e.Name)]; has != (e.Unserved == "") {
			t.Errorf("engine %s: served %v, a dialect %v", e.Name, e.Unserved == "", has)
		}
		listed = append(listed, Engine(e.Name))
	}
	for name := range engines {
		if !slices.Contains(listed, name) {
			t.Errorf("engine %s has a dialect and is not in config.Engines", name)
		}
	}
}

func TestEngineThatIsNotServedSaysWhy(t *testing.T) {
	p := pool.New(pool.Options{})
	defer p.Close()
	for engine, want := range map[string]string{
		"lingjing": `engine "lingjing" is not served: videos are not made here`,
		"codex":    `engine "codex" is not served: subscriptions of ChatGPT are not used here; with an API key of OpenAI's write engine: gpt, or engine: responses`,
		"cluade":   `engine "cluade" is not known: did you mean "claude"?`,
		"telepath": `engine "telepath" is not known; it is one of gpt, claude, `,
	} {
		_, err := NewAdapters(p).Channel(&config.Config{}, &config.Provider{BaseURL: "https://x.example", Engine: engine})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", engine, err)
		}
	}
}

func TestModelListIsAskedForWithTheFirstKey(t *testing.T) {
	asked := make(chan string, 1)
	up := pooltest.Listen(t, func(p *pooltest.Peer) {
		for {
			req, _, ok := p.Request()
			if !ok {
				return
			}
			asked <- req.Method + " " + req.URL.String() + " " + req.Header.Get("Authorization")
			p.Say("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{\"data\":[{\"id\":\"vendor/a-1\"}]}")
		}
	})
	p := openPool(t)
	channel, err := NewAdapters(p).Channel(&config.Config{}, &config.Provider{BaseURL: "http://" + up.Addr + "/v1/chat/completions?tenant=x", Keys: []string{"first", "second"}})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := channel.Models(new(pool.Call), unhurried)
	if err != nil || !slices.Equal(ids, []string{"vendor/a-1"}) {
		t.Errorf("%q, %v", ids, err)
	}
	if got := <-asked; got != "GET /v1/models?tenant=x Bearer first" {
		t.Errorf("asked %q", got)
	}
}

// A key may stand in the query of the address, and errors are logged.
func TestModelListThatIsRefusedDoesNotRepeatTheAddressesQuery(t *testing.T) {
	up := pooltest.Listen(t, pooltest.Always("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
	p := openPool(t)
	channel, err := NewAdapters(p).Channel(&config.Config{}, &config.Provider{BaseURL: "http://" + up.Addr + "/v1?key=hunter22"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = channel.Models(new(pool.Call), unhurried)
	if err == nil || !strings.Contains(err.Error(), "/v1/models") || !strings.Contains(err.Error(), "404") || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("%v", err)
	}
}

func FuzzModelIDs(f *testing.F) {
	f.Add([]byte(`{"object":"list","data":[{"id":"a"},{"id":"b"},{"id":"a"}]}`))
	f.Add([]byte(`{"models":[{"name":"models/g"},{"id":"x","name":"y"}]}`))
	f.Add([]byte(`{"data":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ids, err := modelIDs(body)
		if (err == nil) != (len(ids) > 0) || slices.Contains(ids, "") {
			t.Errorf("%q, %v", ids, err)
		}
	})
}

func TestWhoSharesConnectionsIsSaidForAllAndByProviders(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		global bool
		own    *bool
		owner  string
	}{
		{false, nil, ""}, {false, &yes, "sk-client"}, {false, &no, ""},
		{true, nil, "sk-client"}, {true, &yes, "sk-client"}, {true, &no, ""},
	} {
		p := openPool(t)
		cfg := &config.Config{Preferences: config.Preferences{IsolateKeys: tt.global}}
		provider := &config.Provider{Name: "p", BaseURL: "http://127.0.0.1:1/v1"}
		provider.Preferences.IsolateKeys = tt.own
		c, err := NewAdapters(p).Channel(cfg, provider)
		if err != nil {
			t.Fatal(err)
		}
		req := &pool.Request{Owner: "of the request before"}
		if _, err := c.Prepare(new(pool.Call), req, Ask{Endpoint: Chat, Model: "m"}, "sk-client"); err != nil || req.Owner != tt.owner {
			t.Errorf("%+v: owner %q, %v", tt, req.Owner, err)
		}
	}
}

// What is known of a channel's times outlives a reload, and is that of one kind of request alone.
func TestTimesAreKnownByModelEndpointAndKindOfAnswer(t *testing.T) {
	a := NewAdapters(openPool(t))
	pace := func(name string, ask Ask) *pool.Pace {
		t.Helper()
		c, err := a.Channel(&config.Config{}, &config.Provider{Name: name, BaseURL: "http://127.0.0.1:1/v1", Keys: []string{"a", "b"}})
		if err != nil {
			t.Fatal(err)
		}
		var req pool.Request
		if _, err := c.Prepare(new(pool.Call), &req, ask, "sk-client"); err != nil {
			t.Fatal(err)
		}
		return req.Pace
	}
	first := pace("p", Ask{Endpoint: Chat, Model: "m"})
	if again := pace("p", Ask{Endpoint: Chat, Model: "m", Key: 1}); again != first {
		t.Error("they are forgotten")
	}
	for _, other := range []*pool.Pace{
		pace("q", Ask{Endpoint: Chat, Model: "m"}), pace("p", Ask{Endpoint: Chat, Model: "n"}),
		pace("p", Ask{Endpoint: Embeddings, Model: "m"}), pace("p", Ask{Endpoint: Chat, Model: "m", Stream: true}),
	} {
		if other == first {
			t.Error("what does not compare is compared")
		}
	}
}

func TestModelListsAreAskedForAlone(t *testing.T) {
	list := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n" + `{"data":[{"id":"m-1"}]}`
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		for {
			if _, _, ok := p.Request(); !ok {
				return
			}
			p.Say(list)
		}
	})
	p := openPool(t)
	tg, err := p.Target("http", u.Addr, "")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if ids, err := fetchModels(new(pool.Call), tg, &pool.Request{Method: "GET", Path: "/models"}, unhurried); err != nil || strings.Join(ids, " ") != "m-1" {
			t.Fatal(ids, err)
		}
	}
	if s := p.Stats(); s.Dials != 2 || s.Open != 0 {
		t.Errorf("%+v", s)
	}
}
