package server

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"uniapi/server/admin"
)

func TestExplainTellsTheOrderAndWhoIsLeftOut(t *testing.T) {
	broken := listen(t, says(reply(500, jsonKind, `{"error":{"message":"broken down"}}`)))
	g := start(t, providerOf("p", broken), providerOf("q", listen(t, both)), keyed("SCHEDULING_ALGORITHM: fixed_priority"))
	g.chat(plainRequest)
	a := g.do("GET", "/v1/explain?key=admin&model=m", "", "Authorization", "Bearer "+clientKeyText)
	for _, word := range []string{`"Provider":"p"`, "broken down", `"Provider":"q"`, "fixed_priority"} {
		if !strings.Contains(a.body, word) {
			t.Errorf("%d %s lacks %s", a.StatusCode, a.body, word)
		}
	}
	var out bytes.Buffer
	if err := admin.ExplainLive(&out, "http://"+g.addr, clientKeyText, admin.Question{Key: "admin", Model: "m"}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "1. p/m") || !strings.Contains(text, "left out: rests for another") || !strings.Contains(text, "2. q/m") {
		t.Errorf("printed %s", text)
	}
	asked := ""
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = r.URL.String() }))
	defer between.Close()
	admin.ExplainLive(&out, between.URL, clientKeyText, admin.Question{Key: clientKeyText, Model: "m"})
	if asked != "/v1/explain?endpoint=&model=m" {
		t.Errorf("what passes it on reads %q", asked)
	}
	out.Reset()
	if err := admin.ExplainLive(&out, "http://"+g.addr, clientKeyText, admin.Question{Key: clientKeyText, Model: "m"}); err != nil || strings.Contains(out.String(), clientKeyText) {
		t.Errorf("of a whole key: %v, %s", err, out.String())
	}
	if err := admin.ExplainLive(&out, "http://"+g.addr, "sk-wrong", admin.Question{Key: "admin", Model: "m"}); err == nil || !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), "--admin-key") {
		t.Errorf("with a wrong key: %v", err)
	}
}

func TestExplainOfAFileAloneNeedsNoGateway(t *testing.T) {
	cfg := parseConfig(t, providerOf("p", listen(t, both)), keyed(""))
	var out bytes.Buffer
	if err := Explain(&out, cfg, admin.Question{Key: clientKeyText, Model: "m"}); err != nil || !strings.Contains(out.String(), "1. p/m: the only channel") {
		t.Errorf("%v: %s", err, out.String())
	}
	if err := Explain(&out, cfg, admin.Question{Key: clientKeyText, Model: "x"}); err == nil || !strings.Contains(err.Error(), "it may use: m") {
		t.Errorf("of an unknown model: %v", err)
	}
	if err := Explain(&out, cfg, admin.Question{Key: "sk-nobody", Model: "m"}); err == nil || strings.Contains(err.Error(), "sk-nobody") {
		t.Errorf("of an unknown key: %v", err)
	}
}

// What rules look at besides the model is taken from the request, as it is when one is served.
func TestExplainTellsWhatHappensToTheRequest(t *testing.T) {
	t.Parallel()
	up := listen(t, both)
	ruled := []string{
		providerOf("effort", up, "    exclude_request_rules: {match: {reasoning_effort: high}}\n"),
		providerOf("plain", up, "    exclude_endpoints: /v1/embeddings\n"),
		providerOf("small", up, "    preferences: {max_request_body_bytes: 60B}\n"),
		providerOf("slow", up, "    preferences: {timeout_policy: {rules: [{match: {engine: gpt, stream: true}, timeout: {first_byte: 7, total: 9}}]}}\n"),
		providerOf("lost", up, "    engine: lingjing\n"), keyed(""),
	}
	g := start(t, ruled...)
	for _, test := range []struct {
		question admin.Question
		has, not []string
	}{
		{admin.Question{Model: "m"}, []string{"effort/m", "slow/m"}, []string{"left out: ", "lost/m", "within 7s"}},
		{admin.Question{Body: []byte(`{"model":"m","reasoning_effort":"high"}`)}, []string{"left out: exclude_request_rules: reasoning_effort is high"}, []string{"max_request"}},
		{admin.Question{Model: "m", Endpoint: "/v1/embeddings"}, []string{"left out: exclude_endpoints"}, nil},
		{admin.Question{Endpoint: "v1/messages", Body: []byte(`{"model":"m","stream":true,"messages":[{"role":"user","content":"hello there"}]}`)},
			[]string{"left out: max_request_body_bytes", "within 7s", "the whole within 9s"}, []string{"exclude_"}},
		{admin.Question{Endpoint: "/v1beta/models/m:streamGenerateContent", Body: []byte(`{}`)}, []string{"within 7s"}, []string{"left out: "}},
	} {
		test.question.Key = "admin"
		var live, file bytes.Buffer
		if err := admin.ExplainLive(&live, "http://"+g.addr, clientKeyText, test.question); err != nil {
			t.Fatal(err)
		}
		if err := Explain(&file, g.snapshot.Load().config, test.question); err != nil {
			t.Fatal(err)
		}
		for i, text := range []string{live.String(), strings.Replace(file.String(), "provider lost is left out: engine", "", 1)} {
			for _, word := range test.has {
				if !strings.Contains(text, word) {
					t.Errorf("%+v, the file alone %v: there is no %q in\n%s", test.question, i == 1, word, text)
				}
			}
			for _, word := range test.not {
				if strings.Contains(text, word) {
					t.Errorf("%+v, the file alone %v: there is %q in\n%s", test.question, i == 1, word, text)
				}
			}
		}
	}
	for _, wrong := range []admin.Question{{Key: "admin", Model: "m", Endpoint: "/v1/nowhere"}, {Key: "admin", Body: []byte(`{"model":`)}, {Key: "admin", Model: "x"}, {Key: "nobody", Model: "m"}} {
		if err := Explain(new(bytes.Buffer), g.snapshot.Load().config, wrong); err == nil {
			t.Errorf("%+v is explained", wrong)
		}
	}
}

