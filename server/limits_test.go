package server

import (
	"fmt"
	"strings"
	"testing"
)

// keyed is the test's key with preferences.
func keyed(preferences string) string {
	return "api_keys:\n  - api: " + clientKeyText + "\n    role: admin\n    preferences: {" + preferences + "}\n"
}

func TestRateLimitSaysWhoseItIsAndWhenToComeBack(t *testing.T) {
	for _, test := range []struct {
		name, key, rest, more string
		code, word            string
	}{
		{"the key's", keyed("rate_limit: 1/hour"), "", "", "gateway_rate_limit", "This API key may make 1 request per hour of model m"},
		{"that of all keys", keyed(""), "preferences: {rate_limit: 1/day}\n", "", "gateway_rate_limit", "1 request per day from all its keys"},
		{"that of a provider's key", keyed(""), "", "    preferences: {api_key_rate_limit: 1/min}\n", "provider_keys_limited", "1 request per minute"},
	} {
		t.Run(test.name, func(t *testing.T) {
			up := listen(t, both)
			g := start(t, providerOf("p", up, test.more), test.key, test.rest)
			if a := g.chat(plainRequest); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			a := g.chat(plainRequest)
			if message := a.failure(t, 429, test.code); !strings.Contains(message, test.word) || !strings.Contains(message, "provider was not asked") {
				t.Errorf("told %q", message)
			}
			if after := a.Header.Get("Retry-After"); after == "" || after == "0" {
				t.Errorf("Retry-After %q", after)
			}
			if n := len(up.requests()); n != 1 {
				t.Errorf("the provider saw %d requests", n)
			}
		})
	}
}

func TestKeyWithoutCreditIsBlockedAlsoInThePlaceOfAChannel(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up), keyed("credits: 0"))
	if message := g.chat(plainRequest).failure(t, 429, "insufficient_quota"); !strings.Contains(message, "Balance is insufficient") {
		t.Errorf("told %q", message)
	}
	const poor = "sk-poor-0123456789abcdefghijkl"
	g = start(t, providerOf("p", up), "api_keys:\n  - {api: "+clientKeyText+", model: ["+poor+"/*]}\n  - {api: "+poor+", preferences: {credits: 0}}\n")
	g.chat(plainRequest).failure(t, 429, "")
	if n := len(up.requests()); n != 0 {
		t.Errorf("the provider saw %d requests", n)
	}
	g = start(t, providerOf("p", up), keyed("credits: 0.5"))
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestAnswerTellsWhatIsLeftOfTheLimit(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), keyed("rate_limit: '5/min,100/day'"))
	h := g.chat(plainRequest).Header
	if h.Get("X-Ratelimit-Limit-Requests") != "5" || h.Get("X-Ratelimit-Remaining-Requests") != "4" || h.Get("X-Ratelimit-Reset-Requests") == "" {
		t.Errorf("%v", h)
	}
	if h := start(t, providerOf("p", listen(t, both))).chat(plainRequest).Header; h.Get("X-Ratelimit-Limit-Requests") != "" {
		t.Errorf("a limit is told where there is none: %v", h)
	}
}

func TestProvidersOwnLimitIsCalledTheProviders(t *testing.T) {
	for _, c := range []struct{ says, preferences, told string }{
		{"17", "", "17"},
		{"36000", "", "600"}, // when the gateway asks again itself
		{"36000", "preferences: {max_retry_after: 60}\n", "60"},
		{"36000", "preferences: {max_retry_after: 0}\n", ""},
	} {
		const body = `{"error":{"message":"slow down, try again in 10h"}}`
		limited := listen(t, says(fmt.Sprintf("HTTP/1.1 429 Slow\r\nContent-Type: application/json\r\nRetry-After: %s\r\nContent-Length: %d\r\n\r\n%s", c.says, len(body), body)))
		g := start(t, providerOf("p", limited), once, c.preferences)
		a := g.chat(plainRequest)
		if message := a.failure(t, 429, ""); !strings.Contains(message, "the provider's limit") || !strings.Contains(message, "slow down, try again in 10h") {
			t.Errorf("told %q", message)
		}
		if got := a.Header.Get("Retry-After"); got != c.told {
			t.Errorf("Retry-After %s%s: %q, want %q", c.says, c.preferences, got, c.told)
		}
	}
}

