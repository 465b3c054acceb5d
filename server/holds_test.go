package server

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"uniapi/balancer/limit"
	"uniapi/config"
	"uniapi/usage"
)

// allQuotas is a limit of each kind.
const allQuotas = `"100000 tokens/min, 50 usd/day, 4 concurrent, 1000/day @ UTC"`

// quotasEverywhere are sections of providers p and q, of one key each, and of a client key, with all kinds of limits.
func quotasEverywhere(p, q *upstream, keyPreferences, preferences string) []string {
	own := "    preferences: {api_key_rate_limit: " + allQuotas + "}\n"
	return []string{providerOf("p", p, own), providerOf("q", q, own), bookPricesLine(preferences), paidKeys("10", "      rate_limit: "+allQuotas+"\n"+keyPreferences)}
}

func bookPricesLine(more string) string {
	return "preferences:\n  model_price: {default: \"1000,1000\"}\n  rate_limit: " + allQuotas + "\n" + more
}

// usedOf is how much of a measure is used or held.
func usedOf(t *testing.T, list []limit.Left, of config.Measure) int64 {
	t.Helper()
	for _, l := range list {
		if l.Quota.Of == of {
			return l.Quota.Count - l.Remaining
		}
	}
	t.Fatalf("no quota of that kind in %v", list)
	return 0
}

// checkNothingHeld waits until nobody holds anything, and compares what limits have counted with what was charged.
func checkNothingHeld(t *testing.T, g *gateway, tokens int64) {
	t.Helper()
	table := g.snapshot.Load().table
	own, all := table.Key(clientKeyText).Left("m")
	var ofProviders []limit.Left
	eventually(t, "nothing is held", func() bool {
		own, all = table.Key(clientKeyText).Left("m")
		ofProviders = append(table.Providers[0].Left(0, "m"), table.Providers[1].Left(0, "m")...)
		atOnce := usedOf(t, own, config.Concurrent) + usedOf(t, all, config.Concurrent)
		for _, p := range table.Providers {
			atOnce += usedOf(t, p.Left(0, "m"), config.Concurrent)
		}
		return atOnce == 0
	})
	if state, _ := g.books.State(clientKeyText); state.Reserved != 0 {
		t.Errorf("%d nano-dollars are still reserved", state.Reserved)
	}
	cost := tokens * 1e6 // a thousand dollars a million
	for name, list := range map[string][]limit.Left{"the key": own, "all": all} {
		if used, spent := usedOf(t, list, config.Tokens), usedOf(t, list, config.Money); used != tokens || spent != cost {
			t.Errorf("of %s %d tokens and %d nano-dollars are used, and %d and %d were charged", name, used, spent, tokens, cost)
		}
	}
	used, spent := usedOf(t, ofProviders[:4], config.Tokens)+usedOf(t, ofProviders[4:], config.Tokens), usedOf(t, ofProviders[:4], config.Money)+usedOf(t, ofProviders[4:], config.Money)
	if used != tokens || spent != cost {
		t.Errorf("of the providers' keys %d tokens and %d nano-dollars are used, and %d and %d were charged", used, spent, tokens, cost)
	}
}