func TestExplainTellsOfLimitsThatRefuseTheRequest(t *testing.T) {
	t.Parallel()
	up := listen(t, both)
	g := start(t, providerOf("p", up), `api_keys:
  - {api: `+clientKeyText+`, role: admin, model: [all]}
  - {api: sk-broke-0123456789abcdef, role: broke, model: [all], preferences: {credits: 0}}
  - {api: sk-limited-0123456789abcdef, role: limited, model: [all], preferences: {rate_limit: "1/day"}}
  - {api: sk-short-0123456789abcdef, role: short, model: [all], preferences: {rate_limit: "20/tpr"}}
`)
	if a := g.as("limited", plainRequest); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	counted := g.scrape().Total("uniapi_limited_requests_total")
	long := []byte(bigRequest(1000))
	for _, test := range []struct {
		question admin.Question
		live     string // what is told by the gateway
		file     string // by the file alone
	}{
		{admin.Question{Key: "admin", Model: "m"}, "", ""},
		{admin.Question{Key: "broke", Model: "m"}, "Balance is insufficient", "Balance is insufficient"},
		{admin.Question{Key: "limited", Model: "m"}, "1 request per day", ""},
		{admin.Question{Key: "short", Model: "m"}, "", ""},
		{admin.Question{Key: "short", Body: []byte(plainRequest)}, "", ""},
		{admin.Question{Key: "short", Body: long}, "20/tpr", "20/tpr"},
		{admin.Question{Key: "admin", Body: long}, "", ""},
	} {
		var live, file bytes.Buffer
		if err := admin.ExplainLive(&live, "http://"+g.addr, clientKeyText, test.question); err != nil {
			t.Fatal(err)
		}
		if err := Explain(&file, g.snapshot.Load().config, test.question); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]string{live.String() + " ": test.live, file.String(): test.file} {
			const refused = "\nit would be refused before any of them is asked: "
			if strings.Contains(text, refused) != (want != "") || !strings.Contains(text, want) || !strings.Contains(text, "1. p/m") {
				t.Errorf("%s with %.30s, want %q:\n%s", test.question.Key, test.question.Body, want, text)
			}
		}
	}
	if now := g.scrape().Total("uniapi_limited_requests_total"); now != counted {
		t.Errorf("explaining counted %v refusals", now-counted)
	}
}

func TestExplainSaysThatNoModelIsGiven(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), keyed(""))
	a := g.do("GET", "/v1/explain?key=admin", "", "Authorization", "Bearer "+clientKeyText)
	if told := a.failure(t, 400, ""); !strings.Contains(told, "no model is given") {
		t.Error(told)
	}
	if err := Explain(new(bytes.Buffer), g.snapshot.Load().config, admin.Question{Key: "admin"}); err == nil || !strings.Contains(err.Error(), "--model") {
		t.Errorf("of the file alone: %v", err)
	}
}

func TestExplainIsForAdmins(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), "api_keys:\n  - {api: "+clientKeyText+", role: user}\n  - {api: sk-other-0123456789abcdefghij}\n")
	g.do("GET", "/v1/explain?key=user&model=m", "", "Authorization", "Bearer "+clientKeyText).failure(t, 403, "admin_required")
	g.do("GET", "/v1/explain?key=user&model=m", "").failure(t, 401, "invalid_api_key")
}

func TestExplainShowsWhatIsKnownOfAModelAndWhichLineSaysSo(t *testing.T) {
	t.Parallel()
	g := start(t, providerOf("p", listen(t, both), "    preferences: {capabilities: {like: mistral, takes: stream_options}}\n"), keyed(""))
	for _, test := range []struct {
		endpoint  string
		has, none string
	}{
		{"", "asked in the format chat, of which is known:", "least_tokens"},
		{"/v1/messages", "id_exact           9 (capabilities.yaml:", "least_tokens"},
		{"", "stream_options     takes (api.yaml:", "stream_options     refuses"},
		{"/v1/embeddings", "1. p/m", "of which is known"},
	} {
		var live, file bytes.Buffer
		q := admin.Question{Key: clientKeyText, Model: "m", Endpoint: test.endpoint}
		if err := admin.ExplainLive(&live, "http://"+g.addr, clientKeyText, q); err != nil {
			t.Fatal(err)
		}
		if err := Explain(&file, g.snapshot.Load().config, q); err != nil {
			t.Fatal(err)
		}
		for _, out := range []string{live.String(), file.String()} {
			if !strings.Contains(out, test.has) || strings.Contains(out, test.none) {
				t.Errorf("%q: %s", test.endpoint, out)
			}
		}
	}
}
