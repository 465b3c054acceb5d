package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"uniapi/server/queue"
)

// waits lets the gateway's queue have so many requests.
func (g *gateway) waits(t *testing.T, n int64) {
	t.Helper()
	eventually(t, fmt.Sprint(n, " wait"), func() bool { return g.waiting.Stats().Waiting == n })
}

func TestRequestWaitsForALimitInsteadOfBeingRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ key, all, body string }{
		"requests at once":                {"rate_limit: 1 concurrent, queue: 30", "", plainRequest},
		"a stream":                        {"rate_limit: 1 concurrent, queue: 30s", "", streamRequest},
		"of all keys":                     {"queue: 30", "preferences: {rate_limit: 1 concurrent}\n", plainRequest},
		"of a model of all keys":          {"queue: 30", "preferences: {rate_limit: {m: 1 concurrent}}\n", plainRequest},
		"for all keys":                    {"rate_limit: 1 concurrent", "preferences: {queue: 30}\n", plainRequest},
		"tokens, which are held":          {"rate_limit: 600 tokens/10min, queue: 30", "", plainRequest},
		"money, which is held":            {"rate_limit: 0.001 usd/10min, queue: 30", "", plainRequest},
		"requests of a window that moves": {"rate_limit: '1/s', queue: 30", "", plainRequest},
	} {
		t.Run(name, func(t *testing.T) {
			test.key = strings.ReplaceAll(test.key, "10min", "min")
			goOn := make(chan bool)
			letGo := sync.OnceFunc(func() { close(goOn) })
			defer letGo()
			up := listen(t, func(p *peer, r seen) bool { <-goOn; return both(p, r) })
			g := start(t, providerOf("p", up), keyed(test.key), test.all)
			answers := make(chan answer, 2)
			chat := func() { answers <- g.chat(test.body) }
			go chat()
			eventually(t, "the first is asked", func() bool { return len(up.requests()) == 1 })
			go chat()
			if strings.Contains(test.key, "/s") {
				eventually(t, "the second is asked", func() bool { return len(up.requests()) == 2 })
			} else {
				g.waits(t, 1)
				if n := g.scrape().Total("uniapi_waiting_requests"); n != 1 {
					t.Errorf("%v are told to wait", n)
				}
			}
			letGo()
			for range 2 {
				if a := receive(t, answers, "an answer"); a.StatusCode != 200 {
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
			}
			m := g.scrape()
			if n := m.Total("uniapi_waited_requests_total", "end", "admitted"); n != 1 || m.Total("uniapi_waited_seconds_total") <= 0 || m.Total("uniapi_waiting_requests") != 0 {
				t.Errorf("%v have waited, for %v s", n, m.Total("uniapi_waited_seconds_total"))
			}
			if n := m.Total("uniapi_limited_requests_total"); n != 0 {
				t.Errorf("%v are counted as refused", n)
			}
		})
	}
}

func TestRequestThatWaitsInVainIsRefusedAsOneThatDoesNot(t *testing.T) {
	for name, test := range map[string]struct {
		key  string
		ends string // as the metric has it; "" is that it did not wait
	}{
		"at its time":                            {"rate_limit: 1 concurrent, queue: 0.2", "late"},
		"at once, since no time would be enough": {"rate_limit: 1/day, queue: 30", ""},
		"without a queue":                        {"rate_limit: 1 concurrent", ""},
		"with one that is switched off":          {"rate_limit: 1 concurrent, queue: 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			goOn := make(chan bool)
			defer close(goOn)
			up := listen(t, func(p *peer, r seen) bool { <-goOn; return both(p, r) })
			g := start(t, providerOf("p", up), keyed(test.key), "preferences: {queue: 0}\n")
			go g.http.Do(g.request("POST", "/v1/chat/completions", plainRequest, "Authorization", "Bearer "+clientKeyText))
			eventually(t, "the first is asked", func() bool { return len(up.requests()) == 1 })
			a := g.chat(plainRequest)
			a.failure(t, 429, "gateway_rate_limit")
			if a.Header.Get("Retry-After") == "" || len(up.requests()) != 1 {
				t.Errorf("Retry-After %q, %d were asked", a.Header.Get("Retry-After"), len(up.requests()))
			}
			for outcome := queue.Admitted; outcome <= queue.Closed; outcome++ {
				if n := g.waiting.Stats().Ended[outcome]; n > 1 || n == 1 != (outcome.String() == test.ends) {
					t.Errorf("%v have waited until %v", n, outcome)
				}
			}
		})
	}
}

