package e2e

import (
	"fmt"
	"regexp"
	"strings"
)

// routingRows are the keys that say which provider a request goes to.
var routingRows = []row{
	{section: "Top level", key: "providers",
		set: "{providers: [{provider: b, base_url: $B/v1, api: sk-b, model: [m]}]}", unset: "{providers: []}",
		play: func(s *stage) string { return fmt.Sprint(s.chat().StatusCode, " ", s.asked()) }, without: "404 ", with: "200 b"},
	{section: "Top level", key: "api_keys", set: "{api_keys: [{api: " + clientKey + "}]}", unset: "{api_keys: null}",
		play: problem, without: "api_keys is missing: nobody could use the gateway", with: "none"},
	{section: "Top level", key: "preferences", set: "{preferences: {rate_limit: 1/day}}",
		play: func(s *stage) string { return s.chats(2) }, without: "200 200", with: "200 429"},
	{section: "Top level", key: "video_providers", set: "{video_providers: [{provider: v}]}",
		play: problem, without: "none", with: "video_providers is not supported: there is no video API"},

	{section: "providers[]", key: "provider", set: "{provider: renamed}", file: file{key: "{model: [renamed/m]}"},
		unset: "{provider: a}", play: func(s *stage) string { s.send("POST", chat, said()); return s.asked() }, without: "", with: "a"},
	{section: "providers[]", key: "base_url", set: "{base_url: $A/v1/messages}", unset: "{base_url: $A/elsewhere/v1}",
		play: pathAsked, without: "/elsewhere/v1/chat/completions", with: "/v1/messages"},
	{section: "providers[]", key: "base_url", set: "{base_url: $A/v1}", unset: "{base_url: null}", play: problem, without: `provider "a" has no base_url`, with: "none"},
	{section: "providers[]", key: "model", set: "{model: [m-upstream: m]}", unset: "{model: [m]}",
		play: func(s *stage) string { s.chat(); return s.a.last().member("model") }, without: `"m"`, with: `"m-upstream"`},
	{section: "providers[]", key: "model", set: "{model: [m]}", unset: "{model: null}", play: modelsListed, without: "listed m", with: "m"},
	{section: "providers[]", key: "preferences", set: "{preferences: {headers: {X-Team: research}}}",
		play: func(s *stage) string { s.chat(); return s.a.last().Header.Get("X-Team") }, without: "", with: "research"},

	{section: "providers[]", key: "exclude_endpoints", set: "{exclude_endpoints: /v1/embeddings}", play: embeddings, without: "a", with: "b"},
	{section: "providers[].preferences", key: "exclude_endpoints", set: "{exclude_endpoints: [/v1/embeddings, /v1/rerank]}", play: embeddings, without: "a", with: "b"},
	{section: "providers[]", key: "exclude_request_types", set: "{exclude_request_types: compaction}", file: onResponses, play: compactions, without: chatAndCompactions("a", "a"), with: chatAndCompactions("a", "b")},
	{section: "providers[].preferences", key: "exclude_request_types", set: "{exclude_request_types: [compaction]}", file: onResponses, play: compactions, without: chatAndCompactions("a", "a"), with: chatAndCompactions("a", "b")},
	{section: "providers[]", key: "only_request_types", set: "{only_request_types: compaction}", file: onResponses, play: compactions, without: chatAndCompactions("a", "a"), with: chatAndCompactions("b", "a")},
	{section: "providers[].preferences", key: "only_request_types", set: "{only_request_types: [compaction]}", file: onResponses, play: compactions, without: chatAndCompactions("a", "a"), with: chatAndCompactions("b", "a")},
	{section: "providers[]", key: "exclude_request_rules", set: "{exclude_request_rules: {match: {request_model: m}}}", play: oneChat, without: "a", with: "b"},
	{section: "providers[].preferences", key: "exclude_request_rules", set: "{exclude_request_rules: [{match: {request_model: m*}}]}", play: oneChat, without: "a", with: "b"},

	excludes("endpoint", "/v1/chat/completions", "/v1/messages", ""),
	excludes("request_model", "m", "n", ""),
	excludes("upstream_model", "m-upstream", "m", ""),
	excludes("reasoning_effort", "[high, xhigh]", "[low]", `"reasoning_effort":"xhigh"`),
	{section: "exclude_request_rules", key: "exclude_request_rules[].match", word: "request_type",
		set: "{exclude_request_rules: {match: {request_type: compaction}}}", file: onResponses, play: compactions, without: chatAndCompactions("a", "a"), with: chatAndCompactions("a", "b")},
	{section: "exclude_request_rules", key: "exclude_request_rules[].reason",
		set: "{exclude_request_rules: {match: {request_model: m}, reason: too slow for it}}", unset: "{exclude_request_rules: {match: {request_model: m}}}",
		play:    func(s *stage) string { return s.explained(chat, said()).step("a").Excluded },
		without: "exclude_request_rules: request_model is m", with: "exclude_request_rules: too slow for it"},

	{section: "providers[].preferences", key: "max_request_body_bytes", set: "{max_request_body_bytes: 100B}", unset: "{max_request_body_bytes: 1KB}",
		play: func(s *stage) string { s.chat(`"user":"` + strings.Repeat("x", 100) + `"`); return s.asked() }, without: "a", with: "b"},

	{section: "api_keys[]", key: "api", set: "{api: " + otherKey + "}", unset: "{api: " + clientKey + "}",
		play: func(s *stage) string {
			return fmt.Sprint(s.send("POST", chat, said(), "Authorization", "Bearer "+otherKey).StatusCode)
		},
		without: "401", with: "200"},
	{section: "api_keys[]", key: "model", set: "{model: [b/*]}", play: oneChat, without: "a", with: "b"},
	{section: "api_keys[]", key: "role", set: "{role: an-admin-of-the-team}", unset: "{role: null}", play: nameInTheLog, without: "sk-clien", with: "an-admin-of-the-team"},
	{section: "api_keys[]", key: "role", set: "{role: admin}", unset: "{role: user}", file: file{other: "{}"},
		play: func(s *stage) string { return fmt.Sprint(s.send("GET", "/v1/stats", "").StatusCode) }, without: "403", with: "200"},
	{section: "api_keys[]", key: "preferences", set: "{preferences: {rate_limit: 1/day}}",
		play: func(s *stage) string { return s.chats(2) }, without: "200 200", with: "200 429"},
}

