package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// playSearch plays Jina and Tavily, by what they are asked.
func playSearch(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.Contains(string(body), "fail"):
		w.WriteHeader(432)
		io.WriteString(w, `{"detail":{"error":"This request exceeds your plan's set usage limit."}}`)
	case strings.HasSuffix(r.URL.Path, "/search"):
		io.WriteString(w, `{"query":"x","results":[{"title":"t","url":"u","content":"c","score":0.9}],"response_time":1.5}`)
	default:
		io.WriteString(w, `{"code":200,"status":20000,"data":[{"title":"t","url":"u","description":"d","content":"c"}],"meta":{"usage":{"tokens":1234}}}`)
	}
}

const (
	searchEngine = "  - provider: %s\n    base_url: %s\n    engine: search\n    api: " + upstreamKeyText + "\n"
	jinaFound    = `{"code":200,"status":20000,"data":[{"title":"t","url":"u","description":"d","content":"c"}],"meta":{"provider":"jina","usage":{"tokens":1234}}}`
	tavilyFound  = `{"code":200,"status":20000,"data":[{"title":"t","url":"u","content":"c","score":0.9,"description":""}],"meta":{"provider":"tavily","query":"x","response_time":1.5}}`
)

func TestSearchIsServedByBothServices(t *testing.T) {
	up := act(t, playSearch)
	defaults := "\n    engine: search\n    preferences:\n      search_defaults: {search_depth: advanced, max_results: 2}"
	for _, test := range []struct{ name, at, method, path, body, asked, want string }{
		{"Tavily, by its address", "/search", "GET", "/v1/search?q=ball+valves", "", `{"query":"ball valves"}`, tavilyFound},
		{"Tavily, with defaults", "/search" + defaults, "GET", "/search?q=a%22b", "", `{"query":"a\"b","search_depth":"advanced","max_results":2}`, tavilyFound},
		{"Tavily, in a body", "/search" + defaults, "POST", "/v1/search", `{"query":"a","max_results":4}`, `{"query":"a","max_results":4,"search_depth":"advanced"}`, tavilyFound},
		{"Jina, by its engine", "/s\n    engine: search", "GET", "/v1/search/?q=valves&max_results=3", "", `{"q":"valves","num":3}`, jinaFound},
		{"Jina, in a body, by a name of its own", "\n    engine: search", "POST", "/search", `{"q":"a","model":"search"}`, `{"q":"a"}`, jinaFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := start(t, up.section(test.at, "up: search"))
			a := g.do(test.method, test.path, test.body, asClient...)
			asked := up.last(t)
			if a.StatusCode != 200 || a.body != test.want || asked.body != test.asked {
				t.Errorf("%d %s; the provider was asked %s", a.StatusCode, a.body, asked.body)
			}
			if asked.Method != "POST" || asked.Header.Get("Authorization") != "Bearer "+upstreamKeyText || asked.Header.Get("Accept") != "application/json" || asked.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s with %v", asked.Method, asked.Header)
			}
			if line := g.log.Next(t, "request"); line["model"] != "search" || line["upstream_model"] != "up" {
				t.Errorf("the log has %v", line)
			}
			if page := g.do("GET", "/metrics", "", asClient...).body; !strings.Contains(page, `endpoint="`+test.method+` /v1/search"`) {
				t.Errorf("the metrics do not have the endpoint: %s", page)
			}
		})
	}
}

func TestSearchThatIsNoneIsRefusedBeforeAProviderIsAsked(t *testing.T) {
	up := act(t, playSearch)
	g := start(t, up.section("/search", "search"))
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/v1/search": {400, "'q' is missing"}, "/v1/search?q=": {400, "'q' is missing"}, "/v1/search?q=a&max_results=many": {400, "'max_results' must be"},
		"/v1/search?q=a&max_results=0": {400, "from 1 to 100"}, "/v1/search?q=a&model=other": {404, "other"},
	} {
		if a := g.do("GET", path, "", asClient...); a.StatusCode != want.status || !strings.Contains(a.body, want.says) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := g.do("GET", "/v1/search?q=a", ""); a.StatusCode != 401 {
		t.Errorf("without a key: %d", a.StatusCode)
	}
	if a := g.chat(`{"model":"search","messages":[{"role":"user","content":"hi"}]}`, asClient...); a.StatusCode != 404 {
		t.Errorf("a chat with it: %d %s", a.StatusCode, a.body)
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	if len(up.asked) > 0 {
		t.Errorf("the provider was asked %v", up.asked)
	}
}

// A search goes to the next channel like any other request, past those that have no search.
func TestSearchGoesOnToAnotherChannel(t *testing.T) {
	failing := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(432)
		io.WriteString(w, `{"detail":{"error":"This request exceeds your plan's set usage limit."}}`)
	})
	up, chat := act(t, playSearch), act(t, playNative)
	g := start(t, chat.section("/v1/chat/completions", "search"), failing.section("/search", "search"), up.section("\n    engine: search", "search"))
	if a := g.do("GET", "/v1/search?q=a", "", asClient...); a.StatusCode != 200 || a.body != jinaFound {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	alone := start(t, failing.section("/search", "search"))
	if a := alone.do("GET", "/v1/search?q=a", "", asClient...); a.StatusCode < 400 || !strings.Contains(a.body, "usage limit") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// What a search costs is what its service counts, and a price for each.
func TestSearchIsPaidFor(t *testing.T) {
	up := act(t, playSearch)
	const prices = "\n    preferences:\n      model_price: {search: {input: 1000, per_search: 8}}"
	for _, test := range []struct {
		name, at string
		prompt   int64
		cost     string
	}{
		{"Jina", "\n    engine: search", 1234, "$18.468"}, {"Tavily", "/search", 0, "$16.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := start(t, up.section(test.at+prices, "search"), paidKeys("100"))
			for n := range 2 {
				if a := g.do("GET", "/v1/search?q=valves", "", asClient...); a.StatusCode != 200 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
				g.settled(n + 1)
			}
			u := g.used()
			if test.prompt > 0 && u.Prompt != 2*test.prompt || test.prompt == 0 && (u.Prompt == 0 || u.Prompt > 40) || u.Completion != 0 || u.Requests != 2 {
				t.Errorf("%+v", u)
			}
			if !strings.HasPrefix(u.Cost, test.cost) {
				t.Errorf("cost %v, want %v", u.Cost, test.cost)
			}
		})
	}
	t.Run("no credits", func(t *testing.T) {
		g := start(t, up.section("/search"+prices, "search"), paidKeys("5"))
		for n, want := range []int{200, 429} {
			if a := g.do("GET", "/v1/search?q=valves", "", asClient...); a.StatusCode != want {
				t.Errorf("search %d: %d %s", n+1, a.StatusCode, a.body)
			}
			g.settled(n + 1)
		}
	})
}

func TestSearchThatRepeatsAKeyIsShownWithoutIt(t *testing.T) {
	for _, at := range []string{"/search", "\n    engine: search"} {
		up := act(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			found := `[{"title":"` + upstreamKeyText + `","url":"u","content":"as ` + upstreamKeyText[3:] + ` is","description":"d"}]`
			io.WriteString(w, `{"query":"x","results":`+found+`,"data":`+found+`,"meta":{"note":"`+upstreamKeyText+`"}}`)
		})
		g := start(t, up.section(at, "up: search"))
		a := g.do("GET", "/v1/search?q=x", "", asClient...)
		if a.StatusCode != 200 || !json.Valid([]byte(a.body)) || !strings.Contains(a.body, `"url":"u"`) {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		noSecrets(t, a.body)
	}
}
