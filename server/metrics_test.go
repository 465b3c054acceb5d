package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"uniapi/server/servertest"
	"uniapi/server/telemetry/metrics"
)

// scrape reads /metrics with an admin key.
func (g *gateway) scrape(key ...string) *servertest.Metrics {
	g.t.Helper()
	a := g.do("GET", "/metrics", "", "Authorization", "Bearer "+append(key, clientKeyText)[0])
	if kind := a.Header.Get("Content-Type"); a.StatusCode != 200 || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		g.t.Fatalf("%d %s %s", a.StatusCode, kind, a.body)
	}
	m, err := servertest.ReadMetrics(a.body)
	if err != nil {
		g.t.Fatalf("%v in\n%s", err, a.body)
	}
	for _, secret := range []string{clientKeyText, upstreamKeyText, clientKeyText[3:16], upstreamKeyText[3:16]} {
		if strings.Contains(a.body, secret) {
			g.t.Errorf("a key is in the metrics:\n%s", a.body)
		}
	}
	return m
}

// metricsPage is what /metrics tells.
func (g *gateway) metricsPage() []byte {
	page, _ := g.page.Text("")
	return page
}

const chatLabel = "POST /v1/chat/completions"

func TestMetricsAreValidAndGrow(t *testing.T) {
	up := listen(t, func(p *peer, r seen) bool {
		if strings.Contains(r.body, "fail") {
			p.say(reply(500, jsonKind, `{"error":{"message":"no"}}`))
			return true
		}
		return both(p, r)
	})
	g := start(t, providerOf("p", up, "    preferences: {cooldown_period: 0}\n"), bookPrices)
	if before := g.scrape(); before.Total("uniapi_requests_total") != 0 || before.Values["uniapi_ledger_writable"] != 1 {
		t.Errorf("%v", before.Values)
	}
	for round := range 2 {
		g.chat(plainRequest)
		g.chat(streamRequest)
		g.chat(strings.Replace(plainRequest, "hi", "fail", 1))
		g.settled(3 * (round + 1))
		m := g.scrape()
		tries := float64(len(up.requests()))
		rounds := float64(round + 1)
		for _, c := range []struct {
			name   string
			labels []string
			want   float64
		}{
			{"uniapi_requests_total", []string{"provider", "p", "model", "m", "endpoint", chatLabel, "status", "200"}, 2 * rounds},
			{"uniapi_requests_total", []string{"provider", "p", "model", "m", "endpoint", chatLabel, "status", "500"}, rounds},
			{"uniapi_request_failures_total", []string{"provider", "p", "model", "m", "endpoint", chatLabel}, rounds},
			{"uniapi_prompt_tokens_total", []string{"provider", "p", "model", "m", "endpoint", chatLabel}, 22 * rounds},
			{"uniapi_completion_tokens_total", []string{"provider", "p", "model", "m", "endpoint", chatLabel}, 14 * rounds},
			{"uniapi_cached_tokens_total", []string{"provider", "p", "model", "m", "endpoint", chatLabel}, 3 * rounds},
			{"uniapi_first_byte_seconds_count", []string{"provider", "p", "model", "m"}, 2 * rounds},
			{"uniapi_request_seconds_count", []string{"provider", "p", "model", "m"}, 2 * rounds},
			{"uniapi_request_seconds_bucket", []string{"provider", "p", "model", "m", "le", "327.68"}, 2 * rounds},
			{"uniapi_attempts_total", []string{"provider", "p", "model", "m"}, tries},
			{"uniapi_attempt_failures_total", []string{"provider", "p", "model", "m"}, tries - 2*rounds},
			{"uniapi_retries_total", nil, tries - 3*rounds},
			{"uniapi_http_responses_total", []string{"status", "500"}, rounds},
			{"uniapi_requests_in_flight", nil, 0},
			{"uniapi_streams_in_flight", nil, 0},
			{"uniapi_provider_keys", []string{"provider", "p"}, 1},
			{"uniapi_channel_resting", []string{"provider", "p", "model", "m"}, 0},
			{"uniapi_build_info", []string{"version", "v0-test"}, 1},
		} {
			if got := m.Total(c.name, c.labels...); got != c.want {
				t.Errorf("round %d: %s%v is %v, want %v", round, c.name, c.labels, got, c.want)
			}
		}
		for _, name := range []string{"uniapi_cost_dollars_total", "uniapi_request_seconds_sum", "uniapi_first_byte_seconds_sum", "uniapi_upstream_dials_total",
			"uniapi_http_responses_total", "go_goroutines", "process_resident_memory_bytes"} {
			if m.Total(name) <= 0 {
				t.Errorf("%s is %v", name, m.Total(name))
			}
		}
		for name, kind := range m.Kinds {
			if strings.HasPrefix(name, "uniapi_") && strings.HasSuffix(name, "_total") != (kind == "counter") {
				t.Errorf("%s is a %s", name, kind)
			}
		}
	}
}