// onResponses has providers of the Responses format, which have compaction.
var onResponses = file{a: "{base_url: $A/v1/responses}", b: "{base_url: $B/v1/responses}"}

// excludes is a rule of exclude_request_rules that fits the request, and for comparison one that does not.
func excludes(field, fits, other, more string) row {
	rule := func(value string) string { return "{exclude_request_rules: {match: {" + field + ": " + value + "}}}" }
	return row{section: "exclude_request_rules", key: "exclude_request_rules[].match", word: field, set: rule(fits), unset: rule(other),
		file: file{a: "{model: [m-upstream: m]}"},
		play: func(s *stage) string {
			members := []string{}
			if more != "" {
				members = append(members, more)
			}
			s.chat(members...)
			return s.asked()
		}, without: "a", with: "b"}
}

func oneChat(s *stage) string { s.chat(); return s.asked() }

func embeddings(s *stage) string {
	s.post("/v1/embeddings", `{"model":"m","input":"hi"}`)
	return s.asked()
}

// compactions asks for an ordinary answer, and in both ways for a compaction.
func compactions(s *stage) string {
	s.post("/v1/responses", `{"model":"m","input":"hi"}`)
	s.post("/v1/responses/compact", `{"model":"m","input":[]}`)
	s.post("/v1/responses", `{"model":"m","input":[{"type":"message","role":"user","content":"hi"},{"type":"compaction_trigger"}]}`)
	return s.asked()
}

func chatAndCompactions(chat, compaction string) string {
	return strings.Join([]string{chat, compaction, compaction}, " ")
}

func pathAsked(s *stage) string { s.chat(); return s.a.last().URL.RequestURI() }

// problem is what `uni-api check` has against the file, "none" if that is good.
func problem(s *stage) string {
	said, _ := s.check()
	found := anyProblem.FindStringSubmatch(said)
	if found == nil {
		return "none"
	}
	said, _, _ = strings.Cut(found[1], ";")
	return strings.TrimSpace(said)
}

// anyProblem is a line of check that says what is wrong.
var anyProblem = regexp.MustCompile(`(?m)^[^ ]+:\d+:\d+: (?:error|warning): (.*)$`)

// modelsListed are the models of a, once they are known.
func modelsListed(s *stage) string {
	s.serve()
	if !s.has {
		s.log.await(s, "models discovered")
	}
	names := []string{}
	for _, name := range []string{"listed", "m"} {
		if strings.Contains(s.send("GET", "/v1/models", "").body, `"id":"`+name+`"`) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func nameInTheLog(s *stage) string {
	s.chat()
	return fmt.Sprint(s.log.await(s, "request")["key"])
}
