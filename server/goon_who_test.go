package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"uniapi/codec"
	"uniapi/server/relay"
)

// TestWhoseStreamsAreGoneOnWith sets it for all, for a provider and for a client key.
func TestWhoseStreamsAreGoneOnWith(t *testing.T) {
	for _, c := range []struct {
		name, global, provider, key string
		goesOn                      bool
	}{
		{"nobody's", "", "", "", false},
		{"all", "stream_recovery: continue", "", "", true},
		{"the provider's", "", "stream_recovery: continue", "", true},
		{"the key's", "", "", "stream_recovery: continue", true},
		{"all but the provider's", "stream_recovery: continue", "stream_recovery: error", "", false},
		{"the provider's but not the key's", "", "stream_recovery: continue", "stream_recovery: error", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			when := make(chan bool)
			first := chatSpeaker.section("first", listen(t, cutOff("one")(when)), "    preferences: {"+c.provider+"}\n")
			g := start(t, first, chatSpeaker.section("second", listen(t, says(chatSpeaker.whole(" two")))), "preferences: {"+c.global+"}\n", keyed("SCHEDULING_ALGORITHM: fixed_priority, "+c.key))
			stream := listeners[0].ask(g, when, "one")
			if goesOn := strings.Contains(stream, " two"); goesOn != c.goesOn || strings.Contains(stream, "[DONE]") != c.goesOn {
				t.Errorf("%s", stream)
			}
		})
	}
}

// TestRestIsAsLongAsTheWholeMayBe looks at what is left of max_tokens.
func TestRestIsAsLongAsTheWholeMayBe(t *testing.T) {
	said := strings.Repeat("four", 20) // about as many tokens
	for _, c := range []struct {
		most   int
		asked  string // of the next
		finish string
	}{{100, `"max_tokens":80`, "stop"}, {21, `"max_tokens":1`, "stop"}, {20, "", "length"}, {10, "", "length"}} {
		t.Run(fmt.Sprint(c.most), func(t *testing.T) {
			chain := startChain(t, nil, cutOff(said), endsWell(" more"))
			l := *listeners[0]
			l.body = strings.Replace(l.body, "1000", fmt.Sprint(c.most), 1)
			stream := l.ask(chain.gateway, chain.when, said)
			if !strings.Contains(stream, `"finish_reason":"`+c.finish+`"`) || !strings.Contains(stream, "[DONE]") || strings.Contains(stream, " more") != (c.asked != "") {
				t.Errorf("%s", stream)
			}
			next := chain.ups[1].requests()
			if len(next) != strings.Count(c.asked, "max") || len(next) > 0 && !strings.Contains(next[0].body, c.asked) {
				t.Errorf("the next was asked %v", next)
			}
			line := chain.log.Next(t, "request")
			if h := l.hear(stream); line["status"] != 200.0 || float64(h.usage.Completion) != line["completion_tokens"] || float64(h.usage.Prompt) != line["prompt_tokens"] {
				t.Errorf("%+v, logged as %v", h.usage, line)
			}
		})
	}
}

// What a provider told of its part counts where it is more than what is guessed.
func TestRestIsShorterByWhatWasTold(t *testing.T) {
	chain := startChain(t, nil, playingUntil(streamHead+chunk(event("one")+usageEvent)), endsWell(" more"))
	l := *listeners[0]
	l.body = strings.Replace(l.body, "1000", "100", 1)
	if stream := l.ask(chain.gateway, chain.when, "one"); !strings.Contains(stream, "[DONE]") {
		t.Error(stream)
	}
	if next := chain.ups[1].requests(); len(next) != 1 || !strings.Contains(next[0].body, `"max_tokens":93`) {
		t.Errorf("the next was asked %v", next)
	}
}

