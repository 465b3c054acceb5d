package server

import (
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uniapi/config"
)

// held plays a script when it is released, and tells when its client has gone before.
func held(release <-chan struct{}, gone chan<- struct{}, then script) script {
	return func(p *peer, r seen) bool {
		left := make(chan struct{})
		go func() { p.gone(); close(left) }()
		select {
		case <-release:
			then(p, r)
			return false
		case <-left:
			gone <- struct{}{}
			return false
		}
	}
}

// comes tells that a request has come, and awaiting waits until so many have before it plays a script: however busy the
// machine is, nobody answers before those that hang have been asked.
func comes(arrived chan<- struct{}, then script) script {
	return func(p *peer, r seen) bool { arrived <- struct{}{}; return then(p, r) }
}

func awaiting(arrived <-chan struct{}, number int, then script) script {
	return func(p *peer, r seen) bool {
		for range number {
			<-arrived
		}
		return then(p, r)
	}
}

const hedgeAtOnce = "hedging: {enabled: true, delay: 0.05, share: 100}"

// A provider that is slow is not waited for alone; the first answer is the client's, and the other is ended.
func TestHedgingTakesTheFirstAnswer(t *testing.T) {
	translated := "  - provider: p\n    base_url: http://ADDRESS/v1/messages\n    api: k\n    model: [m]\n"
	for _, test := range []struct {
		name, request, section string
		says                   string
	}{
		{"plain", plainRequest, "", "hello"},
		{"stream", streamRequest, "", "[DONE]"},
		{"plain, the slow one of another format", plainRequest, translated, "hello"},
		{"stream, the slow one of another format", streamRequest, translated, "[DONE]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var order journal
			gone, arrived := make(chan struct{}, 1), make(chan struct{}, 9)
			slow := listen(t, order.named("p", comes(arrived, held(nil, gone, both))))
			section := providerOf("p", slow)
			if test.section != "" {
				section = strings.Replace(test.section, "ADDRESS", slow.addr, 1)
			}
			g := start(t, section, providerOf("q", listen(t, awaiting(arrived, 1, order.named("q", both)))), bookPrices,
				paidKeys("1", "      SCHEDULING_ALGORITHM: fixed_priority\n      "+hedgeAtOnce+"\n"))
			a := g.do("POST", "/v1/chat/completions", test.request, asClient...)
			if a.StatusCode != 200 || !strings.Contains(a.body, test.says) || order.String() != "p q" {
				t.Errorf("%d by %q: %s", a.StatusCode, &order, a.body)
			}
			<-gone // the other was ended when one had answered
			g.settled(1)
			page := string(g.metricsPage())
			for _, line := range []string{"uniapi_hedged_attempts_total 1", "uniapi_hedged_attempts_won_total 1"} {
				if !strings.Contains(page, line) {
					t.Errorf("no %s in\n%s", line, page)
				}
			}
			if strings.Contains(page, `uniapi_attempt_failures_total{model="m",provider="p",`) {
				t.Errorf("what was outrun has failed:\n%s", page)
			}
			if u := g.used(); u.Requests != 1 {
				t.Errorf("the client pays for %+v", u)
			}
			if stats := g.do("GET", "/v1/stats", "", "Authorization", "Bearer "+adminKeyText).body; strings.Contains(stats, `"p"`) || !strings.Contains(stats, `"q"`) {
				t.Errorf("what was outrun has served or failed: %s", stats)
			}
		})
	}
}

// The first may still be the first to answer.
func TestHedgingKeepsTheFirstAttempt(t *testing.T) {
	var order journal
	release, gone := make(chan struct{}), make(chan struct{}, 1)
	q := func(*peer, seen) bool { close(release); return true }
	g := start(t, providerOf("p", listen(t, order.named("p", held(release, nil, both)))),
		providerOf("q", listen(t, order.named("q", func(p *peer, r seen) bool { q(p, r); p.gone(); gone <- struct{}{}; return false }))),
		keyed("SCHEDULING_ALGORITHM: fixed_priority, "+hedgeAtOnce))
	for _, request := range []string{streamRequest} {
		a := g.do("POST", "/v1/chat/completions", request, asClient...)
		if a.StatusCode != 200 || !strings.Contains(a.body, "[DONE]") {
			t.Errorf("%d by %q: %s", a.StatusCode, &order, a.body)
		}
	}
	<-gone
}

// afterwards plays a script after so many tenths of a second.
func afterwards(tenths int, then script) script {
	return func(p *peer, r seen) bool {
		time.Sleep(time.Duration(tenths) * 100 * time.Millisecond)
		return then(p, r)
	}
}

