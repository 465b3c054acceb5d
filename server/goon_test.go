package server

import (
	"strings"
	"testing"
	"time"

	"uniapi/server/servertest"
)

const goOnAll = "preferences: {stream_recovery: continue, cooldown_period: 0, model_timeout: 1}\n"

// inOrderKey has the first of two providers asked first.
var inOrderKey = keyed("SCHEDULING_ALGORITHM: fixed_priority")

// TestStreamThatBreaksOffIsGoneOnWith breaks streams of each format in each way, for clients of each format, and has a
// provider of another format go on.
func TestStreamThatBreaksOffIsGoneOnWith(t *testing.T) {
	t.Parallel()
	for i, first := range speakers {
		second := speakers[(i+3)%len(speakers)]
		for _, b := range breakages {
			t.Run(first.name+" to "+second.name+", "+b.name, func(t *testing.T) {
				t.Parallel()
				when, next := make(chan bool), listen(t, says(second.whole(" jumps", " over")))
				g := start(t, first.section("first", listen(t, first.breaksOff(b, when, "The quick", " brown fox"))), second.section("second", next), goOnAll, inOrderKey)
				for i, l := range listeners {
					stream := l.ask(g, when, "brown fox")
					line := g.log.Next(t, "request")
					l.is(t, stream, "The quick brown fox jumps over", int64(line["prompt_tokens"].(float64)), int64(line["completion_tokens"].(float64)))
					if line["continued"] != 1.0 || line["status"] != 200.0 || line["provider"] != "second" || line["attempts"] != 2.0 || !strings.Contains(line["tried"].(string), "broke off; second/") {
						t.Errorf("%s: logged as %v", l.name, line)
					}
					if line["prompt_tokens"].(float64) < 12 || line["completion_tokens"].(float64) < 8 {
						t.Errorf("%s: counted as %v", l.name, line)
					}
					asked := next.requests()[i].body
					if !strings.Contains(asked, "The quick brown fox") || strings.Contains(asked, "cut off") == second.prefilled {
						t.Errorf("%s: asked with %s", l.name, asked)
					}
				}
			})
		}
	}
}

// chatSpeaker is the provider of most tests.
var chatSpeaker = speakers[0]

// chain is a gateway with providers of the chat format in their order, of which the first ones break off when the
// client has a text.
type chain struct {
	*gateway
	ups  []*upstream
	when chan bool
}

func startChain(t *testing.T, more []string, scripts ...func(when <-chan bool) script) *chain {
	t.Helper()
	c := &chain{when: make(chan bool)}
	sections := append([]string{inOrderKey}, more...)
	if !strings.Contains(strings.Join(more, ""), "preferences: {stream_recovery") {
		sections = append(sections, goOnAll)
	}
	for i, play := range scripts {
		c.ups = append(c.ups, listen(t, play(c.when)))
		sections = append(sections, providerOf(string(rune('a'+i)), c.ups[i]))
	}
	c.gateway = startWith(t, Options{gapComments: 50 * time.Millisecond}, sections...)
	return c
}

// cutOff is a stream that is closed when the client has its texts; endsWell is one that comes to its end.
func cutOff(texts ...string) func(when <-chan bool) script {
	return func(when <-chan bool) script { return chatSpeaker.breaksOff(breakages[0], when, texts...) }
}

func endsWell(texts ...string) func(when <-chan bool) script {
	return playing(chatSpeaker.whole(texts...))
}

func playing(stream string) func(when <-chan bool) script {
	return func(<-chan bool) script { return says(stream) }
}

// asked is who was, in their order.
func (c *chain) asked() (names string) {
	for i, up := range c.ups {
		names += strings.Repeat(string(rune('a'+i)), len(up.requests()))
	}
	return names
}

// breaksAtOnce is a stream that is closed whether or not its client has its texts.
func breaksAtOnce(texts ...string) func(when <-chan bool) script {
	return func(<-chan bool) script {
		return func(p *peer, _ seen) bool {
			p.say(chatSpeaker.begins(texts...))
			return false
		}
	}
}

// plays are the scripts of a chain.
type plays []func(when <-chan bool) script

const thinkEvent = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n"

// chunksOf is a stream of the chat format with that events.
func chunksOf(events ...string) string {
	all := streamHead
	for _, e := range events {
		all += chunk(e)
	}
	return all
}