func TestPromptsAndBodiesTooLongForAChannelGoElsewhere(t *testing.T) {
	long := strings.Replace(plainRequest, "hi", strings.Repeat("word ", 400), 1)
	for _, test := range []struct{ name, more, word string }{
		{"by the body's size", "    preferences: {max_request_body_bytes: 1000}\n", "too large for all available providers"},
		{"by the prompt's tokens", "    preferences: {api_key_rate_limit: 100/tpr}\n", "too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			small, big := listen(t, both), listen(t, both)
			g := start(t, providerOf("small", small, test.more), providerOf("big", big))
			if a := g.chat(long); a.StatusCode != 200 || len(small.requests()) != 0 {
				t.Errorf("%d, the small channel saw %d", a.StatusCode, len(small.requests()))
			}
			if a := g.chat(plainRequest); a.StatusCode != 200 || len(small.requests()) != 1 {
				t.Errorf("%d, the small channel saw %d", a.StatusCode, len(small.requests()))
			}
			g = start(t, providerOf("small", small, test.more))
			if message := g.chat(long).failure(t, 413, ""); !strings.Contains(message, test.word) {
				t.Errorf("told %q", message)
			}
		})
	}
	g := start(t, providerOf("p", listen(t, both)), keyed("rate_limit: 100/tpr"))
	g.chat(long).failure(t, 413, "prompt_too_long")
	for _, a := range askers {
		path, body := a.plain(false)
		if a := g.do("POST", path, body, asClient...); a.StatusCode != 413 {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	for _, path := range []string{"/v1/completions", "/v1/embeddings", "/v1/images/generations", "/v1/audio/speech", "/v1/moderations"} {
		g.do("POST", path, `{"model":"m","prompt":"`+askedText+`","input":"`+askedText+`"}`, asClient...).failure(t, 413, "prompt_too_long")
	}
}

func TestRulesKeepRequestsFromAChannel(t *testing.T) {
	shy, other := listen(t, both), listen(t, both)
	g := start(t, providerOf("shy", shy, "    exclude_request_rules: {match: {reasoning_effort: [high, xhigh]}}\n"), providerOf("other", other))
	for _, effort := range []string{`"reasoning_effort":"high"`, `"reasoning":{"effort":"XHIGH"}`} {
		g.chat(strings.Replace(plainRequest, `"model":"m"`, `"model":"m",`+effort, 1))
	}
	if len(shy.requests()) != 0 || len(other.requests()) != 2 {
		t.Errorf("shy saw %d, other %d", len(shy.requests()), len(other.requests()))
	}
	g = start(t, providerOf("shy", shy, "    exclude_endpoints: /v1/chat/completions\n"))
	if message := g.chat(plainRequest).failure(t, 404, "no_channel"); !strings.Contains(message, "exclude_") {
		t.Errorf("told %q", message)
	}
}

func TestTimeoutPolicyGoesOverTheModelsTimeout(t *testing.T) {
	silent := listen(t, func(p *peer, _ seen) bool {
		p.gone()
		return false
	})
	g := start(t, providerOf("p", silent, "    preferences: {timeout_policy: {rules: [{match: {stream: true}, timeout: 0.2}]}}\n"), once)
	if message := g.chat(streamRequest).failure(t, 504, "timeout"); !strings.Contains(message, "0.2 seconds") {
		t.Errorf("told %q", message)
	}
}

func TestAttemptsAreShownToAnAdminWhoAsks(t *testing.T) {
	broken, well := listen(t, says(reply(500, jsonKind, `{"error":{"message":"broken"}}`))), listen(t, both)
	g := start(t, providerOf("p", broken), providerOf("q", well), keyed(""))
	shown := g.chat(plainRequest, "X-Debug-Attempts", "1").Header.Get("X-Debug-Attempts")
	if !strings.HasPrefix(shown, "p/m key 1 500 ") || !strings.Contains(shown, "; q/m key 1 200 ") {
		t.Errorf("shown %q", shown)
	}
	if line := g.log.Next(t, "request"); !strings.HasPrefix(fmt.Sprint(line["tried"]), "p/m key 1 500 ") {
		t.Errorf("logged %v", line["tried"])
	}
	if channel := g.chat(plainRequest).Header.Get("X-Uni-Api-Channel"); channel != "q/m" {
		t.Errorf("an admin is told of the channel %q", channel)
	}
	if shown := g.chat(plainRequest).Header.Get("X-Debug-Attempts"); shown != "" {
		t.Errorf("shown without being asked: %q", shown)
	}
	g = start(t, providerOf("p", well), "api_keys:\n  - {api: "+clientKeyText+", role: user}\n  - {api: sk-other-0123456789abcdefghij, role: admin}\n")
	if shown := g.chat(plainRequest, "X-Debug-Attempts", "1").Header.Get("X-Debug-Attempts"); shown != "" {
		t.Errorf("shown to a key that is no admin's: %q", shown)
	}
}

func TestAllChannelsAtRestByALimitSaySo(t *testing.T) {
	limited := "HTTP/1.1 429 Slow\r\nContent-Type: application/json\r\nRetry-After: 30\r\nContent-Length: 33\r\n\r\n" + `{"error":{"message":"slow down"}}`
	unready := strings.Replace(limited, "429 Slow", "503 Unready", 1)
	for _, test := range []struct {
		name, one, other string
		status           int
		code             string
	}{
		{"limits of both", limited, limited, 429, "provider_rate_limit"},
		{"unready, both say until when", unready, unready, 503, "all_channels_resting"},
		{"a limit, and unready until when", limited, unready, 503, "all_channels_resting"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := start(t, providerOf("p", listen(t, says(test.one))), providerOf("q", listen(t, says(test.other))))
			g.chat(plainRequest)
			a := g.chat(plainRequest)
			a.failure(t, test.status, test.code)
			if a.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}

func TestStreamThatAnOverrideForbidsIsStillAStreamForTheClient(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up, "    preferences: {post_body_parameter_overrides: {stream: false}}\n"))
	a := g.chat(strings.Replace(streamRequest, `"stream":true`, `"stream":true,"stream_options":{"include_usage":true}`, 1))
	if !strings.Contains(a.body, `"content":"hello"`) || !strings.HasSuffix(a.body, doneEvent) {
		t.Errorf("got %s", a.body)
	}
	if body := up.requests()[0].body; !strings.Contains(body, `"stream":false`) || strings.Contains(body, "stream_options") {
		t.Errorf("sent %s", body)
	}
}
