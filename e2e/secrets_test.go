package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A file with a secret in every place that may have one, and in places where none belongs.
const secretive = `
providers:
  - {provider: a, base_url: "$A/v1?key=PLACE-query-0123456789", api: [PLACE-key-0123456789abcdef, PLACE-key-0123456789abcdef], model: [m], modle: PLACE-unknown-0123456789,
     preferences: {proxy: "http://user:PLACE-proxy-0123456789@$SIDEHOST", headers: {X-Secret: PLACE-header-0123456789}}}
  - {provider: v, base_url: $B/google-vertex-ai, engine: vertex, project_id: p, client_email: r@p.example, private_key: PLACE-pem-0123456789abcdef, model: [n]}
  - {provider: w, base_url: $B, engine: aws, aws_access_key: PLACE-aws-0123456789, aws_secret_key: PLACE-awssecret-0123456789, model: [o]}
  - {provider: e, base_url: $B, engine: PLACE-key-0123456789abcdef, api: PLACE-second-0123456789abcdef, model: [q]}
api_keys:
  - {api: sk-PLACE-client-0123456789abcdef, role: admin, model: [all, "PLACE-key-0123456789abcdef/*"]}
WRONG
`

// From its first line on, of a start with one file that cannot be used and another one that has warnings and providers
// that are left out.
func TestNothingThatTheProgramWritesShowsASecret(t *testing.T) {
	s := newStage(t)
	s.a.answer = func(w http.ResponseWriter, r seen) { // a provider that repeats what it was sent
		fails(500, fmt.Sprint("no: ", r.Header, r.URL))(w, r)
	}
	s.side.answer = forward
	secrets := func(of string) string {
		text := strings.ReplaceAll(secretive, "$SIDEHOST", strings.TrimPrefix(s.side.url, "http://"))
		return s.addresses(strings.ReplaceAll(text, "PLACE", of))
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Replace(secrets("elsewhere"), "WRONG", "", 1))
	}))
	defer elsewhere.Close()
	s.write(strings.NewReplacer("WRONG", "preferences: {rate_limit: local-limit-0123456789}", "api_keys:", "api_keyz:").Replace(secrets("local"))) // nobody to serve
	s.env = []string{"DEBUG=true", "CONFIG_URL=" + strings.Replace(elsewhere.URL, "http://", "http://user:elsewhere-password-0123456789@", 1) + "/api.yaml?token=elsewhere-token-0123456789"}

	a := s.send("POST", chat, said(), "Authorization", "Bearer sk-elsewhere-client-0123456789abcdef")
	if asked := s.a.last(); a.StatusCode != 500 || !strings.Contains(asked.Header.Get("Authorization"), "elsewhere-key") {
		t.Fatalf("%d %s, asked %v", a.StatusCode, a.body, asked.Header)
	}
	s.log.await(s, "request")
	checked, _ := s.check()
	explained, _ := run(t, s.dir, s.environment(), "explain", "--config", s.path, "--key", "admin", "--model", "m")
	written := map[string]string{"the log": fmt.Sprint(s.log.all), "check": checked, "explain": explained, "the answer": a.body}
	for what, text := range written {
		for _, from := range []string{"local", "elsewhere"} {
			for _, secret := range []string{"query", "key", "proxy", "header", "pem", "aws", "awssecret", "second", "client", "password", "token"} {
				if strings.Contains(text, from+"-"+secret+"-0123456789") {
					t.Errorf("%s has the %s secret of the %s file: %s", what, secret, from, text)
				}
			}
		}
		if len(text) < 20 {
			t.Errorf("%s is %q", what, text)
		}
	}
	for _, line := range s.log.all {
		if line["level"] == nil {
			t.Errorf("this went past the log: %v", line)
		}
	}
	for _, want := range []string{"the local configuration is unusable", "this provider is left out", "in the configuration", "attempt failed"} {
		if !strings.Contains(written["the log"], want) {
			t.Errorf("the log does not say that %s: %s", want, written["the log"])
		}
	}
}