// What fails while another is under way is followed by the next at once; when all have failed, the client hears of the
// last, and further attempts go as without hedging.
func TestHedgingGoesOnAfterFailures(t *testing.T) {
	var order journal
	gone := make(chan struct{}, 1)
	bad := fails(500, refusedHeader, errorBody("no"))
	for _, test := range []struct {
		name    string
		p, q, r script
		status  int
		from    string
	}{
		{"the second fails, the third serves", held(nil, gone, both), bad, both, 200, "p q r"},
		{"the first fails at once", bad, both, both, 200, "p q"},
		{"all fail", bad, bad, bad, 500, "p q r"},
		{"what must not be said is final, whatever another says later", afterwards(1, fails(400, refusedHeader, `{"error":{"message":"refused","code":"content_policy_violation"}}`)), afterwards(4, bad), both, 400, "p q"},
	} {
		t.Run(test.name, func(t *testing.T) {
			order = journal{}
			g := start(t, providerOf("p", listen(t, order.named("p", test.p))), providerOf("q", listen(t, order.named("q", test.q))), providerOf("r", listen(t, order.named("r", test.r))),
				keyed("SCHEDULING_ALGORITHM: fixed_priority, "+hedgeAtOnce))
			a := g.do("POST", "/v1/chat/completions", plainRequest, asClient...)
			asked := strings.Fields(order.String())
			slices.Sort(asked) // those that are asked at once come in any order
			if asked = slices.Compact(asked); a.StatusCode != test.status || !strings.HasPrefix(strings.Join(asked, " "), test.from) {
				t.Errorf("%d by %q: %s", a.StatusCode, &order, a.body)
			}
		})
	}
}

// With the keys of uni-api alone another is asked when the time of the first is over, which goes on: it may still be
// the one that answers.
func TestHedgingAsksAnotherWhenTheTimeIsOver(t *testing.T) {
	t.Parallel()
	var order journal
	release := make(chan struct{})
	slow := held(release, nil, both)
	asked := func(p *peer, _ seen) bool { close(release); p.gone(); return false }
	g := start(t, providerOf("p", listen(t, order.named("p", slow))), providerOf("q", listen(t, order.named("q", asked))),
		keyed("SCHEDULING_ALGORITHM: fixed_priority"), "preferences: {model_timeout: 1.5, hedging: {enabled: true, max_inflight_attempts: 2, winner_policy: first_valid_success}}\n")
	a := g.do("POST", "/v1/chat/completions", plainRequest, asClient...)
	if a.StatusCode != 200 || order.String() != "p q" {
		t.Errorf("%d by %q: %s", a.StatusCode, &order, a.body)
	}
}

// A provider that hangs is found out though another one answers beside it: it rests, and the next request does not wait
// for it.
func TestHedgingLetsRestWhatHasHadItsTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, request, times, hedging string }{
		{"plain", plainRequest, "model_timeout: 0.3", "enabled: true"},
		{"stream", streamRequest, "model_timeout: 0.3", "enabled: true"},
		{"no first token", streamRequest, "timeout_policy: {default: {first_token: 0.3}}", "enabled: true"},
		{"none of the share is left", plainRequest, "model_timeout: 0.3", "enabled: true, delay: 0.1, share: 5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var order journal
			gone := make(chan struct{}, 2)
			g := start(t, providerOf("p", listen(t, order.named("p", held(nil, gone, both))), "    preferences: {"+test.times+"}\n"), providerOf("q", listen(t, order.named("q", both))),
				keyed("SCHEDULING_ALGORITHM: fixed_priority"), "preferences: {cooldown_period: 60, hedging: {"+test.hedging+"}}\n")
			first, then := g.do("POST", "/v1/chat/completions", test.request, append([]string{"X-Debug-Attempts", "1"}, asClient...)...), g.do("POST", "/v1/chat/completions", test.request, asClient...)
			if first.StatusCode != 200 || then.StatusCode != 200 || order.String() != "p q q" {
				t.Errorf("%d, then %d by %q", first.StatusCode, then.StatusCode, &order)
			}
			if page := string(g.metricsPage()); !strings.Contains(page, `uniapi_attempt_failures_total{model="m",provider="p",reason="timeout"} 1`) {
				t.Errorf("the failure is not counted:\n%s", page)
			}
			<-gone
		})
	}
}

