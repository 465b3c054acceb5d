package server

import (
	"fmt"
	"strings"
	"testing"
)

func TestKeyIsFoundInEveryHeaderThatClientsUse(t *testing.T) {
	const wrong = "sk-wrong-9876543210"
	cases := []struct {
		name   string
		header []string
		ok     bool
	}{
		{"a bearer token", []string{"Authorization", "Bearer " + clientKeyText}, true},
		{"a bearer token, lower case", []string{"authorization", "bearer " + clientKeyText}, true},
		{"a bearer token, upper case", []string{"AUTHORIZATION", "BEARER " + clientKeyText}, true},
		{"a bearer token with spaces around it", []string{"Authorization", "Bearer   " + clientKeyText + "  "}, true},
		{"Anthropic's header", []string{"x-api-key", clientKeyText}, true},
		{"Anthropic's header, upper case", []string{"X-API-KEY", clientKeyText}, true},
		{"Gemini's header", []string{"x-goog-api-key", clientKeyText}, true},
		{"Azure's header", []string{"api-key", clientKeyText}, true},
		{"Azure's header, mixed case", []string{"Api-key", clientKeyText}, true},
		{"a placeholder in one and the key in another", []string{"Authorization", "Bearer dummy", "x-api-key", clientKeyText}, true},
		{"the key in one and a placeholder in another", []string{"Authorization", "Bearer " + clientKeyText, "api-key", wrong}, true},
		{"an empty header and the key in another", []string{"Authorization", "", "x-goog-api-key", clientKeyText}, true},

		{"no header", nil, false},
		{"a wrong key", []string{"Authorization", "Bearer " + wrong}, false},
		{"wrong keys in all headers", []string{"Authorization", "Bearer " + wrong, "x-api-key", wrong, "x-goog-api-key", wrong, "api-key", wrong}, false},
		{"a key without its scheme", []string{"Authorization", clientKeyText}, false},
		{"a key with another scheme", []string{"Authorization", "Basic " + clientKeyText}, false},
		{"a scheme without a key", []string{"Authorization", "Bearer "}, false},
		{"a key in another case", []string{"x-api-key", strings.ToUpper(clientKeyText)}, false},
		{"the beginning of a key", []string{"x-api-key", clientKeyText[:20]}, false},
		{"a key and more", []string{"x-api-key", clientKeyText + "x"}, false},
		{"an upstream's key", []string{"x-api-key", upstreamKeyText}, false},
		{"an empty key", []string{"x-api-key", ""}, false},
	}
	up := listen(t, both)
	g := start(t, providerOf("p", up))
	for _, c := range cases {
		for _, endpoint := range []struct{ method, path, body string }{
			{"POST", "/v1/chat/completions", plainRequest},
			{"GET", "/v1/models", ""},
		} {
			t.Run(c.name+" at "+endpoint.path, func(t *testing.T) {
				raw := g.dial()
				raw.send(endpoint.method + " " + endpoint.path + " HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n")
				for i := 0; i < len(c.header); i += 2 {
					raw.send(c.header[i] + ": " + c.header[i+1] + "\r\n")
				}
				raw.send(fmt.Sprintf("Content-Length: %d", len(endpoint.body)) + "\r\n\r\n" + endpoint.body)
				a := raw.answer()
				if c.ok {
					if a.StatusCode != 200 {
						t.Errorf("%d %s", a.StatusCode, a.body)
					}
					return
				}
				a.failure(t, 401, "invalid_api_key")
				if challenge := a.Header.Get("WWW-Authenticate"); challenge != "Bearer" {
					t.Errorf("WWW-Authenticate %q", challenge)
				}
			})
		}
	}
	for _, secret := range []string{clientKeyText, upstreamKeyText, wrong} {
		if strings.Contains(g.log.String(), secret) {
			t.Errorf("the log shows %s", secret)
		}
	}
	for _, r := range up.requests() {
		if r.Header.Get("Authorization") != "Bearer "+upstreamKeyText {
			t.Errorf("the upstream got %q", r.Header)
		}
		for _, name := range keyHeaders[1:] {
			if r.Header.Get(string(name)) != "" {
				t.Errorf("the upstream got the client's %s", name)
			}
		}
	}
}

func TestKeyServesOnlyWhatItsRulesGive(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up, "    model: [m, n]\n"), "api_keys:\n  - api: sk-narrow-0123456789\n    model: [p/n]\n  - api: sk-broad-0123456789\n")
	for _, c := range []struct {
		key, model string
		status     int
	}{
		{"sk-narrow-0123456789", "n", 200},
		{"sk-narrow-0123456789", "m", 404},
		{"sk-broad-0123456789", "m", 200},
		{"sk-broad-0123456789", "o", 404},
	} {
		a := g.do("POST", "/v1/chat/completions", strings.Replace(plainRequest, `"m"`, `"`+c.model+`"`, 1), "X-Api-Key", c.key)
		if a.StatusCode != c.status {
			t.Errorf("%s asking for %s: %d %s", c.key, c.model, a.StatusCode, a.body)
		}
		if c.status == 404 && !strings.Contains(a.failure(t, 404, "model_not_found"), c.model) {
			t.Errorf("the model is not named: %s", a.body)
		}
	}
	if n := len(up.requests()); n != 2 {
		t.Errorf("%d requests at the upstream", n)
	}
}
