package server

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"uniapi/config"
)

// keptOut are an admin's key that is let in, and the test's key, an admin's too, with preferences.
func keptOut(preferences string) string {
	return "api_keys:\n  - api: " + adminKeyText + "\n    role: admin\n    model: [all]\n  - api: " + clientKeyText +
		"\n    role: kept-admin\n    model: [all]\n    preferences: {rate_limit: 1/day, " + preferences + "}\n"
}

func TestKeyThatIsKeptOutMayDoNothing(t *testing.T) {
	for _, test := range []struct {
		preferences string
		status      int
		code, says  string
	}{
		{"disabled: true", 401, "api_key_disabled", "is disabled"},
		{"expires_at: 2020-01-01T00:00:00Z", 401, "api_key_expired", "has expired"},
		{"allow_ips: [192.0.2.0/24, '::1']", 403, "address_not_allowed", "from your address, 127.0.0.1 (allow_ips"},
	} {
		t.Run(test.code, func(t *testing.T) {
			up := listen(t, both)
			g := start(t, providerOf("p", up), keptOut(test.preferences))
			for _, asked := range [][2]string{
				{"POST", "/v1/chat/completions"}, {"POST", "/v1/messages/count_tokens"}, {"POST", "/v1beta/models/m:generateContent"}, {"GET", "/v1/models"}, {"GET", "/v1/models/m"},
				{"GET", "/v1/token_usage"}, {"GET", "/dashboard/billing/subscription"}, {"GET", "/v1/dashboard/billing/usage"},
				{"GET", "/v1/stats"}, {"GET", "/v1/overview"}, {"GET", "/v1/live"}, {"GET", "/v1/timeline"}, {"GET", "/metrics"}, {"GET", "/v1/api_config?reveal=true"},
				{"GET", "/v1/api_keys_states?reveal=true"}, {"POST", "/v1/add_credits?paid_key=" + clientKeyText + "&amount=5"}, {"POST", "/v1/api_config/update"}, {"POST", "/v1/channels/wake"},
			} {
				a := g.do(asked[0], asked[1], plainRequest, asClient...)
				if a.StatusCode != test.status || !strings.Contains(a.body, test.says) || a.Header.Get("X-Should-Retry") != "false" {
					t.Errorf("%s %s: %d %q %s", asked[0], asked[1], a.StatusCode, a.Header.Get("X-Should-Retry"), a.body)
				}
			}
			for range 3 { // its limit of one a day is not asked
				g.chat(plainRequest).failure(t, test.status, test.code)
			}
			if n := len(up.requests()); n != 0 {
				t.Errorf("the provider was asked %d times", n)
			}
			if line := g.log.Next(t, "request"); line["key"] != "kept-admin" || line["status"] != float64(test.status) || !strings.Contains(line["error"].(string), test.says) {
				t.Errorf("logged %v", line)
			}
			if n := g.scrape(adminKeyText).Total("uniapi_requests_total", "endpoint", chatLabel, "status", strconv.Itoa(test.status)); n != 4 {
				t.Errorf("%v refusals in the metrics", n)
			}
			if a := g.admin("GET", "/v1/api_keys_states", ""); strings.Contains(a.body, `"enabled":false`) != (test.status == 401) {
				t.Errorf("states %s", a.body)
			}
			if a := g.admin("GET", "/v1/explain?key=kept-admin&model=m", ""); strings.Contains(a.body, test.says) != (test.status == 401) {
				t.Errorf("explained %s", a.body)
			}
		})
	}
}

func TestBodyIsNotAskedForOfAKeyThatIsKeptOut(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), keptOut("disabled: true"))
	c := g.dial()
	head, _, _ := strings.Cut(chatText(plainRequest, "Expect", "100-continue"), "\r\n\r\n")
	c.send(head + "\r\n\r\n")
	c.answer().failure(t, 401, "api_key_disabled")
}