func TestWaitingEndsWithItsClientAndWithTheGateway(t *testing.T) {
	for _, end := range []string{"left", "closed"} {
		t.Run(end, func(t *testing.T) {
			goOn := make(chan bool)
			letGo := sync.OnceFunc(func() { close(goOn) })
			defer letGo()
			up := listen(t, func(p *peer, r seen) bool { <-goOn; return both(p, r) })
			g := start(t, providerOf("p", up), keyed("rate_limit: 1 concurrent, queue: 600"))
			first := make(chan answer, 1)
			go func() { first <- g.chat(plainRequest) }()
			eventually(t, "the first is asked", func() bool { return len(up.requests()) == 1 })
			c := g.dial()
			c.post(plainRequest)
			g.waits(t, 1)
			if end == "left" {
				c.Close()
				g.waits(t, 0)
				eventually(t, "the log has it", func() bool { return strings.Contains(g.log.String(), `"status":499`) })
			} else {
				over := g.shutDown(context.Background())
				if a := c.answer(); a.StatusCode != 429 || a.Header.Get("Retry-After") == "" {
					t.Errorf("%d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
				}
				letGo()
				if err := receive(t, over, "the end"); err != nil {
					t.Error(err)
				}
			}
			if n := g.waiting.Stats().Ended; n[map[string]queue.Ending{"left": queue.Left, "closed": queue.Closed}[end]] != 1 {
				t.Errorf("ended as %v", n)
			}
			letGo()
			if a := receive(t, first, "the first answer"); a.StatusCode != 200 || len(up.requests()) != 1 {
				t.Errorf("%d, %d were asked", a.StatusCode, len(up.requests()))
			}
		})
	}
}

func TestKeysThatWaitTakeTurns(t *testing.T) {
	const one, two = "sk-one-0123456789abcdefghijklm", "sk-two-0123456789abcdefghijklm"
	goOn, order := make(chan bool), make(chan string, 16)
	up := listen(t, func(p *peer, r seen) bool {
		order <- r.body[strings.Index(r.body, "key "):][:5]
		<-goOn
		return both(p, r)
	})
	g := start(t, providerOf("p", up), "api_keys: [{api: "+clientKeyText+", role: admin}, {api: "+one+"}, {api: "+two+"}]\n", "preferences: {rate_limit: 1 concurrent, queue: 60}\n")
	var all sync.WaitGroup
	for i, name := range []string{"0", "1", "1", "1", "2", "2"} {
		key := map[string]string{"0": clientKeyText, "1": one, "2": two}[name]
		all.Go(func() {
			if a := g.do("POST", "/v1/chat/completions", strings.Replace(plainRequest, "hi", "key "+name, 1), "Authorization", "Bearer "+key); a.StatusCode != 200 {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
		if i == 0 {
			eventually(t, "the first is asked", func() bool { return len(up.requests()) == 1 })
		} else {
			g.waits(t, int64(i))
		}
	}
	var got []string
	for range 6 {
		got = append(got, receive(t, order, "a request"))
		goOn <- true
	}
	all.Wait()
	if text := strings.Join(got, ", "); text != "key 0, key 1, key 2, key 1, key 2, key 1" {
		t.Error(text)
	}
}

func TestExplainTellsThatARequestWouldWait(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), keyed("rate_limit: 1/min, queue: 90"))
	g.chat(plainRequest)
	if a := g.do("GET", "/v1/explain?model=m&key="+clientKeyText, "", "Authorization", "Bearer "+clientKeyText); !strings.Contains(a.body, "it would wait for 1m30s at most (queue)") {
		t.Error(a.body)
	}
	began := time.Now()
	if a := start(t, providerOf("p", listen(t, both)), keyed("rate_limit: 0/min, queue: 5")).do("POST", "/v1beta/models/m:generateContent", `{"contents":[]}`, "X-Goog-Api-Key", clientKeyText); a.StatusCode != 429 || time.Since(began) > patience {
		t.Errorf("%d after %v", a.StatusCode, time.Since(began))
	}
}
