package server

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/codec/estimate"
)

// counting parts: a provider answers each with this, if it counts.
const partUsage = `{"promptTokenCount":10,"candidatesTokenCount":1290,"totalTokenCount":1300}`

// embedded answers a batch of embeddings of Google's.
func embedded(r seen, usage string) string {
	n := max(strings.Count(r.body, `"content"`), 1)
	return reply(200, jsonKind, with(`{"embeddings":[`+strings.TrimSuffix(strings.Repeat(`{"values":[0.5]},`, n), ",")+`]}`, "usageMetadata", usage))
}

func drawn(_ seen, usage string) string {
	return reply(200, jsonKind, with(`{"candidates":[{"content":{"role":"model","parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]},"finishReason":"STOP"}]}`, "usageMetadata", usage))
}

// What a provider has answered to parts of a request is charged, whatever becomes
// of the others.
func TestPartsThatWereAnsweredAreChargedWhateverBecomesOfTheRest(t *testing.T) {
	t.Parallel()
	texts := strings.TrimSuffix(strings.Repeat(`"a text of twenty..."`+",", 250), ",") // three batches
	ends := map[string]func(p *peer, r seen) bool{
		"refused": func(p *peer, _ seen) bool {
			p.say(reply(400, jsonKind, `{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}`))
			return true
		},
		"failed": func(p *peer, _ seen) bool {
			p.say(reply(500, jsonKind, `{"error":{"code":500,"message":"bad","status":"INTERNAL"}}`))
			return true
		},
		"no answer":  func(p *peer, _ seen) bool { p.say(reply(200, jsonKind, `{}`)); return true },
		"broken off": func(p *peer, _ seen) bool { p.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"); return false },
		"dead":       func(p *peer, _ seen) bool { p.reset(); return false },
		"the client leaves": func(p *peer, _ seen) bool {
			p.gone()
			return false
		},
	}
	for _, kind := range []struct {
		name, path, body string
		part             func(seen, string) string
		prompt, made     int64 // of a part that is not counted
		completion       int64 // of one that is
	}{
		{"embeddings", "/v1/embeddings", `{"model":"e","input":[` + texts + `]}`, embedded, 500, 0, 0},
		{"images", "/v1/images/generations", `{"model":"g","prompt":"draw","n":3}`, drawn, 0, estimate.MediaTokens, 1290},
	} {
		for end, play := range ends {
			for _, usage := range []string{partUsage, ""} {
				name := fmt.Sprintf("%s, the third %s, counted %v", kind.name, end, usage != "")
				asked, standing := new(atomic.Int64), make(chan struct{}, 1)
				up := listen(t, func(p *peer, r seen) bool {
					if asked.Add(1) < 3 {
						p.say(kind.part(r, usage))
						return true
					}
					standing <- struct{}{}
					return play(p, r)
				})
				s := &stage{gateway: start(t, fmt.Sprintf("  - {provider: p, base_url: \"http://%s/v1beta\", engine: gemini, api: %s, model: [gemini-embedding-001: e, gemini-2.5-flash-image: g]}\n", up.addr, upstreamKeyText),
					"preferences:\n  cooldown_period: 0\n  model_price: {default: \"1000,2000\"}\n",
					"api_keys: [{api: "+clientKeyText+", role: tester-admin, model: [all], preferences: {AUTO_RETRY: false}}]\n")}
				c := s.charge(func() {
					client := s.dial()
					client.send(strings.Replace(chatText(kind.body), "/v1/chat/completions", kind.path, 1))
					receive(t, standing, "the third part is asked for")
					if end == "the client leaves" {
						client.Close()
					} else {
						client.answer()
					}
				})
				switch {
				case usage != "" && (c.prompt != 20 || c.completion != 2*kind.completion || c.estimated):
					t.Errorf("%s: %+v", name, c)
				case usage == "" && (c.prompt < 2*kind.prompt || c.prompt > 2*kind.prompt+20 || c.completion != 2*kind.made || !c.estimated):
					t.Errorf("%s: %+v", name, c)
				case c.nano != c.prompt*1_000_000+c.completion*2_000_000 || c.nano == 0 || c.status == 200:
					t.Errorf("%s: %+v", name, c)
				}
			}
		}
	}
}

// Each attempt that a provider has answered is charged, not the last alone.
func TestWhatChannelsAnsweredBeforeTheLastIsCharged(t *testing.T) {
	empty := with(`{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}]}`, "usage", `{"prompt_tokens":1000,"completion_tokens":500}`)
	nothing := says(reply(200, jsonKind, empty))
	well := says(reply(200, jsonKind, with(plainBodyOf("hello")[:strings.Index(plainBodyOf("hello"), `,"usage"`)]+"}", "usage", `{"prompt_tokens":20,"completion_tokens":3}`)))
	google := func(fails int64) script {
		asked := new(atomic.Int64)
		return func(p *peer, r seen) bool {
			if asked.Add(1) == fails {
				p.say(reply(500, jsonKind, `{"error":{"code":500,"message":"bad","status":"INTERNAL"}}`))
			} else {
				p.say(drawn(r, partUsage))
			}
			return true
		}
	}
	for _, test := range []struct {
		name, path, body   string
		first, second      script
		prompt, completion int64
		status             int
	}{
		{"nothing said, then an answer", "/v1/chat/completions", plainRequest, nothing, well, 1020, 503, 200},
		{"nothing said twice", "/v1/chat/completions", plainRequest, nothing, nothing, 2000, 1000, 502},
		{"an error is free", "/v1/chat/completions", plainRequest, says(reply(500, jsonKind, `{"error":{"message":"no"},"usage":{"prompt_tokens":1000,"completion_tokens":500}}`)), well, 20, 3, 200},
		{"two of three images, then three", "/v1/images/generations", `{"model":"g","prompt":"draw","n":3}`, google(3), google(0), 50, 5 * 1290, 200},
		{"two of three images, then one of three", "/v1/images/generations", `{"model":"g","prompt":"draw","n":3}`, google(3), google(2), 30, 3 * 1290, 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			section := func(name string, play script) string {
				up := listen(t, play)
				if strings.Contains(test.path, "images") {
					return fmt.Sprintf("  - {provider: %s, base_url: \"http://%s/v1beta\", engine: gemini, api: %s, model: [gemini-2.5-flash-image: g], preferences: {cooldown_period: 300}}\n", name, up.addr, upstreamKeyText)
				}
				return providerOf(name, up, "    preferences: {cooldown_period: 300}\n")
			}
			s := &stage{gateway: start(t, section("p", test.first), section("q", test.second), "preferences:\n  model_price: {default: \"1000,2000\"}\n",
				"api_keys: [{api: "+clientKeyText+", role: tester-admin, model: [all], preferences: {SCHEDULING_ALGORITHM: fixed_priority}}]\n")}
			var a answer
			c := s.charge(func() { a = s.do("POST", test.path, test.body, "Authorization", "Bearer "+clientKeyText) })
			if c.prompt != test.prompt || c.completion != test.completion || c.estimated || c.nano != c.prompt*1_000_000+c.completion*2_000_000 || a.StatusCode != test.status {
				t.Errorf("%+v, %d %s", c, a.StatusCode, a.body)
			}
		})
	}
}

