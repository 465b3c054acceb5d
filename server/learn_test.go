package server

import (
	"fmt"
	"strings"
	"testing"
	"uniapi/balancer/limit/told"

	"github.com/valyala/fasthttp"
)

// headed puts more into the head of an answer.
func headed(answer string, headers ...string) string {
	line, rest, _ := strings.Cut(answer, "\r\n")
	return line + "\r\n" + strings.Join(headers, "\r\n") + "\r\n" + rest
}

// spentOnce is a provider whose first key has one request a minute, and says so; it refuses the second.
func spentOnce(j *journal) script {
	asked := 0
	return func(p *peer, r seen) bool {
		if r.Header.Get("Authorization") != "Bearer sk-first-0123456789" {
			return j.named("second", both)(p, r)
		}
		asked++
		answer := plainOK
		if wantsStream(r) {
			answer = streamOK
		}
		if asked > 1 {
			answer = reply(429, jsonKind, errorBody("slow down"))
		}
		return j.named("first", says(headed(answer, "x-ratelimit-limit-requests: 1", "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 60s")))(p, r)
	}
}

func TestKeyIsPassedOverBeforeItsProviderRefusesIt(t *testing.T) {
	for name, body := range map[string]string{"plain": plainRequest, "a stream": streamRequest} {
		t.Run(name, func(t *testing.T) {
			var j journal
			g := start(t, providerOf("p", listen(t, spentOnce(&j)), "    api: [sk-first-0123456789, sk-second-0123456789]\n    preferences: {api_key_schedule_algorithm: fixed_priority}\n"))
			for range 3 {
				if a := g.chat(body); a.StatusCode != 200 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
			}
			if j.String() != "first second second" {
				t.Errorf("asked with %s", &j)
			}
			if n := g.scrape().Total("uniapi_provider_key_models_spent", "provider", "p"); n != 1 {
				t.Errorf("%v keys are told to be spent", n)
			}
			if a := g.do("GET", "/v1/overview", "", "Authorization", "Bearer "+clientKeyText); !strings.Contains(a.body, `"spent_models":[{"upstream_model":"m","until":`) {
				t.Error(a.body)
			}
			if a := g.do("GET", "/v1/explain?model=m&key="+clientKeyText, "", "Authorization", "Bearer "+clientKeyText); !strings.Contains(a.body, "too little is left to it") {
				t.Error(a.body)
			}
		})
	}
}

func TestKeyThatHasNothingLeftIsAskedIfItIsTheLast(t *testing.T) {
	for name, head := range map[string][]string{
		"served":    {"anthropic-ratelimit-requests-remaining: 0", "anthropic-ratelimit-requests-reset: 2999-01-01T00:00:00Z"},
		"and spent": {"x-ratelimit-remaining-requests-day: 0", "x-ratelimit-reset-requests-day: 40000"},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, providerOf("p", listen(t, says(headed(plainOK, head...))), "    api: [sk-first-0123456789, sk-second-0123456789]\n"), providerOf("q", listen(t, says(headed(plainOK, head...)))))
			for range 6 {
				if a := g.chat(plainRequest); a.StatusCode != 200 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
			}
		})
	}
}

func TestRefusalThatSaysItInItsHeadersIsHeeded(t *testing.T) {
	up := listen(t, says(headed(reply(429, jsonKind, errorBody("slow down")), "X-RateLimit-Limit: 20", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 45")))
	g := start(t, providerOf("p", up))
	if a := g.chat(plainRequest); a.StatusCode != 429 || a.Header.Get("Retry-After") != "45" {
		t.Fatalf("%d, Retry-After %q: %s", a.StatusCode, a.Header.Get("Retry-After"), a.body)
	}
}

// BenchmarkLearn is what it costs an answer that tells of no limits, and one of OpenAI's.
func BenchmarkLearn(b *testing.B) {
	for _, c := range []struct {
		name  string
		lines []string
	}{
		{"absent", nil},
		{"OpenAI", []string{"x-ratelimit-limit-requests: 60", "x-ratelimit-limit-tokens: 150000", "x-ratelimit-remaining-requests: 59", "x-ratelimit-remaining-tokens: 149984", "x-ratelimit-reset-requests: 1s", "x-ratelimit-reset-tokens: 6m0s"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var h fasthttp.ResponseHeader
			for i := range 8 {
				h.Add(fmt.Sprint("X-Request-Id-", i), "req_0123456789abcdef")
			}
			for _, line := range c.lines {
				name, value, _ := strings.Cut(line, ": ")
				h.Add(name, value)
			}
			b.ReportAllocs()
			for b.Loop() {
				t := told.By(h.All())
				if t.Any() != (c.lines != nil) {
					b.Fatal("it is not told")
				}
			}
		})
	}
}
