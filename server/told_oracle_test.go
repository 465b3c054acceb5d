package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"uniapi/server/telemetry"
)

// parrot is a provider that repeats what was said to it in its errors.
func parrot(p *peer, r seen) bool {
	var said struct {
		Model    string
		Messages []struct{ Content string }
		Input    string
	}
	json.Unmarshal([]byte(r.body), &said)
	words := []string{said.Model, said.Input, r.Header.Get("X-Session")}
	for _, m := range said.Messages {
		words = append(words, m.Content)
		if decoded, err := url.QueryUnescape(m.Content); err == nil {
			words = append(words, decoded)
		}
		var inner string
		if json.Unmarshal([]byte(m.Content), &inner) == nil {
			words = append(words, inner)
		}
	}
	text, _ := json.Marshal(map[string]any{"error": map[string]any{"message": fmt.Sprintf("bad value %q", words), "type": "invalid_request_error", "param": "messages", "code": nil}})
	p.say(fmt.Sprintf("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(text), text))
	return true
}

// escapedJSON is a text with each character as JSON's \u00XX.
func escapedJSON(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&out, `\u%04x`, c)
	}
	return out.String()
}

func percented(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&out, "%%%02X", c)
	}
	return out.String()
}

func TestNobodyLearnsFromAnAnswerWhetherAGuessIsRight(t *testing.T) {
	const secret = "sk-proj-0a1b2c3d4e5f6g7h8i9jKLMNOPqrstuv"
	up := listen(t, parrot)
	g := start(t, providerOf("p", up, "    api: "+secret+"\n    model: [m]\n    preferences: {cooldown_period: 0, passthrough_request_headers: [X-Session]}\n"))
	chat := func(content string) string {
		return `{"model":"m","messages":[{"role":"user","content":` + content + `}]}`
	}
	quoted := func(text string) string { b, _ := json.Marshal(text); return string(b) }
	type ask struct {
		method, path, body string
		header             []string
	}
	own := []string{"Authorization", "Bearer " + clientKeyText}
	for name, with := range map[string]func(guess string) ask{
		"a stranger's path":       func(w string) ask { return ask{method: "GET", path: "/" + w} },
		"a stranger's many paths": func(w string) ask { return ask{method: "GET", path: "/~" + w + "/~" + w} },
		"an escaped path":         func(w string) ask { return ask{method: "GET", path: "/" + percented(w)} },
		"a path of a key":         func(w string) ask { return ask{"GET", "/v1/" + w, "", own} },
		"a method":                func(w string) ask { return ask{"DELETE", "/v1/models", "", append(own, "X-Any", w)} },
		"a request id":            func(w string) ask { return ask{"GET", "/healthz", "", []string{"X-Request-Id", w}} },
		"a key":                   func(w string) ask { return ask{"GET", "/v1/models", "", []string{"Authorization", "Bearer " + w}} },
		"a model": func(w string) ask {
			return ask{"POST", "/v1/chat/completions", `{"model":` + quoted(w) + `,"messages":[]}`, own}
		},
		"an escaped model": func(w string) ask {
			return ask{"POST", "/v1/chat/completions", `{"model":"` + escapedJSON(w) + `","messages":[]}`, own}
		},
		"Google's model":         func(w string) ask { return ask{"POST", "/v1beta/models/" + w + ":generateContent", `{}`, own} },
		"a query":                func(w string) ask { return ask{"GET", "/v1/token_usage?last_n_days=" + w, "", own} },
		"a text":                 func(w string) ask { return ask{"POST", "/v1/chat/completions", chat(quoted(w)), own} },
		"a text among others":    func(w string) ask { return ask{"POST", "/v1/chat/completions", chat(quoted("say " + w + "!")), own} },
		"an escaped text":        func(w string) ask { return ask{"POST", "/v1/chat/completions", chat(`"` + escapedJSON(w) + `"`), own} },
		"a percent-encoded text": func(w string) ask { return ask{"POST", "/v1/chat/completions", chat(quoted(percented(w))), own} },
		"JSON in a text": func(w string) ask {
			return ask{"POST", "/v1/chat/completions", chat(quoted(`"` + escapedJSON(w) + `"`)), own}
		},
		"a text behind a long one": func(w string) ask {
			return ask{"POST", "/v1/chat/completions", chat(quoted(strings.Repeat(`\"`, 70<<10) + w)), own}
		},
		"a stream": func(w string) ask {
			return ask{"POST", "/v1/chat/completions", strings.Replace(chat(quoted(w)), "{", `{"stream":true,`, 1), own}
		},
		"another format": func(w string) ask {
			return ask{"POST", "/v1/messages", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":` + quoted(w) + `}]}`, own}
		},
		"speech": func(w string) ask {
			return ask{"POST", "/v1/audio/speech", `{"model":"m","input":` + quoted(w) + `}`, own}
		},
		"a header": func(w string) ask {
			return ask{"POST", "/v1/chat/completions", chat(`"x"`), append(own, "X-Session", w)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer := func(guess string) string {
				a := with(guess)
				got := g.do(a.method, a.path, a.body, a.header...)
				id := got.Header.Get("X-Request-Id")
				if id != guess { // of our own, each time another one
					got.Header.Del("X-Request-Id")
				}
				var out strings.Builder
				got.Header.WriteSubset(&out, map[string]bool{"Date": true})
				got.body = strings.Replace(got.body, `{"version":"v0-test","status":"ok"}`, `{"status":"ok","version":"v0-test"}`, 1)
				text := strings.ReplaceAll(fmt.Sprint(got.StatusCode, " ", out.String(), got.body), `\`, "")
				return strings.NewReplacer(guess, "GUESS", percented(guess), "GUESS", strings.ReplaceAll(escapedJSON(guess), `\`, ""), "GUESS").Replace(text)
			}
			for _, right := range []string{secret, secret[8:20], secret[len(secret)-12:]} {
				wrong := right[:len(right)-1] + "~"
				if strings.ContainsAny(right, "~") {
					t.Fatal("the wrong guess is the right one")
				}
				if got, want := answer(right), answer(wrong); got != want {
					t.Errorf("the right guess is answered\n%s\nthe wrong one\n%s", got, want)
				}
			}
		})
	}
	if got := up.requests(); len(got) == 0 {
		t.Error("the provider was never asked")
	}
}

func TestWhatAProviderSaysOfItsKeyIsTakenOutWhateverPartOfItIsGuessed(t *testing.T) {
	const secret = "sk-proj-0a1b2c3d4e5f6g7h8i9jKLMNOPqrstuv"
	up := listen(t, func(p *peer, r seen) bool {
		text := `{"error":{"message":"Incorrect API key provided: ` + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + `"}}`
		p.say(fmt.Sprintf("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(text), text))
		return true
	})
	g := start(t, providerOf("p", up, "    api: "+secret+"\n    model: [m]\n    preferences: {cooldown_period: 0}\n"))
	first := ""
	for _, guess := range []string{"xxxxxxxxxxxxxxxxxxxx", secret[:20], secret[8:20], secret[12:], secret[:len(secret)-1]} {
		a := g.chat(`{"model":"m","messages":[{"role":"user","content":"` + guess + `"}]}`)
		if a.StatusCode == http.StatusOK || strings.Contains(a.body, secret[8:20]) || strings.Contains(a.body, secret[12:24]) {
			t.Errorf("%q: %d %s", guess, a.StatusCode, a.body)
		}
		if first == "" {
			first = a.body
		}
		if a.body != first {
			t.Errorf("%q is answered %s, another guess %s", guess, a.body, first)
		}
	}
}

func TestWhatRestsDoesNotTellOthersWhatWasSaid(t *testing.T) {
	failing := listen(t, func(p *peer, r seen) bool {
		p.say("HTTP/1.1 503 Oops\r\nRetry-After: 60\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nsecretive")
		return true
	})
	keys := "api_keys:\n  - {api: sk-first-0123456789abcdef, model: [all]}\n  - {api: sk-second-0123456789abcdef, model: [all]}\n  - {api: sk-third-0123456789abcdef, model: [all]}\n"
	g := start(t, providerOf("p", failing), providerOf("q", failing), keys)
	var last answer
	for _, key := range []string{"first", "second", "third"} {
		last = g.do("POST", "/v1/chat/completions", plainRequest, "Authorization", "Bearer sk-"+key+"-0123456789abcdef")
	}
	if !strings.Contains(last.body, "all_channels_resting") || strings.Contains(last.body, "secretive") {
		t.Errorf("the third key is told %s", last.body)
	}
}

// Looking through escapes takes time, so there is an end to it; then nothing of what
// the provider says is shown, whatever it is.
func TestProviderIsNotRepeatedToWhoSendsTooManyEscapes(t *testing.T) {
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(reply(400, jsonKind, `{"error":{"message":"first things first"}}`))
		return true
	})
	g := start(t, providerOf("p", up))
	for escapes, shown := range map[int]bool{telemetry.MostSigns / 2: true, telemetry.MostSigns + 1: false} {
		a := g.chat(`{"model":"m","messages":[{"role":"user","content":"first ` + strings.Repeat(`\n`, escapes) + `"}]}`)
		if a.StatusCode != 400 || strings.Contains(a.body, "first") != shown || strings.Contains(a.body, "is not shown") == shown {
			t.Errorf("%d escapes: %d %.300s", escapes, a.StatusCode, a.body)
		}
	}
}