func TestWhateverEndsARequestGivesBackWhatLimitsHeld(t *testing.T) {
	t.Parallel()
	fails := func(p *peer, r seen) bool {
		p.say("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}")
		return true
	}
	mistaken := func(p *peer, r seen) bool {
		p.say("HTTP/1.1 400 No\r\nContent-Type: application/json\r\nContent-Length: 44\r\n\r\n" + `{"error":{"message":"no such thing, really"}}`[:44])
		return true
	}
	for _, test := range []struct {
		name         string
		p, q         func(got chan bool, gone chan struct{}) script
		key, general string
		path, body   string
		leaves       bool
		reads        bool // the upstream waits until the client has got something
	}{
		{name: "plain", body: plainRequest},
		{name: "streamed", body: streamRequest},
		{name: "the first provider fails", body: plainRequest, p: func(chan bool, chan struct{}) script { return fails }},
		{name: "all providers fail", body: plainRequest, p: func(chan bool, chan struct{}) script { return fails }, q: func(chan bool, chan struct{}) script { return fails }},
		{name: "the client's mistake", body: plainRequest, p: func(chan bool, chan struct{}) script { return mistaken }, q: func(chan bool, chan struct{}) script { return mistaken }},
		{name: "the provider dies", body: streamRequest, reads: true, p: func(got chan bool, _ chan struct{}) script {
			return brokenStream(got, func(p *peer) {})
		}},
		{name: "the client leaves", body: streamRequest, leaves: true, p: func(got chan bool, gone chan struct{}) script {
			return func(p *peer, r seen) bool {
				p.say(streamHead + chunk(event("one")))
				p.gone()
				return false
			}
		}},
		{name: "hedged", body: plainRequest, key: "      " + hedgeAtOnce + "\n", p: func(_ chan bool, gone chan struct{}) script { return held(nil, gone, both) }},
		{name: "gone on with", body: streamRequest, reads: true, general: "  stream_recovery: continue\n", p: func(got chan bool, _ chan struct{}) script {
			return brokenStream(got, func(p *peer) {})
		}},
		{name: "a panic in an attempt", path: "/attempt", body: plainRequest},
		{name: "a panic in an answer", path: "/answer", body: plainRequest},
		{name: "a panic in a stream", path: "/stream", body: streamRequest, reads: true, p: func(got chan bool, _ chan struct{}) script {
			return func(p *peer, r seen) bool {
				p.say(streamHead + chunk(event("one")))
				<-got
				p.say(chunk(event("two")))
				p.gone()
				return false
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, gone := make(chan bool, 1), make(chan struct{}, 4)
			scripts := [2]script{both, both}
			if test.p != nil {
				scripts[0] = test.p(got, gone)
			}
			if test.q != nil {
				scripts[1] = test.q(got, gone)
			}
			g := start(t, quotasEverywhere(listen(t, scripts[0]), listen(t, scripts[1]), "      SCHEDULING_ALGORITHM: fixed_priority\n"+test.key, test.general)...)
			path := "/v1/chat/completions"
			if test.path != "" {
				g.addr, path = g.serveFaulty(), test.path
			}
			client := g.dial()
			client.send(strings.Replace(strings.Replace(chatText(test.body), "/v1/chat/completions", path, 1), "\r\n", "\r\nConnection: close\r\n", 1))
			switch {
			case test.leaves:
				client.br.Peek(1)
				client.Close()
			case test.reads:
				client.br.Peek(1)
				got <- true
				client.rest()
			default:
				client.rest()
			}
			line := g.log.Next(t, "request")
			tokens := int64(0)
			for _, name := range []string{"prompt_tokens", "completion_tokens"} {
				if n, is := line[name].(float64); is {
					tokens += int64(n)
				}
			}
			checkNothingHeld(t, g, tokens)
			if served := test.name == "plain" || test.name == "streamed"; served && tokens == 0 {
				t.Errorf("nothing was charged: %v", line)
			}
		})
	}
}

func TestQuotasRefuseAndSayWhoseTheyAre(t *testing.T) {
	for _, test := range []struct {
		name, key, rest, more string
		request               string
		served                int
		word                  string
	}{
		{"the key's tokens", keyed("rate_limit: 30 tokens/min"), "", "", plainRequest, 1, "This API key may have 30 tokens per minute"},
		{"the key's money", keyed("rate_limit: 0.00001 usd/day"), "", "", plainRequest, 1, "0.00001 dollars per day (UTC)"},
		{"a model's tokens", keyed("rate_limit: {m: 30 tokens/min, default: 100000 tokens/min}"), "", "", plainRequest, 1, "30 tokens per minute"},
		{"all keys' tokens", keyed(""), "preferences: {rate_limit: 30 tokens/min}\n", "", plainRequest, 1, "30 tokens per minute from all its keys"},
		{"a model's tokens of all keys", keyed(""), "preferences: {rate_limit: {m: 30 tokens/hour}}\n", "", plainRequest, 1, "30 tokens per hour of model m from all its keys"},
		{"a model's requests of all keys", keyed(""), "preferences: {rate_limit: {m: 2/hour}}\n", "", plainRequest, 2, "2 requests per hour of model m from all its keys"},
		{"a provider's key's tokens", keyed(""), "", "    preferences: {api_key_rate_limit: 30 tokens/min}\n", plainRequest, 1, "30 tokens per minute"},
		{"requests by the calendar", keyed("rate_limit: 2/month @ Europe/Berlin"), "", "", plainRequest, 2, "2 requests per month (Europe/Berlin)"},
		{"none at once", keyed("rate_limit: 0 concurrent"), "", "", plainRequest, 0, "0 requests at once"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := start(t, providerOf("p", listen(t, both), test.more), test.key, test.rest)
			for i := range test.served {
				if a := g.chat(test.request); a.StatusCode != 200 {
					t.Fatalf("request %d: %d %s", i, a.StatusCode, a.body)
				}
			}
			eventually(t, "the last is settled", func() bool { return g.inFlight.Load() == 0 })
			a := g.chat(test.request)
			if a.StatusCode != 429 || !strings.Contains(a.body, test.word) || a.Header.Get("Retry-After") == "" {
				t.Errorf("%d %s %q", a.StatusCode, a.body, a.Header.Get("Retry-After"))
			}
		})
	}
}

