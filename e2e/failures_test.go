package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// failureRows are the keys that say what follows from a failure.
var failureRows = []row{
	{section: "api_keys[].preferences", key: "AUTO_RETRY", set: "{AUTO_RETRY: false}", file: tireless, play: attempts, without: "500 a b a b a b", with: "500 a"},
	{section: "api_keys[].preferences", key: "AUTO_RETRY", set: "{AUTO_RETRY: 2}", file: tireless, play: attempts, without: "500 a b a b a b", with: "500 a b a"},
	{section: "preferences", key: "error_triggers", set: "{error_triggers: [usage is covered by]}", play: func(s *stage) string {
		s.a.answer = says(200, strings.Replace(chatBody, "sunny", "Your usage is covered by a plan", 1))
		return fmt.Sprint(s.chat().StatusCode, " ", s.asked())
	}, without: "200 a", with: "200 a b"},

	{section: "preferences", key: "retry_same_first", set: "{retry_same_first: true}", play: failsOnce(503, ""), without: "200 a b", with: "200 a a"},
	{section: "providers[].preferences", key: "retry_same_first", set: "{retry_same_first: true}", play: failsOnce(503, ""), without: "200 a b", with: "200 a a"},
	{section: "preferences", key: "short_retry_after", set: "{short_retry_after: 0}", file: file{b: "{model: [n]}"}, play: failsOnce(429, "1"), without: "200 a a", with: "429 a"},
	{section: "preferences", key: "content_policy", set: "{content_policy: next}", play: refusedFor("content_policy_violation", 400), without: "400 a", with: "200 a b"},
	{section: "providers[].preferences", key: "content_policy", set: "{content_policy: next}", play: refusedFor("content_policy_violation", 400), without: "400 a", with: "200 a b"},
	{section: "providers[].preferences", key: "retry_on", set: "{retry_on: [413]}", play: refusedFor("", 413), without: "413 a", with: "200 a b"},
	{section: "providers[].preferences", key: "never_retry_on", set: "{never_retry_on: [418, 500]}", play: refusedFor("", 500), without: "200 a b", with: "500 a"},

	{section: "preferences", key: "cooldown_period", set: "{cooldown_period: 7200}", play: channelRests(503), without: "10m0s", with: "2h0m0s"},
	{section: "preferences", key: "cooldown_period", set: "{cooldown_period: 0}", play: channelRests(503), without: "10m0s", with: "no time"},
	{section: "preferences", key: "max_retry_after", set: "{max_retry_after: 7200}", play: channelRests(503), without: "10m0s", with: "1h0m0s"},
	{section: "providers[].preferences", key: "cooldown_period", set: "{cooldown_period: 7200}", file: file{preferences: "{cooldown_period: 0}"}, play: channelRests(500), without: "no time", with: "2h0m0s"},
	{section: "providers[].preferences", key: "api_key_cooldown_period", set: "{api_key_cooldown_period: 3600}", file: twoKeys, play: keyRests(500), without: "no time", with: "1h0m0s"},
	{section: "providers[].preferences", key: "api_key_quota_cooldown_period", set: "{api_key_quota_cooldown_period: 7200}", file: twoKeys, play: keyRests(402), without: "6h0m0s", with: "2h0m0s"},
	{section: "providers[].preferences", key: "api_key_rate_limit_cooldown_period", set: "{api_key_rate_limit_cooldown_period: 900}", file: twoKeys, play: keyRests(429), without: "no time", with: "15m0s"},

	hedges("preferences", "hedging", "{hedging: {enabled: true, delay: 0.2, share: 100}}", file{}),
	hedges("providers[].preferences", "hedging", "{hedging: {enabled: true, delay: 0.2, share: 100}}", file{}),
	hedges("api_keys[].preferences", "hedging", "{hedging: {enabled: true, delay: 0.2, share: 100}}", file{}),
	hedges("hedging", "enabled", "{hedging: {enabled: true, delay: 0.2, share: 100}}", file{}),
	hedges("hedging", "delay", "{hedging: {enabled: true, delay: 0.2, share: 100}}", file{preferences: "{hedging: {enabled: true, delay: 30, share: 100}}"}),
	hedges("hedging", "share", "{hedging: {enabled: true, delay: 0.2, share: 100}}", file{preferences: "{hedging: {enabled: true, delay: 0.2, share: 0}}"}),
	hedges("hedging", "max_inflight_attempts", "{hedging: {enabled: true, delay: 0.2, share: 100, max_inflight_attempts: 2}}", file{preferences: "{hedging: {enabled: true, delay: 0.2, share: 100, max_inflight_attempts: 1}}"}),

	recovers("preferences", chat, file{}), recovers("providers[].preferences", chat, file{}), recovers("api_keys[].preferences", chat, file{}),
	goesOn("preferences"), goesOn("providers[].preferences"), goesOn("api_keys[].preferences"),
	{section: "providers[].preferences", key: "responses_stream_commit_policy", set: "{responses_stream_commit_policy: completed_usage}", file: onResponses,
		play: breaksOff("/v1/responses", `{"model":"m","stream":true,"input":"hi"}`), without: "a", with: "a b"},
}

