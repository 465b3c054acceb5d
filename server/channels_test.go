package server

import (
	"strings"
	"testing"

	"uniapi/server/servertest"
)

// once is a client key whose requests are tried once.
const once = "api_keys:\n  - api: " + clientKeyText + "\n    role: tester\n    preferences:\n      AUTO_RETRY: false\n"

// failure is one way for an upstream to fail before a byte of its answer has
// reached the client, and what comes of it: the table of failures.
type failure struct {
	name    string
	serve   script
	section string // in the place of serve: a provider that cannot be reached
	only    string // plainRequest or streamRequest; both if empty

	status     int // what the client is told if no other channel follows
	code, word string
	final      bool // no other channel with the same model is asked
}

func errorBody(message string) string { return servertest.ErrorBody(message) }

var failures = []failure{
	{name: "connection refused", section: "  - provider: p\n    base_url: http://127.0.0.1:1/v1\n    api: k\n    model: [m]\n", status: 503, code: "upstream_unreachable", word: "refused"},
	{name: "a proxy that is not there", section: "  - provider: p\n    base_url: http://127.0.0.1:2/v1\n    api: k\n    model: [m]\n    preferences:\n      proxy: http://user:hunter22@127.0.0.1:1\n", status: 503, code: "upstream_unreachable", word: "proxy"},
	{name: "hanging up before the head", serve: func(*peer, seen) bool { return false }, status: 502, code: "bad_gateway"},
	{name: "a reset before the head", serve: func(p *peer, _ seen) bool { p.reset(); return false }, status: 502, code: "bad_gateway"},
	{name: "a cut head", serve: func(p *peer, _ seen) bool { p.say("HTTP/1.1 200 OK\r\nContent-"); return false }, status: 502, code: "bad_gateway"},
	{name: "what is not HTTP", serve: says("hello\r\n\r\n"), status: 502, code: "bad_gateway"},
	{name: "an endless head", serve: says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"), status: 502, code: "bad_gateway"},

	{name: "401", serve: says(reply(401, jsonKind, errorBody("Incorrect API key provided: "+upstreamKeyText))), status: 502, code: "upstream_auth", word: "(status 401): Incorrect API key provided: sk-…"},
	{name: "403", serve: says(reply(403, jsonKind, errorBody("not in your country"))), status: 502, code: "upstream_auth", word: "not in your country"},
	{name: "404", serve: says(reply(404, jsonKind, errorBody("no such model"))), status: 404, word: "no such model"},
	{name: "404 in HTML", serve: says(reply(404, "text/html", "<html><title>Not here</title></html>")), status: 404, word: "Not here"},
	{name: "408", serve: says(reply(408, jsonKind, errorBody("slow"))), status: 408, word: "slow"},
	{name: "409", serve: says(reply(409, jsonKind, errorBody("conflict"))), status: 409, word: "conflict"},
	{name: "425", serve: says(reply(425, jsonKind, errorBody("early"))), status: 425, word: "early"},
	{name: "429", serve: says(reply(429, jsonKind, errorBody("slow down, "+upstreamKeyText))), status: 429, word: "slow down, sk-…"},
	{name: "500", serve: says(reply(500, jsonKind, errorBody("broken"))), status: 500, word: "broken"},
	{name: "500 in plain text", serve: says(reply(500, "text/plain", "broken pipe of "+upstreamKeyText)), status: 500, word: "broken pipe of sk-…"},
	{name: "502 in HTML", serve: says(reply(502, "text/html", "<html><head><title>502 Bad\nGateway</title></head></html>")), status: 502, word: "502 Bad Gateway"},
	{name: "503 without a body", serve: says(reply(503, jsonKind, "")), status: 503, word: "503"},
	{name: "529", serve: says(reply(529, jsonKind, errorBody("overloaded"))), status: 529, word: "overloaded"},
	{name: "500 with a body that is cut", serve: func(p *peer, _ seen) bool { p.say("HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\n{"); return false }, status: 500},
	{name: "500 with a body too long to be read", serve: says(reply(500, "text/plain", "too much "+strings.Repeat("x", 100<<10))), status: 500, word: "500"},
	{name: "400", serve: says(reply(400, jsonKind, errorBody("temperature must be below 2"))), status: 400, word: "temperature must be below 2"},
	{name: "422", serve: says(reply(422, jsonKind, `{"detail":[{"msg":"field required"}]}`)), status: 422, word: "field required"},
	{name: "413", serve: says(reply(413, jsonKind, errorBody("too large"))), status: 413, word: "too large", final: true},
	{name: "400 for a context that is too long", serve: says(reply(400, jsonKind, `{"error":{"message":"This model's maximum context length is 5","code":"context_length_exceeded"}}`)), status: 400, code: "context_length_exceeded", final: true},
	{name: "400 for what was said", serve: says(reply(400, jsonKind, `{"error":{"message":"flagged","code":"content_policy_violation"}}`)), status: 400, code: "content_policy_violation", final: true},

	{name: "200 with an error object", serve: says(reply(200, jsonKind, errorBody("quota of "+upstreamKeyText))), status: 502, word: "quota of sk-…"},
	{name: "200 with HTML", serve: says(reply(200, "text/html", "<html><title>Sign in</title></html>")), status: 502, word: "Sign in"},
	{name: "200 with nothing", serve: says(reply(200, jsonKind, "")), status: 502, word: "empty"},
	{name: "200 with text", serve: says(reply(200, "text/plain", "ok")), status: 502},
	{name: "200 with a trigger", serve: both, only: "trigger", status: 502, word: "trigger"},
	{name: "200 with an answer that says nothing", serve: says(reply(200, jsonKind, plainBodyOf(""))), only: plainRequest, status: 502, word: "empty"},
	{name: "200 with a body that is cut", serve: func(p *peer, _ seen) bool {
		p.say(strings.TrimSuffix(plainOK, "}"))
		return false
	}, only: plainRequest, status: 502, code: "bad_gateway"},
	{name: "200 with a broken chunk", serve: func(p *peer, _ seen) bool { p.say(streamHead + "zz\r\n"); return false }, status: 502, code: "bad_gateway"},
	{name: "a redirection", serve: says("HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), status: 502, word: "307"},

	{name: "a first event that is an error", serve: says(streamHead + chunk(`data: {"error":{"message":"busy"}}`+"\n\n") + chunk("")), only: streamRequest, status: 502, word: "busy"},
	{name: "an error right behind the first event", serve: says(streamHead + chunk(event("one")+`data: {"error":{"message":"busy"}}`+"\n\n") + chunk("")), only: streamRequest, status: 502, word: "busy"},
	{name: "a stream without events", serve: says(streamHead + chunk("")), only: streamRequest, status: 502, word: "empty"},
	{name: "a stream of comments", serve: says(streamHead + chunk(": wait\n\n") + chunk("")), only: streamRequest, status: 502, word: "empty"},
	{name: "a stream that is done before it began", serve: says(streamHead + chunk(doneEvent) + chunk("")), only: streamRequest, status: 502, word: "empty"},
	{name: "a stream that is cut before its first event", serve: func(p *peer, _ seen) bool { p.say(streamHead + chunk("data: {")); return false }, only: streamRequest, status: 502, code: "bad_gateway"},
	{name: "a stream that hangs before its first event", serve: func(p *peer, _ seen) bool { p.say(streamHead); p.gone(); return false }, only: streamRequest, status: 504, code: "timeout"},
	{name: "no first byte in time", serve: func(p *peer, _ seen) bool { p.gone(); return false }, status: 504, code: "timeout", word: "timed out after 0.2 seconds"},
	{name: "a body that stands still", serve: func(p *peer, _ seen) bool { p.say(plainOK[:len(plainOK)-5]); p.gone(); return false }, only: plainRequest, status: 504, code: "timeout"},
}

// sections are the parts of api.yaml for a failure and what stands behind it.
func (f failure) sections(t *testing.T, more ...string) []string {
	section := f.section
	if section == "" {
		times := ""
		if f.status == 504 { // no other failure is to be taken for one of time on a busy machine
			times = "    preferences:\n      model_timeout: 0.2\n"
		}
		section = providerOf("p", listen(t, f.serve), times)
	}
	if f.only == "trigger" {
		more = append(more, "preferences:\n  error_triggers: [\"hello\", \"one\"]\n")
	}
	return append([]string{section}, more...)
}

// requests are those that can fail so.
func (f failure) requests() []string {
	if f.only == plainRequest || f.only == streamRequest {
		return []string{f.only}
	}
	return []string{plainRequest, streamRequest}
}

func TestFailureIsToldInTheEnvelopeIfNobodyElseCanServe(t *testing.T) {
	t.Parallel()
	for _, f := range failures {
		for _, request := range f.requests() {
			t.Run(f.name+" "+kindOfRequest(request), func(t *testing.T) {
				t.Parallel()
				g := start(t, f.sections(t, once)...)
				a := g.chat(request)
				if message := a.failure(t, f.status, f.code); !strings.Contains(message, f.word) {
					t.Errorf("told %q, which does not say %q", message, f.word)
				}
				line := g.log.Next(t, "request")
				if line["status"] != float64(f.status) || line["attempts"] != 1.0 || line["provider"] != "p" || line["error"] == nil {
					t.Errorf("logged as %v", line)
				}
				noSecrets(t, a.body, g.log.String())
			})
		}
	}
}

func TestFailureIsInvisibleIfAnotherChannelCanServe(t *testing.T) {
	t.Parallel()
	for _, f := range failures {
		for _, request := range f.requests() {
			if f.only == "trigger" {
				continue // the answer that follows would pull it too
			}
			t.Run(f.name+" "+kindOfRequest(request), func(t *testing.T) {
				t.Parallel()
				up := listen(t, both)
				g := start(t, f.sections(t, providerOf("q", up))...)
				a := g.chat(request)
				line := g.log.Next(t, "request")
				if f.final {
					a.failure(t, f.status, f.code)
					if line["attempts"] != 1.0 || len(up.requests()) != 0 {
						t.Errorf("asked elsewhere: %v", line)
					}
					return
				}
				want := plainBodyOf("hello")
				if request == streamRequest {
					want = streamSeen
				}
				if a.StatusCode != 200 || a.body != want {
					t.Errorf("%d %q", a.StatusCode, a.body)
				}
				if line["status"] != 200.0 || line["attempts"] != 2.0 || line["provider"] != "q" {
					t.Errorf("logged as %v", line)
				}
				if g.log.Count("attempt failed") != 1 {
					t.Errorf("the failed attempt is not told:\n%s", g.log)
				}
				noSecrets(t, g.log.String())
			})
		}
	}
}

func kindOfRequest(request string) string {
	if request == streamRequest {
		return "(streamed)"
	}
	return "(plain)"
}

func noSecrets(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for _, secret := range []string{clientKeyText, upstreamKeyText, "hunter22"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is shown in %s", secret, text)
			}
		}
	}
}

func TestMistakeOfTheClientsIsTriedOnceElsewhere(t *testing.T) {
	mistake := says(reply(400, jsonKind, errorBody("no such parameter")))
	busy := says(reply(503, jsonKind, errorBody("busy")))
	for _, c := range []struct {
		name     string
		serve    []script
		status   int
		attempts float64
		word     string
	}{
		{"two channels say so", []script{mistake, mistake, both}, 400, 2, "no such parameter"},
		{"the other is more lenient", []script{mistake, both, both}, 200, 2, ""},
		{"the other fails", []script{mistake, busy, both}, 400, 2, "no such parameter"},
		{"one failed before", []script{busy, mistake, both}, 200, 3, ""},
		{"the last failure is told", []script{busy, says(reply(502, jsonKind, errorBody("later"))), says(reply(500, jsonKind, errorBody("last")))}, 500, 3, "last"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sections := []string{"api_keys:\n  - api: " + clientKeyText + "\n    preferences:\n      AUTO_RETRY: 2\n"}
			for i, serve := range c.serve {
				sections = append(sections, providerOf(string(rune('p'+i)), listen(t, serve)))
			}
			g := start(t, sections...)
			a := g.chat(plainRequest)
			if line := g.log.Next(t, "request"); a.StatusCode != c.status || line["attempts"] != c.attempts || !strings.Contains(a.body, c.word) {
				t.Errorf("%d %s, logged as %v", a.StatusCode, a.body, line)
			}
		})
	}
}