func TestMetricsTellWhoDoesNotCount(t *testing.T) {
	s := staged(t, tongues[0].section)
	path, body := askers[0].plain(false)
	for _, usage := range []string{"", "{}", `"many"`, `{"prompt_tokens":1e18,"completion_tokens":7}`, `{"prompt_tokens":0,"completion_tokens":0}`, tongues[0].own} {
		s.next.Store(&play{kind: jsonKind, first: tongues[0].plain(usage)})
		s.charge(func() { s.post(path, body) })
	}
	m := s.scrape()
	for reason, want := range map[string]float64{"none": 2, "unreadable": 1, "absurd": 1, "zero": 1, "cut": 0, "unit": 0} {
		if got := m.Total("uniapi_usage_lacking_total", "provider", "p", "reason", reason); got != want {
			t.Errorf("%s is %v, want %v", reason, got, want)
		}
	}
}

// TestMetricsTellOfTheDefaultPrice asks a model that has a price, and one that nobody has given one.
func TestMetricsTellOfTheDefaultPrice(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1}}`)
	})
	g := start(t, up.section("/v1", "mine, nobodys, gpt-4o"), "preferences:\n  model_price: {mine: \"1,1\"}\n")
	for _, model := range []string{"mine", "nobodys", "gpt-4o", "nobodys"} {
		if a := g.do("POST", "/v1/chat/completions", `{"model":"`+model+`","messages":[{"role":"user","content":"hi"}]}`, asClient...); a.StatusCode != 200 {
			t.Fatalf("%s: %d %s", model, a.StatusCode, a.body)
		}
	}
	g.settled(4)
	if got := g.scrape().Total("uniapi_default_price_requests_total"); got != 2 {
		t.Errorf("%v requests at the default price, want 2", got)
	}
}

func TestMetricsTellOfEveryProvidersLacksFromTheBeginning(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), providerOf("q", listen(t, both)))
	for _, provider := range []string{"p", "q"} {
		for _, reason := range metrics.LackNames {
			if line := fmt.Sprintf("uniapi_usage_lacking_total{provider=%q,reason=%q} 0\n", provider, reason); !strings.Contains(string(g.metricsPage()), line) {
				t.Errorf("there is no %s", line)
			}
		}
	}
}

func TestEveryMetricIsInTheOperationsGuide(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, providerOf("fails", listen(t, says(reply(500, "application/json", errorBody("no")))), quick), providerOf("p", listen(t, both), quick))
	g.chat(plainRequest)
	told := g.scrape().Kinds
	for name := range told {
		if strings.HasPrefix(name, "uniapi_") && !strings.Contains(string(guide), "`"+name+"`") {
			t.Errorf("%s is not in docs/operations.md", name)
		}
	}
	for _, name := range regexp.MustCompile("`(uniapi_[a-z_]+)`").FindAllStringSubmatch(string(guide), -1) {
		if told[name[1]] == "" {
			t.Errorf("docs/operations.md tells of %s, which is not served", name[1])
		}
	}
}

func TestWhatIsRefusedBeforeAProviderIsAskedIsCountedByStatus(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up), keyed("rate_limit: 1/hour"))
	g.chat(plainRequest)
	g.chat(plainRequest).failure(t, 429, "")
	g.do("POST", "/v1/chat/completions", plainRequest, "Authorization", "Bearer sk-wrong").failure(t, 401, "")
	g.chat(strings.Replace(plainRequest, `"m"`, `"other"`, 1)).failure(t, 404, "")
	g.chat("{").failure(t, 400, "")
	g.do("GET", "/v1/nothing", "").failure(t, 404, "")
	m := g.scrape()
	for status, want := range map[string][2]float64{"200": {1, 1}, "400": {1, 1}, "401": {1, 1}, "404": {1, 2}, "429": {1, 1}} {
		if got := m.Total("uniapi_requests_total", "status", status, "endpoint", chatLabel); got != want[0] {
			t.Errorf("%v requests with %s, want %v", got, status, want[0])
		}
		if got := m.Total("uniapi_http_responses_total", "status", status); got != want[1] {
			t.Errorf("%v answers with %s, want %v", got, status, want[1])
		}
	}
	if n := m.Total("uniapi_requests_total", "provider", "", "model", "m", "status", "429"); n != 1 {
		t.Errorf("%v requests for a known model were refused by a limit", n)
	}
}

func TestModelsThatAreNotConfiguredAreNoLabels(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	g.chat(strings.Replace(plainRequest, `"m"`, `"nothing"`, 1))
	before := g.scrape()
	for i := range 50 {
		name := fmt.Sprintf("hostile-%d\n\"} 1\nuniapi_forged_total ", i)
		g.chat(strings.Replace(plainRequest, `"m"`, strconv.Quote(name), 1)).failure(t, 404, "model_not_found")
		g.do("POST", "/v1beta/models/"+fmt.Sprint("hostile-", i)+":generateContent", "{}", "X-Goog-Api-Key", clientKeyText)
	}
	g.do("POST", "/v1beta/models/hostile:generateContent", "{}", "X-Goog-Api-Key", "hostile")
	g.do("GET", "/hostile", "")
	m := g.scrape()
	for series, labels := range m.Labels {
		for _, value := range labels {
			if strings.Contains(series+value, "hostile") || strings.Contains(series, "forged") {
				t.Errorf("a client has named the series %s", series)
			}
		}
	}
	fresh := 0
	for series := range m.Values {
		if _, known := before.Values[series]; !known && strings.HasPrefix(series, "uniapi_requests_total") {
			fresh++
		}
	}
	if fresh != 2 { // another endpoint, with a key and without
		t.Errorf("%d series have come up", fresh)
	}
}

func TestLimitsCountWhomTheyRefuse(t *testing.T) {
	for _, c := range []struct{ limit, key, rest, more string }{
		{"key", keyed("rate_limit: 1/hour"), "", ""},
		{"gateway", keyed(""), "preferences: {rate_limit: 1/day}\n", ""},
		{"provider_key", keyed(""), "", "    preferences: {api_key_rate_limit: 1/min}\n"},
		{"credits", keyed("credits: 0.01"), bookPrices, ""},
		{"prompt_tokens", keyed("rate_limit: 1/tpr"), "", ""},
	} {
		t.Run(c.limit, func(t *testing.T) {
			g := start(t, providerOf("p", listen(t, both), c.more), c.key, c.rest)
			long := strings.Replace(plainRequest, "hi", "how long is a piece of string", 1)
			g.chat(long)
			if g.chat(long).StatusCode == 200 {
				t.Fatal("nothing was refused")
			}
			m := g.scrape()
			refused := m.Total("uniapi_limited_requests_total", "limit", c.limit)
			if refused < 1 || refused != m.Total("uniapi_limited_requests_total") {
				t.Errorf("%v requests were refused by it, %v in all", refused, m.Total("uniapi_limited_requests_total"))
			}
			if counted := m.Values["uniapi_limit_counters"]; (counted > 0) != (c.limit == "key" || c.limit == "gateway" || c.limit == "provider_key") {
				t.Errorf("%v limits are being counted", counted)
			}
		})
	}
}

func TestMetricsTellWhatRests(t *testing.T) {
	broken := listen(t, says(reply(429, jsonKind, errorBody("slow down"))))
	g := start(t, providerOf("p", broken, "    api: [sk-first-0123456789, sk-second-0123456789]\n    preferences: {api_key_cooldown_period: 60, cooldown_period: 60}\n"),
		providerOf("p", listen(t, says(reply(500, jsonKind, errorBody("broken")))), "    preferences: {cooldown_period: 60}\n"), // of the same name
		providerOf("q", listen(t, both)))
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	m := g.scrape()
	for _, c := range []struct {
		name, provider string
		want           float64
	}{
		{"uniapi_channel_resting", "p", 1}, {"uniapi_channel_resting", "q", 0}, {"uniapi_provider_keys", "p", 3},
		{"uniapi_provider_key_models_resting", "p", 1}, {"uniapi_provider_key_models_resting", "q", 0}, {"uniapi_provider_keys_resting", "p", 0},
	} {
		if got := m.Total(c.name, "provider", c.provider); got != c.want {
			t.Errorf("%s of %s is %v, want %v", c.name, c.provider, got, c.want)
		}
	}
}

func TestMetricsTellWhatIsUnderWay(t *testing.T) {
	goOn := make(chan bool)
	letGo := sync.OnceFunc(func() { close(goOn) })
	defer letGo()
	up := listen(t, func(p *peer, r seen) bool {
		if wantsStream(r) {
			p.say(streamHead + chunk(event("one")))
		}
		<-goOn
		p.gone()
		return false
	})
	g := start(t, providerOf("p", up))
	streaming, waiting := g.dial(), g.dial()
	streaming.post(streamRequest)
	streaming.head()
	waiting.post(plainRequest)
	g.dial()
	eventually(t, "both are at the provider", func() bool { return len(up.requests()) == 2 })
	m := g.scrape()
	for _, c := range []struct {
		name, state string
		want        float64
	}{
		{"uniapi_client_connections", "serving", 2}, {"uniapi_client_connections", "waiting", 2}, // a silent one, and that of the scrape
		{"uniapi_upstream_connections", "busy", 2}, {"uniapi_upstream_connections", "idle", 0},
	} {
		if got := m.Total(c.name, "state", c.state); got != c.want {
			t.Errorf("%s %s is %v, want %v", c.name, c.state, got, c.want)
		}
	}
	if m.Values["uniapi_requests_in_flight"] != 2 || m.Values["uniapi_streams_in_flight"] != 1 {
		t.Errorf("%v requests and %v streams", m.Values["uniapi_requests_in_flight"], m.Values["uniapi_streams_in_flight"])
	}
	letGo()
	streaming.Close()
	waiting.Close()
	g.settled(2)
	if n := g.scrape().Total("uniapi_requests_total", "status", "499", "provider", "p"); n != 2 {
		t.Errorf("%v requests whose client left", n)
	}
}

func TestNamesOfAnyKindMakeValidLabels(t *testing.T) {
	names := []string{`a"b`, `a\b`, "späße/模型", "a\tb", "a\u200bb", "{x}", "a=b,c", strings.Repeat("long", 200) + "1", strings.Repeat("long", 200) + "2"}
	list := ""
	for _, name := range names {
		list += strconv.Quote(name) + ", "
	}
	g := start(t, providerOf("p", listen(t, both), "    model: ["+list+"m]\n"))
	for _, name := range names {
		body := strings.Replace(plainRequest, `"m"`, jsonText(name), 1)
		if a := g.chat(body); a.StatusCode != 200 {
			t.Errorf("%q: %d %s", name, a.StatusCode, a.body)
		}
	}
	g.settled(len(names))
	m := g.scrape()
	for _, name := range names[:7] {
		if n := m.Total("uniapi_requests_total", "model", name); n != 1 {
			t.Errorf("%v requests of %q", n, name)
		}
	}
	if n := m.Total("uniapi_requests_total"); n != float64(len(names)) {
		t.Errorf("%v requests in all", n)
	}
}

func TestOnlyAnAdminMayScrape(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), paidKeys("1"))
	g.do("GET", "/metrics", "").failure(t, 401, "invalid_api_key")
	g.do("GET", "/metrics", "", asClient...).failure(t, 403, "admin_required")
	g.scrape(adminKeyText)
}

func jsonText(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}
