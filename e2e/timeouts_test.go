package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// timeoutRows are the keys that say how long something may take.
var timeoutRows = []row{
	{section: "providers[].preferences", key: "model_timeout", set: "{model_timeout: {m: 1}}", play: slowFirst, without: "a", with: "a b"},
	{section: "preferences", key: "model_timeout", set: "{model_timeout: {m: 1}}", file: file{bPreferences: "{model_timeout: 60}"}, play: slowFirst, without: "a", with: "a b"},
	{section: "providers[].preferences", key: "keepalive_interval", set: "{keepalive_interval: 1}", play: comments, without: "no comments, 200", with: "comments, 200"},
	{section: "preferences", key: "keepalive_interval", set: "{keepalive_interval: {m: 1}}", play: comments, without: "no comments, 200", with: "comments, 200"},
	{section: "providers[].preferences", key: "timeout_policy", set: "{timeout_policy: {default: {first_byte: 1}}}", play: slowFirst, without: "a", with: "a b"},
	{section: "preferences", key: "timeout_policy", set: "{timeout_policy: {default: {first_byte: 1}}}", file: patientB, play: slowFirst, without: "a", with: "a b"},

	{section: "timeout_policy", key: "default", set: "{timeout_policy: {default: 1}}", file: patientB, play: slowFirst, without: "a", with: "a b"},
	{section: "timeout_policy", key: "rules", set: "{timeout_policy: {rules: [{match: {stream: false}, timeout: 1}]}}", file: patientB, play: slowFirst, without: "a", with: "a b"},
	{section: "timeout_policy", key: "rules[].timeout", set: "{timeout_policy: {rules: [{match: {model: m}, timeout: {first_byte: 1}}]}}",
		unset: "{timeout_policy: {rules: [{match: {model: m}, timeout: {first_byte: 60}}]}}", file: patientB, play: slowFirst, without: "a", with: "a b"},

	matches("endpoint", "/v1/chat/completions", "/v1/messages"), matches("stream", "false", "true"), matches("method", "POST", "GET"),
	matches("engine", "gpt", "claude"), matches("provider", "a", "b"), matches("model", "m-up*", "n"), matches("request_model", "m", "m-upstream"),
	matches("upstream_model", "m-upstream", "m"), matches("role", "admin", "user"),
	{section: "timeout_policy", key: "rules[].match", word: "request_type", set: rule("request_type", "compaction"), unset: rule("request_type", "none"),
		file: file{a: onResponses.a, b: onResponses.b, bPreferences: patientB.bPreferences}, without: "a", with: "a b",
		play: func(s *stage) string {
			s.a.answer = s.silent(usual)
			s.post("/v1/responses/compact", `{"model":"m","input":[]}`)
			return s.asked()
		}},

	{section: "timeout_policy", key: "default.first_byte", set: "{timeout_policy: {default: {first_byte: 1}}}", file: patientB, play: slowFirst, without: "a", with: "a b"},
	{section: "timeout_policy", key: "default.first_token", set: "{timeout_policy: {default: {first_byte: 60, first_token: 1}}}", unset: "{timeout_policy: {default: {first_byte: 60}}}",
		play: slowStream, without: "a", with: "a b"},
	{section: "timeout_policy", key: "default.idle", set: "{timeout_policy: {default: {first_byte: 60, idle: 1}}}", unset: "{timeout_policy: {default: {first_byte: 60}}}",
		play: pauseInStream, without: "whole", with: "broken off"},
	{section: "timeout_policy", key: "default.total", set: "{timeout_policy: {default: {first_byte: 60, idle: 60, total: 1}}}", unset: "{timeout_policy: {default: {first_byte: 60, idle: 60}}}",
		play: longStream, without: "whole", with: "broken off"},
	{section: "timeout_policy", key: "default.total", set: "{timeout_policy: {default: {first_byte: 60, total: 1}}}", unset: "{timeout_policy: {default: {first_byte: 60}}}", file: tireless,
		play: manyAttempts, without: "6 attempts", with: "fewer"},
}