// A connection that cannot be made is no reason to hide what a later channel
// said: the last failure is told.
func TestLastFailureIsToldWhateverCameBefore(t *testing.T) {
	dead := "  - provider: dead\n    base_url: http://127.0.0.1:1/v1\n    api: k\n    model: [m]\n"
	g := start(t, dead, providerOf("q", listen(t, says(reply(429, jsonKind, errorBody("slow down"))))),
		"api_keys:\n  - api: "+clientKeyText+"\n    preferences:\n      AUTO_RETRY: 1\n")
	g.chat(plainRequest).failure(t, 429, "")
}

func TestTooLongRequestIsTriedWhereTheModelIsAnother(t *testing.T) {
	tooLong := says(reply(413, jsonKind, errorBody("too long")))
	same, other := listen(t, both), listen(t, both)
	g := start(t, providerOf("p", listen(t, tooLong), "    api: [k1, k2, k3]\n"), providerOf("same", same),
		providerOf("other", other, "    model:\n      - m-large: m\n"))
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if line := g.log.Next(t, "request"); line["attempts"] != 2.0 || line["provider"] != "other" || line["upstream_model"] != "m-large" {
		t.Errorf("logged as %v", line)
	}
	if n := len(same.requests()); n != 0 {
		t.Errorf("the same model was asked %d times", n)
	}
}