// TestWhatNobodyCountsIsEstimatedForTheWhole has neither stream tell its usage.
func TestWhatNobodyCountsIsEstimatedForTheWhole(t *testing.T) {
	for _, l := range listeners {
		when := make(chan bool)
		silent := chunksOf(event(" and twelve more"), stopEvent, doneEvent, "")
		g := start(t, chatSpeaker.section("first", listen(t, cutOff("twelve letters")(when))), chatSpeaker.section("second", listen(t, says(silent))), goOnAll, inOrderKey)
		stream := l.ask(g, when, "letters")
		line := g.log.Next(t, "request")
		l.is(t, stream, "twelve letters and twelve more", int64(line["prompt_tokens"].(float64)), int64(line["completion_tokens"].(float64)))
		if line["estimated"] != true || line["completion_tokens"].(float64) != 8 {
			t.Errorf("%s: logged as %v", l.name, line)
		}
	}
}

// TestWhatIsAskedForToGoOn looks at the conversations that the next is given.
func TestWhatIsAskedForToGoOn(t *testing.T) {
	chat := `{"model":"m","stream":true,"reasoning_effort":"high","messages":[{"role":"user","content":"hi"}]}`
	ended := `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"Well, "}]}`
	for _, c := range []struct {
		name, body string
		next       *speaker
		parts, not []string
	}{
		{"chat", chat, speakers[0], []string{`{"role":"assistant","content":"One two"},{"role":"user","content":"Your answer above was cut off.`, `which are \"One two\"`, `"reasoning_effort":"high"`}, nil},
		{"Claude does not think again, or it would not go on", chat, speakers[1], []string{`{"role":"assistant","content":[{"type":"text","text":"One two"}]}]`}, []string{"thinking", "cut off"}},
		{"a newer Claude is told", chat, speakers[2], []string{`{"role":"assistant","content":[{"type":"text","text":"One two"}]},{"role":"user"`, "cut off"}, nil},
		{"words that the client has ended with come before", ended, speakers[1], []string{`{"role":"assistant","content":[{"type":"text","text":"Well, One two"}]}]`}, nil},
		{"Gemini", chat, speakers[3], []string{`{"role":"model","parts":[{"text":"One two"}]}]`}, []string{"cut off"}},
		{"Cohere", chat, speakers[5], []string{"One two", "cut off"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			when, next := make(chan bool), listen(t, says(c.next.whole(" three")))
			g := start(t, chatSpeaker.section("first", listen(t, cutOff("One two ")(when))), c.next.section("second", next), goOnAll, inOrderKey)
			l := *listeners[0]
			l.body = c.body
			if h := l.hear(l.ask(g, when, "two")); h.text != "One two three" {
				t.Errorf("%q, %v", h.text, h.err)
			}
			asked := next.requests()[0].body
			for _, part := range c.parts {
				if !strings.Contains(asked, part) {
					t.Errorf("asked without %s: %s", part, asked)
				}
			}
			for _, not := range c.not {
				if strings.Contains(asked, not) {
					t.Errorf("asked with %s: %s", not, asked)
				}
			}
		})
	}
}

// TestMistralIsGivenAPrefix reaches it by a proxy, which is the upstream. With tools it is told to go on instead.
func TestMistralIsGivenAPrefix(t *testing.T) {
	for body, prefix := range map[string]bool{streamRequest: true, strings.Replace(streamRequest, "{", `{"tools":[{"type":"function","function":{"name":"f"}}],`, 1): false} {
		when, next := make(chan bool), listen(t, says(chatSpeaker.whole("one", " two")))
		mistral := "  - provider: second\n    base_url: http://api.mistral.ai/v1/chat/completions\n    api: k\n    model: [m]\n    preferences: {proxy: 'http://" + next.addr + "'}\n"
		g := start(t, chatSpeaker.section("first", listen(t, cutOff("one")(when))), mistral, goOnAll, inOrderKey)
		l := *listeners[0]
		l.body = body
		if h := l.hear(l.ask(g, when, "one")); h.text != "one two" || h.err != nil {
			t.Fatalf("%q, %v", h.text, h.err)
		}
		asked := next.requests()[0].body
		if strings.Contains(asked, `{"role":"assistant","content":"one","prefix":true}]`) != prefix || strings.Contains(asked, "cut off") == prefix {
			t.Errorf("asked with %s", asked)
		}
	}
}