func TestWhatARequestMayTakeIsReckonedFromItsOwnBounds(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), keyed("rate_limit: 100000 tokens/min"), "preferences:\n  model_price: {default: \"1000,1000\"}\n")
	prompt := int64(0)
	for _, test := range []struct {
		path, more   string
		answer, most int64
	}{
		{"/v1/chat/completions", ``, usualAnswer, usualAnswer},
		{"/v1/chat/completions", `,"max_tokens":50`, 50, 50},
		{"/v1/chat/completions", `,"max_completion_tokens":50,"n":3`, 150, 150},
		{"/v1/chat/completions", `,"n":2`, 2 * usualAnswer, 2 * usualAnswer},
		{"/v1/chat/completions", `,"max_tokens":-5`, usualAnswer, usualAnswer},
		{"/v1/chat/completions", `,"max_tokens":0`, usualAnswer, usualAnswer},
		{"/v1/chat/completions", `,"max_tokens":0,"max_completion_tokens":50`, 50, 50},
		{"/v1/chat/completions", `,"max_output_tokens":1,"max_tokens_to_sample":1,"generationConfig":{"maxOutputTokens":1}`, usualAnswer, usualAnswer},
		{"/v1/chat/completions", `,"max_tokens":1,"thinking":{"type":"enabled","budget_tokens":6000}`, 6001, 6001},
		{"/v1/messages", `,"max_tokens":1,"thinking":{"type":"enabled","budget_tokens":6000}`, 6001, 6001},
		{"/v1/messages", `,"max_tokens":1,"n":9`, 1, 1},
		{"/v1/responses", `,"max_tokens":1,"max_completion_tokens":1`, usualAnswer, usualAnswer},
		{"/v1beta/models/m:generateContent", `,"max_tokens":1`, usualAnswer, usualAnswer},
		{"/v1beta/models/m:generateContent", `,"generation_config":{"max_output_tokens":60,"thinkingConfig":{"thinkingBudget":40}}`, 100, 100},
		{"/v1/responses", `,"max_output_tokens":70`, 70, 70},
		{"/v1beta/models/m:generateContent", `,"generationConfig":{"maxOutputTokens":60,"candidateCount":2}`, 120, 120},
	} {
		x := &exchange{}
		route, _ := routeAt(test.path)
		x.wish, x.snap = at(route), g.snapshot.Load()
		x.key = x.snap.keys[sha256.Sum256([]byte(clientKeyText))]
		x.model, x.route = "m", x.key.routes.Find("m")
		x.at, x.ctx, x.recent = &x.lone, new(fasthttp.RequestCtx), new(usage.Recent)
		x.format = x.speaks.Format(&x.inbound)
		x.body = []byte(`{"model":"m","messages":[{"role":"user","content":"hello there"}]` + test.more + `}`)
		x.reckon()
		if prompt == 0 {
			prompt = x.need.Tokens - usualAnswer
		}
		if bytes := int64(len(x.body)); x.need.Tokens != prompt+test.answer || x.need.Money != (bytes+test.most)*1e6 {
			t.Errorf("%s: %+v, with a prompt of %d, in %d bytes", test.more, x.need, prompt, bytes)
		}
	}
}

// TestWhatAModelMayAnswerIsKnownByTheListPrices looks at how much is held of an answer whose request does not bound it.
func TestWhatAModelMayAnswerIsKnownByTheListPrices(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both), "    model: [gpt-4o, {claude-sonnet-4-5-20250929: clever}, {of-tomorrow: claude-next}, m, gpt-of-tomorrow]\n"), keyed("rate_limit: 100000 tokens/min"),
		"preferences:\n  model_price: {default: \"1000,1000\"}\n")
	for model, want := range map[string]int64{
		"gpt-4o": 16384, "clever": 64000, "claude-next": mostAnswer, "gpt-of-tomorrow": mostAnswer, "m": usualAnswer,
	} {
		x := &exchange{}
		x.snap = g.snapshot.Load()
		x.key = x.snap.keys[sha256.Sum256([]byte(clientKeyText))]
		x.model, x.route = model, x.key.routes.Find(model)
		if got := x.mostAnswer(); got != want {
			t.Errorf("%s: %d, want %d", model, got, want)
		}
	}
}

func TestRequestsAtOnceAreCountedWhileTheyGoOn(t *testing.T) {
	release := make(chan struct{})
	up := listen(t, func(p *peer, r seen) bool {
		<-release
		return both(p, r)
	})
	g := start(t, providerOf("p", up), keyed("rate_limit: 3 concurrent"))
	statuses := make(chan int, 10)
	for range 3 {
		go func() { statuses <- g.chat(plainRequest).StatusCode }()
	}
	eventually(t, "three are under way", func() bool { return len(up.requests()) == 3 })
	if a := g.chat(plainRequest); a.StatusCode != 429 || !strings.Contains(a.body, "3 requests at once") {
		t.Errorf("a fourth: %d %s", a.StatusCode, a.body)
	}
	close(release)
	for range 3 {
		if status := <-statuses; status != 200 {
			t.Errorf("one of three: %d", status)
		}
	}
	eventually(t, "they have ended", func() bool { return g.inFlight.Load() == 0 })
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Errorf("afterwards: %d %s", a.StatusCode, a.body)
	}
}

func TestWhatAModelAnswersAtMostIsKnownOfSome(t *testing.T) {
	for model, want := range map[string]int64{
		"gpt-4o-mini": mostAnswer, "openai/gpt-5": mostAnswer, "claude-opus-4": mostAnswer, "o3": mostAnswer, "models/gemini-2.5-pro": mostAnswer,
		"m": usualAnswer, "my-gpt-4": usualAnswer, "": usualAnswer,
	} {
		if got := mostAnswerOf(model); got != want {
			t.Errorf("%q: %d, not %d", model, got, want)
		}
	}
}