// patientB has the second provider wait for as long as it takes, whatever the row's key is.
var patientB = file{bPreferences: "{model_timeout: 60, timeout_policy: {default: 60, rules: [{match: {provider: b}, timeout: 60}]}}"}

// rule is a timeout_policy with one rule.
func rule(field, value string) string {
	return "{timeout_policy: {rules: [{match: {" + field + ": " + value + "}, timeout: 1}]}}"
}

// matches is a rule that fits the request, and for comparison one that does not.
func matches(field, fits, other string) row {
	return row{section: "timeout_policy", key: "rules[].match", word: field, set: rule(field, fits), unset: rule(field, other),
		file: file{a: "{model: [m-upstream: m]}", bPreferences: patientB.bPreferences}, play: slowFirst, without: "a", with: "a b"}
}

// slowFirst has the first provider say nothing for longer than the key allows, and tells who was asked. What explain
// says of the time must be the time.
func slowFirst(s *stage) string {
	if within := s.explained(chat, said()).step("a").Timeout; (within <= brief) != s.has {
		s.Errorf("explain says that the answer must begin within %v", within)
	}
	s.a.answer = s.silent(usual)
	s.chat()
	return s.asked()
}

// slowStream is slowFirst for a stream.
func slowStream(s *stage) string {
	if within := s.explained(chat, said(`"stream":true`)).step("a").FirstToken; (within == brief) != s.has {
		s.Errorf("explain says that another is asked after %v", within)
	}
	s.a.answer = s.silent(usual)
	s.chat(`"stream":true`)
	return s.asked()
}

// comments asks for a stream whose upstream is silent until the client has seen a comment, or longer than it would take
// one to come.
func comments(s *stage) string {
	seenOne := make(chan bool)
	s.a.answer = func(w http.ResponseWriter, r seen) {
		select {
		case <-seenOne:
		case <-r.Context().Done():
		case <-time.After(s.beyond()):
		}
		usual(w, r)
	}
	resp := s.begin("POST", chat, said(`"stream":true`))
	defer resp.Body.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		return err.Error()
	}
	close(seenOne)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err.Error()
	}
	return map[bool]string{true: "comments", false: "no comments"}[first[0] == ':'] + fmt.Sprint(", ", resp.StatusCode)
}

// streamed is how a stream of the first provider ends for the client.
func streamed(s *stage, rest func(http.ResponseWriter, seen)) string {
	s.a.answer = func(w http.ResponseWriter, r seen) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, firstEvent)
		w.(http.Flusher).Flush()
		rest(w, r)
	}
	got := s.chat(`"stream":true`)
	switch {
	case strings.Contains(got.body, "[DONE]") && !strings.Contains(got.body, `"error"`):
		return "whole"
	case strings.Contains(got.body, `"error"`) && strings.Contains(got.body, "timed out"):
		return "broken off"
	}
	return got.body
}

func pauseInStream(s *stage) string {
	return streamed(s, s.silent(func(w http.ResponseWriter, _ seen) { io.WriteString(w, restEvents) }))
}

// longStream is never silent for long, and goes on for longer than the key allows; under the key, until the gateway has
// given it up.
func longStream(s *stage) string {
	return streamed(s, func(w http.ResponseWriter, r seen) {
		over := time.After(s.beyond())
		tick := time.NewTicker(brief / 20)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-over:
				io.WriteString(w, restEvents)
				return
			case <-tick.C:
				io.WriteString(w, firstEvent)
				w.(http.Flusher).Flush()
			}
		}
	})
}

// manyAttempts fail one after the other, each faster than the key allows.
func manyAttempts(s *stage) string {
	slow := func(w http.ResponseWriter, r seen) {
		select {
		case <-time.After(brief / 3):
		case <-r.Context().Done():
		}
		fails(500, "out of order")(w, r)
	}
	s.a.answer, s.b.answer = slow, slow
	s.chat()
	if n := len(s.order.all()); n != 6 {
		return "fewer"
	}
	return "6 attempts"
}
