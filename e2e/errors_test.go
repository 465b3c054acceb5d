package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// What a client is told that meets an error: which, whether asking again helps, and nothing of the machines behind the
// gateway.

const saysHello = `{"model":"gpt-4o","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`

// errorStage has an admin's key and another one's, before a provider that has gpt-4o and one that nobody can reach.
func errorStage(t *testing.T, otherPreferences string) *stage {
	s := newStage(t)
	s.write(`
providers:
  - {provider: a, base_url: $A/v1/chat/completions, api: ` + keyOfA + `, model: [gpt-4o, claude-sonnet-4-5, gone]}
  - {provider: off, base_url: "http://127.0.0.1:1/v1/chat/completions", api: ` + keyOfB + `, model: [unreachable]}
  - {provider: nameless, base_url: "http://inner.invalid:8443/v1/chat/completions", api: ` + keyOfB + `, model: [nameless]}
api_keys:
  - {api: ` + clientKey + `, role: admin, model: [all]}
  - {api: ` + otherKey + `, role: other, model: [all], preferences: ` + otherPreferences + `}
`)
	return s
}

func TestModelThatIsNotThereIsNamedWithTheNearestOnes(t *testing.T) {
	s := errorStage(t, "{}")
	for model, near := range map[string]string{
		"gpt4o":                       "did you mean gpt-4o?",
		"openai/gpt-4o":               "did you mean gpt-4o?",
		"GPT-4O":                      "did you mean gpt-4o?",
		"gtp-4o":                      "did you mean gpt-4o?",
		"anthropic/claude-sonnet-4.5": "did you mean claude-sonnet-4-5?",
		"zebra":                       `"zebra" for this API key. GET /v1/models`,
	} {
		a := s.send("POST", chat, strings.Replace(saysHello, "gpt-4o", model, 1), "Authorization", "Bearer "+otherKey)
		if a.StatusCode != 404 || a.error("code") != "model_not_found" || !strings.Contains(a.error("message"), model) || !strings.Contains(a.error("message"), near) {
			t.Errorf("%s: %d %s", model, a.StatusCode, a.body)
		}
	}
}

func TestWhatAskingAgainDoesNotHelpAgainstSaysSo(t *testing.T) {
	s := errorStage(t, "{credits: 0}")
	for name, c := range map[string]struct {
		path, key string
		status    int
	}{
		"no key, by chat":          {chat, "sk-nobody", 401},
		"no key, by Messages":      {"/v1/messages", "sk-nobody", 401},
		"no credit, by chat":       {chat, otherKey, 429},
		"no credit, by Messages":   {"/v1/messages", otherKey, 429},
		"no key, for what key has": {"/v1/token_usage", "sk-nobody", 401},
	} {
		method := "POST"
		if strings.HasSuffix(c.path, "usage") {
			method = "GET"
		}
		if a := s.send(method, c.path, saysHello, "Authorization", "Bearer "+c.key); a.StatusCode != c.status || a.Header.Get("X-Should-Retry") != "false" {
			t.Errorf("%s: %d, x-should-retry %q, %s", name, a.StatusCode, a.Header.Get("X-Should-Retry"), a.body)
		}
	}
}