// TestWhatIsGoneOnWithIsOneText has the next model say again what was said, break off itself, and more.
func TestWhatIsGoneOnWithIsOneText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		plays plays
		comes []string // texts that the client has when a stream breaks off
		want  string
	}{
		{"in the middle of a word", plays{cutOff("The quick bro"), endsWell("wn fox")}, []string{"bro"}, "The quick brown fox"},
		{"the word is said again", plays{cutOff("The quick bro"), endsWell("brown", " fox")}, []string{"bro"}, "The quick brown fox"},
		{"the last words are said again", plays{cutOff("The quick brown"), endsWell("qui", "ck brow", "n fox")}, []string{"brown"}, "The quick brown fox"},
		{"all is said again", plays{cutOff("The quick", " brown"), endsWell("The", " quick brown", " fox")}, []string{"brown"}, "The quick brown fox"},
		{"all is said again, and that is all", plays{cutOff("The quick", " brown"), endsWell("The", " quick brown")}, []string{"brown"}, "The quick brown"},
		{"half of it is said again", plays{cutOff("The quick brown"), endsWell("The quick")}, []string{"brown"}, "The quick brownThe quick"},
		{"space at the end", plays{cutOff("The quick\n\n"), endsWell("\n\n", "brown fox")}, []string{"quick"}, "The quick\n\nbrown fox"},
		{"half a character", plays{cutOff("caf\xc3"), endsWell("é au lait")}, []string{"caf"}, "café au lait"},
		{"a character in two pieces", plays{cutOff("caf\xc3", "\xa9 au"), endsWell(" lait")}, []string{" au"}, "café au lait"},
		{"it fails with its first words", plays{cutOff("one"), playing(chatSpeaker.begins(" two") + chunk("data: {\"error\":{\"message\":\"no\"}}\n\n")), endsWell(" three")}, []string{"one"}, "one two three"},
		{"it ends with its first words", plays{cutOff("one"), playing(chatSpeaker.begins(" two") + chunk("data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}]}\n\n") + "0\r\n\r\n"), endsWell(" three")}, []string{"one"}, "one two three"},
		{"it breaks off again", plays{cutOff("one"), cutOff(" two"), endsWell(" three")}, []string{"one", " two"}, "one two three"},
		{"it breaks off again, in what is said again", plays{cutOff("one two three"), breaksAtOnce("one two"), endsWell("one two three", " four")}, []string{"three"}, "one two three four"},
		{"the next has no answer", plays{cutOff("one"), playing(reply(500, jsonKind, errorBody("no"))), endsWell(" two")}, []string{"one"}, "one two"},
		{"the next says nothing", plays{cutOff("one"), endsWell(), endsWell(" two")}, []string{"one"}, "one two"},
		{"the next answers at once", plays{cutOff("one"), playing(reply(200, jsonKind, plainBodyOf(" two")))}, []string{"one"}, "one two"},
		{"the next thinks", plays{cutOff("one"), playing(chunksOf(thinkEvent, event(" two"), stopEvent, usageEvent, doneEvent, ""))}, []string{"one"}, "one two"},
		{"the first has thought", plays{playingUntil(chunksOf(thinkEvent, event("one"))), endsWell(" two")}, []string{"one"}, "one two"},
		{"the first has only thought", plays{playingUntil(chunksOf(thinkEvent)), endsWell("one")}, []string{"hm"}, "one"},
		{"the last word was said", plays{playingUntil(chunksOf(event("one"), stopEvent, usageEvent)), endsWell(" two")}, []string{"usage\":{"}, "one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			chain := startChain(t, nil, c.plays...)
			stream := listeners[0].ask(chain.gateway, chain.when, c.comes...)
			line := chain.log.Next(t, "request")
			prompt, completion := int64(line["prompt_tokens"].(float64)), int64(line["completion_tokens"].(float64))
			if c.name == "the next says nothing" { // and says what that cost
				prompt, completion = prompt-11, completion-7
			}
			listeners[0].is(t, stream, c.want, prompt, completion)
			if n := strings.Count(stream, "reasoning_content"); n > 1 || (n > 0) != strings.HasPrefix(c.name, "the first has") {
				t.Errorf("thinking: %s", stream)
			}
		})
	}
}

// playingUntil is what is said of a stream until its client has a text.
func playingUntil(begun string) func(when <-chan bool) script {
	return func(when <-chan bool) script {
		return func(p *peer, _ seen) bool {
			p.say(begun)
			<-when
			return false
		}
	}
}

const oneCall = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n"