// TestClientThatLeavesInTheGapIsNotWaitedFor has it leave while the next provider is silent.
func TestClientThatLeavesInTheGapIsNotWaitedFor(t *testing.T) {
	asked, left := make(chan bool), make(chan bool)
	chain := startChain(t, []string{"preferences: {stream_recovery: continue, model_timeout: 60}\n"}, cutOff("one"), func(<-chan bool) script {
		return func(p *peer, _ seen) bool {
			close(asked)
			p.gone()
			close(left)
			return false
		}
	})
	client := chain.dial()
	client.post(streamRequest)
	resp := client.head()
	resp.Body.Read(make([]byte, 1))
	chain.when <- true
	receive(t, asked, "the next is asked")
	client.Close()
	receive(t, left, "the next is left")
	line := chain.log.Next(t, "request")
	if line["status"] != 499.0 || line["completion_tokens"] == nil {
		t.Errorf("logged as %v", line)
	}
}

// TestReloadInTheGapChangesNothing has the channels gone while the next is asked.
func TestReloadInTheGapChangesNothing(t *testing.T) {
	asked, goOn := make(chan bool), make(chan bool)
	chain := startChain(t, nil, cutOff("one"), func(<-chan bool) script {
		return func(p *peer, r seen) bool {
			close(asked)
			<-goOn
			return says(chatSpeaker.whole(" two"))(p, r)
		}
	})
	go func() {
		<-asked
		chain.Apply(parseConfig(t, providerOf("other", chain.ups[0]), "api_keys:\n  - api: sk-another-0123456789abcdefghijklmn\n"))
		close(goOn)
	}()
	if h := listeners[0].hear(listeners[0].ask(chain.gateway, chain.when, "one")); h.text != "one two" || h.err != nil {
		t.Errorf("%q %v", h.text, h.err)
	}
}

// TestClientSeesThatSomebodyIsThereInTheGap has the next provider take its time. Nobody is shown anything before an
// answer begins.
func TestClientSeesThatSomebodyIsThereInTheGap(t *testing.T) {
	for _, more := range []string{"", ", keepalive_interval: 0.05"} {
		goOn := make(chan bool)
		chain := startChain(t, []string{"preferences: {stream_recovery: continue" + more + "}\n"}, cutOff("one"), func(<-chan bool) script {
			return func(p *peer, r seen) bool {
				<-goOn
				return says(chatSpeaker.whole(" two"))(p, r)
			}
		})
		client := chain.dial()
		client.post(streamRequest)
		body, seen := client.head().Body, ""
		read := func(what string) {
			for deadline := time.Now().Add(patience); !strings.Contains(seen, what) && time.Now().Before(deadline); {
				buffer := make([]byte, 1<<10)
				n, err := body.Read(buffer)
				if seen += string(buffer[:n]); err != nil {
					return
				}
			}
		}
		if read("one"); more == "" && strings.Contains(seen, string(codec.Comment)) {
			t.Errorf("%q", seen)
		}
		chain.when <- true
		seen = ""
		read(string(codec.Comment))
		close(goOn)
		if read("[DONE]"); !strings.Contains(seen, " two") || strings.Index(seen, string(codec.Comment)) > strings.Index(seen, " two") {
			t.Errorf("%q", seen)
		}
	}
}

// TestWhatWasHedgedIsGoneOnWith has the one that answered first break off.
func TestWhatWasHedgedIsGoneOnWith(t *testing.T) {
	slow := func(<-chan bool) script {
		return func(p *peer, _ seen) bool {
			p.gone()
			return false
		}
	}
	chain := startChain(t, []string{"preferences: {stream_recovery: continue, hedging: {enabled: true, delay: 0.05, share: 100}}\n"}, slow, cutOff("one"), endsWell(" two"))
	stream := listeners[0].ask(chain.gateway, chain.when, "one")
	line := chain.log.Next(t, "request")
	listeners[0].is(t, stream, "one two", int64(line["prompt_tokens"].(float64)), int64(line["completion_tokens"].(float64)))
	if got := chain.asked(); got != "abc" {
		t.Errorf("%q were asked", got)
	}
}

