package server

import (
	"sync/atomic"
	"testing"
	"time"
)

// blips is a provider that fails so often, then answers with its name.
func blips(t *testing.T, name string, times int64, failure string) *upstream {
	left := new(atomic.Int64)
	left.Store(times)
	return listen(t, func(p *peer, r seen) bool {
		if left.Add(-1) >= 0 {
			if failure == "" {
				p.reset()
				return false
			}
			p.say(failure)
			return true
		}
		p.say(reply(200, jsonKind, plainBodyOf(name)))
		return true
	})
}

func TestTwoProvidersThatFailOnceCloseNothing(t *testing.T) {
	for name, failure := range map[string]string{"a 500": reply(500, jsonKind, errorBody("oops")), "a 503": reply(503, jsonKind, errorBody("oops")), "a reset": ""} {
		t.Run(name, func(t *testing.T) {
			g := start(t, providerOf("p", blips(t, "p", 1, failure)), providerOf("q", blips(t, "q", 1, failure)))
			for i := range 5 {
				if a := g.chat(plainRequest); a.StatusCode != 200 {
					t.Errorf("request %d: %d %s", i, a.StatusCode, a.body)
				}
			}
		})
	}
}

// A request that finds all at rest, and another asking, is told what that one learns.
func TestWhoFindsAllAtRestFollowsTheProbe(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer string
		status int
	}{
		{"it is served", reply(200, jsonKind, plainBodyOf("well")), 200},
		{"it fails", reply(500, jsonKind, errorBody("still broken")), 503},
	} {
		t.Run(test.name, func(t *testing.T) {
			probed, probing, letGo := new(atomic.Bool), make(chan bool, 8), make(chan bool)
			play := func(p *peer, _ seen) bool {
				if !probed.Load() {
					p.say(reply(500, jsonKind, errorBody("broken")))
					return true
				}
				probing <- true
				<-letGo
				p.say(test.answer)
				return true
			}
			g := start(t, providerOf("p", listen(t, play)), providerOf("q", listen(t, play)), "preferences: {cooldown_period: 300}\n", keyed("AUTO_RETRY: 3"))
			g.chat(plainRequest).failure(t, 500, "")
			probed.Store(true)
			answers := make(chan answer, 3)
			ask := func() { answers <- g.chat(plainRequest) }
			go ask()
			<-probing
			go ask()
			<-probing // both are being asked
			follower := make(chan answer)
			go func() { follower <- g.chat(plainRequest) }()
			for inFlight := int64(0); inFlight < 3; inFlight = int64(len(g.liveRequests())) {
				time.Sleep(time.Millisecond)
			}
			close(letGo)
			if a := <-follower; a.StatusCode != test.status {
				t.Errorf("the one that follows gets %d %s", a.StatusCode, a.body)
			} else if test.status == 503 && a.Header.Get("Retry-After") == "" {
				t.Error("it is not told when to come back")
			}
			<-answers
			<-answers
		})
	}
}

func TestLimitOfGooglesRestsAsLongAsItSays(t *testing.T) {
	const quota = "You exceeded your current quota, please check your plan and billing details."
	details := func(more string) string {
		return `{"error":{"code":429,"message":"` + quota + `","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}` + more + `]}}`
	}
	for _, test := range []struct {
		name, path, body string
		least, most      time.Duration
		all              bool // the key rests for all models
	}{
		{"with a delay", "/v1beta", details(`,{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"40s"}`), 30 * time.Second, 40 * time.Second, false},
		{"with a delay of hours", "/v1beta", details(`,{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37000s"}`), 9 * time.Minute, 10 * time.Minute, false},
		{"with a delay in the text alone", "/v1/chat/completions", `{"error":{"code":429,"message":"` + quota + `\\nPlease retry in 40.5s.","status":"RESOURCE_EXHAUSTED"}}`, 30 * time.Second, 41 * time.Second, false},
		{"with a delay, by its OpenAI-like address", "/v1/chat/completions", "[" + details(`,{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"40.5s"}`) + "]", 30 * time.Second, 41 * time.Second, false},
		{"without any", "/v1beta", details(""), 0, 2 * time.Second, false},
		{"of OpenAI's money", "/v1/chat/completions", `{"error":{"message":"` + quota + `","type":"insufficient_quota","param":null,"code":"credit_balance_exhausted"}}`, 5 * time.Hour, 6 * time.Hour, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			up := listen(t, says(reply(429, jsonKind, test.body)))
			g := start(t, "  - provider: p\n    base_url: http://"+up.addr+test.path+"\n    api: [sk-one-0123456789abcdef, sk-two-0123456789abcdef]\n    model: [m, n]\n", providerOf("q", listen(t, both)), keyed("AUTO_RETRY: 1"))
			began := time.Now()
			g.chat(plainRequest)
			k := g.state.Overview(g.snapshot.Load().table)[0].Keys[0]
			until, rests := k.Until, k.Resting
			if !test.all && len(k.Models) == 1 {
				until, rests = k.Models[0].Until, !k.Resting
			}
			if took := time.Since(began); test.least > 0 && (!rests || time.Until(until) < test.least-took || until.Sub(began) > test.most+took) {
				t.Errorf("after %v it stands %+v", took, k)
			}
			if test.least == 0 && (k.Resting || until.Sub(began) > test.most+time.Since(began)) {
				t.Errorf("it stands %+v", k)
			}
		})
	}
}