// TestWhatCannotBeGoneOnWithIsAnError has answers that are more than text, requests whose answer cannot be put
// together, and nobody to go on.
func TestWhatCannotBeGoneOnWithIsAnError(t *testing.T) {
	t.Parallel()
	request := func(more string) string { return strings.Replace(streamRequest, "{", "{"+more+",", 1) }
	for _, c := range []struct {
		name  string
		plays plays
		more  []string // of api.yaml
		body  string
		comes string
		asked string
		fails bool // who is asked to go on has no answer
	}{
		{"a call has begun", plays{playingUntil(chunksOf(event("one"), oneCall)), endsWell("two")}, nil, streamRequest, "tool_calls", "a", false},
		{"a call in what went on", plays{cutOff("one"), playingUntil(chunksOf(event(" two"), oneCall)), endsWell("three")}, nil, streamRequest, "one|tool_calls", "ab", false},
		{"several answers are wanted", plays{cutOff("one"), endsWell("two")}, nil, request(`"n":2`), "one", "a", false},
		{"JSON is wanted", plays{cutOff("one"), endsWell("two")}, nil, request(`"response_format":{"type":"json_object"}`), "one", "a", false},
		{"probabilities are wanted", plays{cutOff("one"), endsWell("two")}, nil, request(`"logprobs":true`), "one", "a", false},
		{"sound is wanted", plays{cutOff("one"), endsWell("two")}, nil, request(`"modalities":["text","audio"]`), "one", "a", false},
		{"the request cannot be read", plays{cutOff("one"), endsWell("two")}, nil, request(`"tools":[{"type":"odd"}],"max_tokens":"many"`), "one", "a", false},
		{"there is nobody else", plays{cutOff("one")}, nil, streamRequest, "one", "a", false},
		{"nobody else serves", plays{cutOff("one"), playing(reply(500, jsonKind, errorBody("another"))), playing(reply(400, jsonKind, errorBody("another")))}, nil, streamRequest, "one", "abc", true},
		{"all break off", plays{cutOff("one"), cutOff(" two"), cutOff(" three")}, nil, streamRequest, "one| two| three", "abc", false},
		{"what was said must not be said", plays{playingUntilThen(chunksOf(event("one")), chunk("data: {\"error\":{\"message\":\"no\",\"code\":\"content_policy_violation\"}}\n\n")), endsWell("two")}, nil, streamRequest, "one", "a", false},
		{"the client key has no retries", plays{cutOff("one"), endsWell("two")}, []string{keyed("AUTO_RETRY: false")}, streamRequest, "one", "a", false},
		{"the client key has no more credits", plays{cutOff("one"), endsWell("two")}, []string{keyed("credits: 0.00001"), "preferences: {stream_recovery: continue, model_price: {default: '1,10'}}\n"}, streamRequest, "one", "a", false},
		{"the whole takes too long", plays{playingUntil(chunksOf(event("one"))), mutely}, []string{"preferences: {stream_recovery: continue, timeout_policy: {default: {total: 1}}}\n"}, streamRequest, "one", "ab", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			chain := startChain(t, c.more, c.plays...)
			l := *listeners[0]
			l.body = c.body
			stream := l.ask(chain.gateway, chain.when, strings.Split(c.comes, "|")...)
			if !strings.Contains(stream, `"error":{`) || strings.Contains(stream, "[DONE]") || strings.Contains(stream, `"finish_reason":"`) || strings.Contains(stream, "another") {
				t.Errorf("%s", stream)
			}
			if got := chain.asked(); got != c.asked {
				t.Errorf("%q were asked, not %q", got, c.asked)
			}
			broke := c.asked[len(c.asked)-1:]
			if c.fails {
				broke = "a"
			}
			if line := chain.log.Next(t, "request"); line["status"].(float64) < 400 || line["provider"] != broke {
				t.Errorf("logged as %v, and it was %s that broke off", line, broke)
			}
		})
	}
}

// playingUntilThen is what is said of a stream until its client has a text, and what follows.
func playingUntilThen(begun, rest string) func(when <-chan bool) script {
	return func(when <-chan bool) script {
		return func(p *peer, _ seen) bool {
			p.say(begun)
			<-when
			p.say(rest)
			return false
		}
	}
}

func mutely(<-chan bool) script { return mute }

// TestSignedThinkingIsNotGoneOnWith has Claude think, and break off.
func TestSignedThinkingIsNotGoneOnWith(t *testing.T) {
	claude := speakers[1]
	lead := servertest.MessagesLead[:strings.Index(servertest.MessagesLead, "event: content_block_start")]
	thought := named("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`) +
		named("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}`) +
		named("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"U0lHTkVE"}}`) +
		named("content_block_stop", `{"type":"content_block_stop","index":0}`) +
		named("content_block_start", `{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`) +
		named("content_block_delta", `{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"one"}}`)
	for _, l := range listeners {
		when, next := make(chan bool), listen(t, says(chatSpeaker.whole(" two")))
		g := start(t, claude.section("first", listen(t, playingUntil(chunksOf(lead, thought))(when))), chatSpeaker.section("second", next), goOnAll, inOrderKey)
		l.fails(t, l.ask(g, when, "one"), "one")
		if len(next.requests()) != 0 {
			t.Errorf("%s: another was asked", l.name)
		}
	}
}