func TestRefusalCarriesTheLimitThatRefused(t *testing.T) {
	s := errorStage(t, "{rate_limit: 1/min}")
	if a := s.send("POST", chat, saysHello, "Authorization", "Bearer "+otherKey); a.StatusCode != 200 || a.Header.Get("X-Ratelimit-Remaining-Requests") != "0" {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	a := s.send("POST", chat, saysHello, "Authorization", "Bearer "+otherKey)
	h := a.Header
	if a.StatusCode != 429 || h.Get("X-Ratelimit-Limit-Requests") != "1" || h.Get("X-Ratelimit-Remaining-Requests") != "0" || h.Get("X-Ratelimit-Reset-Requests") == "" || h.Get("Retry-After") == "" || h.Get("X-Should-Retry") != "" {
		t.Errorf("%d %v", a.StatusCode, h)
	}
}

func TestOnlyAdminsSeeTheMachinesBehindTheGateway(t *testing.T) {
	for model, inner := range map[string][]string{"unreachable": {"127.0.0.1:1"}, "nameless": {"inner.invalid"}} {
		s := errorStage(t, "{}")
		body := strings.Replace(saysHello, "gpt-4o", model, 1)
		a := s.send("POST", chat, body, "Authorization", "Bearer "+otherKey)
		for _, hidden := range append(inner, "8443", "lookup", "dial", "127.0.0.") {
			if a.StatusCode != 503 || strings.Contains(a.body, hidden) {
				t.Errorf("%s: an ordinary key sees %q: %d %s", model, hidden, a.StatusCode, a.body)
			}
		}
		logged := s.log.await(s, "attempt failed")["error"].(string)
		if a = s.send("POST", chat, body); !strings.Contains(a.body, inner[0]) || !strings.Contains(logged, inner[0]) {
			t.Errorf("%s: an admin sees %s, the log %s", model, a.body, logged)
		}
	}
}

func TestAddressOfAProviders404IsInTheLogAndToldToAdmins(t *testing.T) {
	s := errorStage(t, "{}")
	s.a.answer = fails(404, "no such thing")
	body := strings.Replace(saysHello, "gpt-4o", "gone", 1)
	if a := s.send("POST", chat, body, "Authorization", "Bearer "+otherKey); a.StatusCode != 404 || strings.Contains(a.body, s.a.url) {
		t.Errorf("an ordinary key: %d %s", a.StatusCode, a.body)
	}
	at := "asked at " + s.a.url + "/v1/chat/completions"
	if logged := s.log.await(s, "attempt failed")["error"].(string); !strings.Contains(logged, at) {
		t.Errorf("the log: %s", logged)
	}
	body = strings.Replace(saysHello, "gpt-4o", "claude-sonnet-4-5", 1)
	if a := s.send("POST", chat, body); a.StatusCode != 404 || !strings.Contains(a.error("message"), at) {
		t.Errorf("an admin: %d %s", a.StatusCode, a.body)
	}
}

func TestAnthropics529StaysThat(t *testing.T) {
	s := newStage(t)
	s.write(`
providers: [{provider: a, base_url: $A/v1/messages, api: ` + keyOfA + `, model: [claude-sonnet-4-5]}]
api_keys: [{api: ` + clientKey + `}]
`)
	s.a.answer = func(w http.ResponseWriter, _ seen) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(529)
		w.Write([]byte(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`))
	}
	for _, path := range []string{"/v1/messages", chat} {
		s := *s
		if a := s.send("POST", path, strings.Replace(saysHello, "gpt-4o", "claude-sonnet-4-5", 1)); a.StatusCode != 529 || !strings.Contains(a.body, "verloaded") {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestPathsWithASlashAtTheirEndAreTaken(t *testing.T) {
	s := errorStage(t, "{}")
	for _, path := range []string{chat + "/", "/v1/messages/", "/chat/completions/", "/v1/v1/chat/completions//"} {
		if a := s.send("POST", path, saysHello); a.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	for _, path := range []string{"/v1/models/", "/v1beta/models/", "/healthz/", "/dashboard/", "/v1/overview/", "/metrics/", "/dashboard/billing/usage/"} {
		if a := s.send("GET", path, ""); a.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestRootNamesTheDashboardTheDocsAndTheVersion(t *testing.T) {
	s := errorStage(t, "{}")
	a := s.send("GET", "/", "")
	for _, want := range []string{`"dashboard":"/dashboard"`, `"docs":"`, `"version":"v0-e2e"`} {
		if a.StatusCode != 200 || !strings.Contains(a.body, want) {
			t.Errorf("want %s in %d %s", want, a.StatusCode, a.body)
		}
	}
}

func TestA404TellsEachSDKItsBaseURL(t *testing.T) {
	s := errorStage(t, "{}")
	s.serve()
	for agent, want := range map[string]string{
		"OpenAI/Python 2.8.1":                 "The base URL for OpenAI's SDK is " + s.address + "/v1 (",
		"Anthropic/Python 0.75.0":             "The base URL for Anthropic's SDK is " + s.address + " (",
		"google-genai-sdk/1.52.0 gl-python/3": "The base URL for Google's SDK is " + s.address + " (",
		"curl/8.5.0":                          s.address + "/v1, those of Anthropic and Google " + s.address + ".",
	} {
		if a := s.send("POST", "/proxy/chat/completions", saysHello, "User-Agent", agent); a.StatusCode != 404 || !strings.Contains(a.error("message"), want) {
			t.Errorf("%s: %d %s", agent, a.StatusCode, a.body)
		}
	}
}
