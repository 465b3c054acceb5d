package server

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Prometheus' text form, as far as it is used.
var (
	metricType = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|summary|histogram)$`)
	metricLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"(?:, ?)?)*\})? ([^ ]+)$`)
)

// scrape reads /metrics. Every line must be good, and no series may come twice.
func (g *gateway) scrape() map[string]float64 {
	g.t.Helper()
	a := g.do("GET", "/metrics", "", asClient...)
	if kind := a.Header.Get("Content-Type"); a.StatusCode != 200 || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		g.t.Fatalf("%d %s %s", a.StatusCode, kind, a.body)
	}
	values, types := map[string]float64{}, map[string]bool{}
	for line := range strings.Lines(a.body) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "# HELP ") {
			continue
		}
		if parts := metricType.FindStringSubmatch(line); parts != nil {
			if types[parts[1]] {
				g.t.Errorf("the type of %s is told twice", parts[1])
			}
			types[parts[1]] = true
			continue
		}
		parts := metricLine.FindStringSubmatch(line)
		if parts == nil {
			g.t.Errorf("not Prometheus' text form: %q", line)
			continue
		}
		value, err := strconv.ParseFloat(parts[3], 64)
		if _, twice := values[parts[1]+parts[2]]; err != nil || twice {
			g.t.Errorf("no number (%v), or twice (%v): %q", err, twice, line)
		}
		values[parts[1]+parts[2]] = value
	}
	for _, key := range []string{clientKeyText, upstreamKeyText, clientKeyText[3:16], upstreamKeyText[3:16]} {
		if strings.Contains(a.body, key) {
			g.t.Errorf("a key is in the metrics:\n%s", a.body)
		}
	}
	return values
}

func TestMetricsAreValidAndGrow(t *testing.T) {
	up := listen(t, func(p *peer, r seen) bool {
		if strings.Contains(r.body, "fail") {
			p.say(reply(500, jsonKind, `{"error":{"message":"no"}}`))
			return true
		}
		return both(p, r)
	})
	g := start(t, provider("p", up, "    preferences: {cooldown_period: 0}\n"), bookPrices)
	const of, ofAttempts = `{provider="p",model="m",endpoint="POST /v1/chat/completions"}`, `{provider="p",model="m"}`
	if before := g.scrape(); before["uniapi_requests_total"+of] != 0 || before["uniapi_ledger_writable"] != 1 {
		t.Errorf("%v", before)
	}
	for round := range 2 {
		g.chat(plainRequest)
		g.chat(streamRequest)
		g.chat(strings.Replace(plainRequest, "hi", "fail", 1))
		g.settled(3 * (round + 1))
		values := g.scrape()
		for name, once := range map[string]float64{
			"uniapi_requests_total" + of: 3, "uniapi_request_failures_total" + of: 1, "uniapi_prompt_tokens_total" + of: 22, "uniapi_completion_tokens_total" + of: 14,
			"uniapi_cached_tokens_total" + of: 3, "uniapi_first_byte_seconds_count" + of: 2,
			"uniapi_attempts_total" + ofAttempts: float64(len(up.requests())) / float64(round+1), "uniapi_upstream_dials_total": values["uniapi_upstream_dials_total"] / float64(round+1),
		} {
			if got := values[name]; got != once*float64(round+1) {
				t.Errorf("round %d: %s is %v", round, name, got)
			}
		}
		for _, name := range []string{"uniapi_cost_dollars_total" + of, "uniapi_request_seconds_sum" + of, "uniapi_first_byte_seconds_sum" + of, "uniapi_attempt_failures_total" + ofAttempts,
			"uniapi_upstream_dials_total", "go_goroutines", "process_resident_memory_bytes"} {
			if values[name] <= 0 {
				t.Errorf("%s is %v", name, values[name])
			}
		}
		if values["uniapi_requests_in_flight"] != 0 {
			t.Errorf("%v in flight", values["uniapi_requests_in_flight"])
		}
	}
}

func TestNamesOfAnyKindMakeValidLabels(t *testing.T) {
	names := []string{`a"b`, `a\b`, "späße/模型", "a\tb", "a\u200bb", "{x}", "a=b,c"}
	list := ""
	for _, name := range names {
		list += strconv.Quote(name) + ", "
	}
	g := start(t, provider("p", listen(t, both), "    model: ["+list+"m]\n"))
	for _, name := range names {
		body := strings.Replace(plainRequest, `"m"`, jsonText(name), 1)
		if a := g.chat(body); a.StatusCode != 200 {
			t.Errorf("%q: %d %s", name, a.StatusCode, a.body)
		}
	}
	g.settled(len(names))
	n := 0
	for series := range g.scrape() {
		if strings.HasPrefix(series, "uniapi_requests_total{") {
			n++
		}
	}
	if n != len(names) {
		t.Errorf("%d series of %d models", n, len(names))
	}
}

func TestOnlyAnAdminMayScrape(t *testing.T) {
	g := start(t, provider("p", listen(t, both)), paidKeys("1"))
	g.do("GET", "/metrics", "").failure(t, 401, "invalid_api_key")
	g.do("GET", "/metrics", "", asClient...).failure(t, 403, "admin_required")
}

func jsonText(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}