// A request that is one of the share may have as many attempts as there may be at a time.
func TestHedgingCountsRequestsInItsShare(t *testing.T) {
	var order journal
	gone, arrived := make(chan struct{}, 2), make(chan struct{}, 9)
	hangs := comes(arrived, held(nil, gone, both))
	g := start(t, providerOf("p", listen(t, order.named("p", hangs))), providerOf("q", listen(t, order.named("q", hangs))), providerOf("r", listen(t, awaiting(arrived, 2, order.named("r", both)))),
		keyed("SCHEDULING_ALGORITHM: fixed_priority, hedging: {enabled: true, delay: 0.05, share: 100, max_inflight_attempts: 3}"))
	a := g.do("POST", "/v1/chat/completions", plainRequest, asClient...)
	if a.StatusCode != 200 || (order.String() != "p q r" && order.String() != "q p r") {
		t.Errorf("%d by %q: %s", a.StatusCode, &order, a.body)
	}
	<-gone
	<-gone
}

// Each client key has a share of its own: one whose requests are slow uses up nothing of another's, nor does a reload
// begin it anew.
func TestHedgingKeepsTheShareOfEachKey(t *testing.T) {
	const other = "sk-other-0123456789abcdefghijklm"
	var order journal
	keys := "api_keys: [{api: " + clientKeyText + ", model: [all]}, {api: " + other + ", model: [all]}]\n" +
		"preferences: {SCHEDULING_ALGORITHM: fixed_priority, hedging: {enabled: true, delay: 0.05, share: 50}}\n"
	sections := []string{providerOf("p", listen(t, order.named("p", afterwards(4, both)))), providerOf("q", listen(t, order.named("q", both))), keys}
	g := start(t, sections...)
	for _, key := range []string{clientKeyText, other, "", clientKeyText} {
		if key == "" {
			g.Apply(parseConfig(t, sections...))
			continue
		}
		if a := g.do("POST", "/v1/chat/completions", plainRequest, "Authorization", "Bearer "+key); a.StatusCode != 200 {
			t.Fatalf("%d: %s", a.StatusCode, a.body)
		}
	}
	if order.String() != "p p p q" {
		t.Errorf("asked were %q: the second request of the first key has half of two", &order)
	}
}

// Where nobody else can be asked, an attempt has no more time than without hedging.
func TestHedgingGivesUpWhatHasHadItsTime(t *testing.T) {
	gone := make(chan struct{}, 9)
	g := start(t, providerOf("p", listen(t, held(nil, gone, both))), providerOf("q", listen(t, held(nil, gone, both))),
		keyed("AUTO_RETRY: 1, SCHEDULING_ALGORITHM: fixed_priority"), "preferences: {model_timeout: 0.2, hedging: {enabled: true}}\n")
	began := time.Now()
	a := g.do("POST", "/v1/chat/completions", plainRequest, asClient...)
	if a.StatusCode != 504 || !strings.Contains(a.body, "2 attempts") {
		t.Errorf("%d: %s", a.StatusCode, a.body)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("after %v", took)
	}
	<-gone
	<-gone
}

// A client that leaves ends all of them.
func TestHedgingEndsWithItsClient(t *testing.T) {
	gone := make(chan struct{}, 2)
	arrived := make(chan struct{}, 2)
	slow := func(p *peer, r seen) bool { arrived <- struct{}{}; return held(nil, gone, both)(p, r) }
	g := start(t, providerOf("p", listen(t, slow)), providerOf("q", listen(t, slow)), keyed(hedgeAtOnce))
	c := g.dial()
	c.post(streamRequest)
	<-arrived
	<-arrived
	c.Close()
	<-gone
	<-gone
	eventually(t, "nothing is under way", func() bool { return len(g.liveRequests()) == 0 })
}

// Many requests at once, with two attempts each, for the race detector.
func TestHedgingUnderLoad(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), providerOf("q", listen(t, both)),
		keyed("hedging: {enabled: true, delay: 0, share: 100, max_inflight_attempts: 2}"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			c := g.dial()
			for n := range 30 {
				body := plainRequest
				if n%2 == 0 {
					body = streamRequest
				}
				c.post(body)
				resp := c.head()
				if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 {
					t.Errorf("%d, %v", resp.StatusCode, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// The key's setting goes before the provider's, and that before the one for all.
func TestHedgingOfTheNarrowestHolds(t *testing.T) {
	on, off := &config.Hedging{Enabled: true, MaxInflight: 3}, &config.Hedging{MaxInflight: 2}
	for _, test := range []struct {
		key, provider, all *config.Hedging
		want               bool
	}{
		{nil, nil, nil, false}, {nil, nil, on, true}, {nil, off, on, false}, {on, off, nil, true}, {off, on, on, false},
	} {
		c := &config.Config{}
		c.Preferences.Hedging = test.all
		k, p := &config.APIKey{}, &config.Provider{}
		k.Preferences.Hedging, p.Preferences.Hedging = test.key, test.provider
		if got := c.HedgingOf(k, p) != nil; got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