// TestStreamThatNobodyNeedGoOnWithIsTheSame compares it with that of a client who does not have it set, in the
// client's own format.
func TestStreamThatNobodyNeedGoOnWithIsTheSame(t *testing.T) {
	for i, own := range []int{0, 1, 3, 4} {
		l, s := listeners[i], speakers[own]
		var got [2]reception
		for i, preferences := range []string{"preferences: {cooldown_period: 0}\n", goOnAll} {
			g := start(t, s.section("p", listen(t, says(s.whole("one", " two")))), preferences, inOrderKey)
			got[i] = l.hear(l.ask(g, nil))
			if line := g.log.Next(t, "request"); line["continued"] != nil || line["prompt_tokens"] != 11.0 {
				t.Errorf("%s: logged as %v", l.name, line)
			}
		}
		if got[0] != got[1] || got[0].err != nil {
			t.Errorf("%s: %+v and %+v", l.name, got[0], got[1])
		}
	}
}

// TestWhatCannotBeGoneOnWithPassesAsItIs has requests whose answer cannot be put together come through untouched.
func TestWhatCannotBeGoneOnWithPassesAsItIs(t *testing.T) {
	for _, more := range []string{`"n":2`, `"logprobs":true`, `"max_tokens":"many"`} {
		g := start(t, providerOf("p", listen(t, both)), goOnAll)
		if a := g.chat(strings.Replace(streamRequest, "{", "{"+more+",", 1)); a.StatusCode != http.StatusOK || a.body != streamSeen {
			t.Errorf("%s: %s", more, a.body)
		}
	}
}

// TestLongTextIsNotKept has one that is longer than what is kept go on its way, and break off.
func TestLongTextIsNotKept(t *testing.T) {
	piece := strings.Repeat("long ", 50_000)
	var texts []string
	for range relay.MostBuffered/len(piece) + 2 {
		texts = append(texts, piece)
	}
	chain := startChain(t, []string{"preferences: {stream_recovery: continue}\n"}, cutOff(append(texts, "last")...), endsWell("more"))
	stream := listeners[0].ask(chain.gateway, chain.when, "last")
	if !strings.Contains(stream, `"error":{`) || strings.Contains(stream, "[DONE]") || chain.asked() != "a" {
		t.Errorf("%q were asked: %s", chain.asked(), stream[len(stream)-500:])
	}
}

// TestStreamsGoneOnWithAreCounted looks at the metrics.
func TestStreamsGoneOnWithAreCounted(t *testing.T) {
	chain := startChain(t, nil, cutOff("one"), endsWell(" two"))
	listeners[0].ask(chain.gateway, chain.when, "one")
	chain.log.Next(t, "request")
	if page := string(chain.metricsPage()); !strings.Contains(page, "uniapi_streams_continued_total 1\n") {
		t.Error("not in the metrics")
	}
}

// TestExplainTellsWhatBecomesOfStreamsThatBreakOff asks for each setting.
func TestExplainTellsWhatBecomesOfStreamsThatBreakOff(t *testing.T) {
	for set, want := range map[string]string{"continue": "the next channel goes on with it", "buffer": "it is kept back", "error": ""} {
		g := start(t, providerOf("p", listen(t, both)), "preferences: {stream_recovery: "+set+"}\n")
		a := g.do("GET", "/v1/explain?key=tester-admin&model=m", "", asClient...)
		if a.StatusCode != http.StatusOK || !strings.Contains(a.body, `"Breaking":"`+want) {
			t.Errorf("%s: %s", set, a.body)
		}
		if a := g.do("GET", "/v1/explain?key=tester-admin&model=m&endpoint=/v1/embeddings", "", asClient...); !strings.Contains(a.body, `"Breaking":""`) {
			t.Errorf("%s, embeddings: %s", set, a.body)
		}
	}
}