func TestAddressBehindATrustedProxyIsTheOneThatIsAllowed(t *testing.T) {
	allowed := keptOut("allow_ips: [198.51.100.0/24, '2001:db8::/32']")
	g := startWith(t, Options{TrustedProxies: loopback(t)}, providerOf("p", listen(t, both)), strings.Replace(allowed, "rate_limit: 1/day, ", "", 1))
	for forwarded, want := range map[string]int{
		"198.51.100.7": 200, "2001:db8::7": 200, "10.9.9.9, 198.51.100.7": 200, "198.51.100.7, 10.9.9.9": 403, "198.51.101.7": 403, "": 403, "::ffff:198.51.100.7": 200,
	} {
		if a := g.chat(plainRequest, "X-Forwarded-For", forwarded); a.StatusCode != want {
			t.Errorf("%q: %d %s", forwarded, a.StatusCode, a.body)
		}
	}
	untrusting := start(t, providerOf("p", listen(t, both)), allowed)
	untrusting.chat(plainRequest, "X-Forwarded-For", "198.51.100.7").failure(t, 403, "address_not_allowed")
}

func TestKeyThatIsKeptOutServesNobodyInThePlaceOfAChannel(t *testing.T) {
	for _, test := range []struct {
		preferences, forwarded string
		status                 int
	}{
		{"disabled: true", "", 403}, {"expires_at: 2020-01-01", "", 403}, {"expires_at: 2999-01-01", "", 200},
		{"allow_ips: 198.51.100.7", "198.51.100.8", 403}, {"allow_ips: 198.51.100.7", "198.51.100.7", 200}, {"disabled: false", "", 200},
	} {
		t.Run(test.preferences+" "+test.forwarded, func(t *testing.T) {
			up := listen(t, both)
			inner := "  - api: " + otherKeyText + "\n    role: inner\n    model: [p/m]\n    preferences: {" + test.preferences + "}\n"
			g := startWith(t, Options{TrustedProxies: loopback(t)}, providerOf("p", up), "api_keys:\n  - api: "+clientKeyText+"\n    role: outer\n    model: ["+otherKeyText+"/*]\n"+inner)
			a := g.chat(plainRequest, "X-Forwarded-For", test.forwarded)
			if a.StatusCode != test.status || len(up.requests()) != map[int]int{200: 1, 403: 0}[test.status] {
				t.Fatalf("%d %s, and %d requests", a.StatusCode, a.body, len(up.requests()))
			}
			if test.status == 403 {
				if a.failure(t, 403, "channel_key_denied"); a.Header.Get("X-Should-Retry") != "false" {
					t.Errorf("to be asked again: %v", a.Header)
				}
			}
			beside := startWith(t, Options{TrustedProxies: loopback(t)}, providerOf("p", up), providerOf("q", listen(t, both)),
				"api_keys:\n  - api: "+clientKeyText+"\n    role: outer\n    model: ["+otherKeyText+"/*, q/m]\n"+inner)
			if a := beside.chat(plainRequest, "X-Forwarded-For", test.forwarded); a.StatusCode != 200 {
				t.Errorf("with a channel beside: %d %s", a.StatusCode, a.body)
			}
		})
	}
}

func TestUpdateThatKeepsItsOwnKeyOutIsRefused(t *testing.T) {
	path, up := filepath.Join(t.TempDir(), "api.yaml"), listen(t, both)
	section := "api_keys:\n  - api: " + adminKeyText + "\n    role: admin\n"
	if err := os.WriteFile(path, []byte("providers:\n"+providerOf("p", up)+section), 0o600); err != nil {
		t.Fatal(err)
	}
	source := config.Source{Path: path, Getenv: func(string) string { return "" }}
	g := startWith(t, Options{Update: source.Update}, providerOf("p", up), section)
	for preferences, status := range map[string]int{
		`{"disabled":true}`: 409, `{"expires_at":"2020-01-01"}`: 409, `{"allow_ips":["192.0.2.1"]}`: 409, `{"allow_ips":["127.0.0.0/8"],"expires_at":"2999-01-01","disabled":false}`: 200,
	} {
		a := g.admin("POST", "/v1/api_config/update", `{"api_keys":[{"api":"`+adminKeyText+`","role":"admin","preferences":`+preferences+`}]}`)
		if a.StatusCode != status {
			t.Errorf("%s: %d %s", preferences, a.StatusCode, a.body)
		}
	}
}