// A stream that is put together for a client which leaves meanwhile costs what was
// asked and what had been said, in whatever words.
func TestStreamThatWasToBePutTogetherIsChargedAsFarAsItCame(t *testing.T) {
	said := strings.Repeat("word ", 800)
	event := func(delta string) string {
		return `data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{` + delta + `}}]}` + "\n\n"
	}
	for name, delta := range map[string]string{
		"a text":    `"content":"` + said + `"`,
		"a thought": `"reasoning_content":"` + said + `"`,
		"a call":    `"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"` + said + `"}}]`,
	} {
		standing := make(chan struct{}, 1)
		up := listen(t, func(p *peer, _ seen) bool {
			p.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + event(delta))
			standing <- struct{}{}
			p.gone()
			return false
		})
		s := &stage{gateway: start(t, providerOf("p", up), "preferences: {model_price: {default: \"1000,2000\"}}\n",
			"api_keys: [{api: "+clientKeyText+", role: tester-admin, model: [all], preferences: {AUTO_RETRY: false}}]\n")}
		body := strings.Replace(plainRequest, `"content":"`, `"content":"`+said, 1)
		for late := time.Now().Add(patience); ; { // until the gateway had read it when the client left
			c := s.charge(func() {
				client := s.dial()
				client.send(chatText(body))
				receive(t, standing, "the provider's first piece")
				client.Close()
			})
			if c.completion >= 1000 && c.prompt >= 1000 && c.estimated {
				break
			}
			if time.Now().After(late) {
				t.Errorf("%s: %+v", name, c)
				break
			}
		}
	}
}