// recovers is stream_recovery for a stream that breaks after its first event.
func recovers(section, path string, f file) row {
	return row{section: section, key: "stream_recovery", set: "{stream_recovery: buffer}", unset: "{stream_recovery: error}", file: f,
		play: breaksOff(path, said(`"stream":true`)), without: "a", with: "a b"}
}

// goesOn is stream_recovery for a stream that another provider goes on with.
func goesOn(section string) row {
	return row{section: section, key: "stream_recovery", set: "{stream_recovery: continue}", unset: "{stream_recovery: error}",
		play: breaksOff(chat, said(`"stream":true`)), without: "a", with: "a b"}
}

// hedges is a setting by which another provider is asked beside one that is slow.
func hedges(section, key, set string, f file) row {
	return row{section: section, key: key, set: set, file: f, without: "200 a", with: "200 a b", play: func(s *stage) string {
		s.a.answer = func(w http.ResponseWriter, r seen) {
			select {
			case <-r.Context().Done():
			case <-time.After(time.Second):
				usual(w, r)
			}
		}
		return fmt.Sprint(s.chat().StatusCode, " ", s.asked())
	}}
}

// breaksOff has the first provider break off within an answer.
func breaksOff(path, body string) func(*stage) string {
	return func(s *stage) string {
		s.a.answer = func(w http.ResponseWriter, r seen) {
			event := `data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"sun"}}]}` + "\n\n"
			if path != chat {
				event = `event: response.created` + "\n" + `data: {"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","status":"in_progress","output":[]}}` + "\n\n" +
					`event: response.output_text.delta` + "\n" + `data: {"type":"response.output_text.delta","sequence_number":1,"item_id":"i","output_index":0,"content_index":0,"delta":"sun"}` + "\n\n"
			}
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, event)
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		resp := s.begin("POST", path, body)
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body) // without the setting it breaks off
		return s.asked()
	}
}

// tireless has nothing rest after a failure.
var tireless = file{preferences: "{cooldown_period: 0}"}

// attempts are those of a request that nobody serves.
func attempts(s *stage) string {
	s.a.answer, s.b.answer = fails(500, "out of order"), fails(500, "out of order")
	return fmt.Sprint(s.chat().StatusCode, " ", s.asked())
}

// failsOnce has the first provider fail once, with a Retry-After, and tells who was asked.
func failsOnce(status int, after string) func(*stage) string {
	return func(s *stage) string {
		s.a.answer = func(w http.ResponseWriter, r seen) {
			if len(s.a.requests()) > 1 {
				usual(w, r)
				return
			}
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			fails(status, "out of order")(w, r)
		}
		return fmt.Sprint(s.chat().StatusCode, " ", s.asked())
	}
}

// refusedFor has the first provider refuse, with a code, and tells who was asked.
func refusedFor(code string, status int) func(*stage) string {
	return func(s *stage) string {
		s.a.answer = says(status, fmt.Sprintf(`{"error":{"message":"no","type":"invalid_request_error","code":%q}}`, code))
		return fmt.Sprint(s.chat().StatusCode, " ", s.asked())
	}
}

var rest = regexp.MustCompile(`^rests for another (\S+) after: `)

// resting is the time in what explain says of something that rests.
func resting(said string) string {
	if found := rest.FindStringSubmatch(said); found != nil {
		return minutes(found[1])
	}
	return strings.TrimSpace("no time " + said)
}

// channelRests has the first provider fail, and ask to be left alone for an hour, and tells for how long it rests. The
// next request must find it so.
func channelRests(status int) func(*stage) string {
	return func(s *stage) string {
		s.a.answer = func(w http.ResponseWriter, r seen) {
			w.Header().Set("Retry-After", "3600")
			fails(status, "out of order")(w, r)
		}
		s.chat()
		said := s.explained(chat, said()).step("a").Excluded
		s.a.answer = usual
		s.chat()
		return resting(said)
	}
}

// keyRests has the first key of the first provider fail and tells for how long it rests.
func keyRests(status int) func(*stage) string {
	return func(s *stage) string {
		s.a.answer = func(w http.ResponseWriter, r seen) {
			if r.Header.Get("Authorization") == "Bearer sk-1" {
				fails(status, "out of order")(w, r)
				return
			}
			usual(w, r)
		}
		s.chat()
		return resting(s.explained(chat, said()).step("a").Keys[0])
	}
}
