package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestRequestThatIsRefusedTakesNothingFromOtherKeys has one client key send many requests that are refused, for
// whatever there is to refuse them for, and another key find all of what they share.
func TestRequestThatIsRefusedTakesNothingFromOtherKeys(t *testing.T) {
	const other = "sk-other-0123456789abcdefghijklm"
	dear := strings.Replace(plainRequest, "{", `{"max_tokens":100000,`, 1)
	for name, test := range map[string]struct {
		preferences, more string
		path, body        string
		code              string // of the refusals; "" is none
		status            int
	}{
		"credits that are used up":    {"credits: 0.0001", "", "/v1/chat/completions", dear, "insufficient_quota", 429},
		"a medium that has no price":  {"credits: 1", "", "/v1/audio/speech", `{"model":"m","input":"x","voice":"v"}`, "unpriced_media", 403},
		"requests at once":            {"rate_limit: 1 concurrent", "", "/v1/chat/completions", dear, "gateway_rate_limit", 429},
		"a limit of its own":          {"rate_limit: 1/min", "", "/v1/chat/completions", dear, "gateway_rate_limit", 429},
		"a prompt that is too long":   {"rate_limit: 1/tpr", "", "/v1/chat/completions", strings.Replace(dear, "hi", "much more than a token", 1), "prompt_too_long", 413},
		"a model that is not there":   {"", "", "/v1/chat/completions", strings.Replace(dear, `"m"`, `"no"`, 1), "model_not_found", 404},
		"lists of models, beyond its": {"rate_limit: 1/min", "", "/v1/models", "", "", 200},
	} {
		for _, queue := range []string{"", ", queue: 0.01"} {
			t.Run(name+queue, func(t *testing.T) {
				goOn := make(chan bool)
				letGo := sync.OnceFunc(func() { close(goOn) })
				defer letGo()
				up := listen(t, func(p *peer, r seen) bool {
					if strings.Contains(r.body, "wait") {
						<-goOn
					}
					return both(p, r)
				})
				g := start(t, providerOf("p", up), fmt.Sprintf("api_keys: [{api: %s, role: admin}, {api: %s, preferences: {%s}}]\n", clientKeyText, other, strings.TrimPrefix(test.preferences+queue, ", ")),
					"preferences: {rate_limit: 12/min}\n"+test.more)
				as := []string{"Authorization", "Bearer " + other}
				first := make(chan answer, 1)
				go func() { first <- g.do("POST", "/v1/chat/completions", strings.Replace(dear, "hi", "wait", 1), as...) }()
				eventually(t, "the first is asked", func() bool { return len(up.requests()) == 1 })
				for range 30 {
					method := "POST"
					if test.body == "" {
						method = "GET"
					}
					if a := g.do(method, test.path, test.body, as...); test.code != "" {
						a.failure(t, test.status, test.code)
					} else if a.StatusCode != test.status {
						t.Fatalf("%d %s", a.StatusCode, a.body)
					}
				}
				for range 10 { // one was the first, and a list
					if a := g.chat(plainRequest); a.StatusCode != 200 {
						t.Fatalf("another key: %d %s", a.StatusCode, a.body)
					}
				}
				letGo()
				if a := receive(t, first, "the first answer"); a.StatusCode != 200 {
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
			})
		}
	}
}
