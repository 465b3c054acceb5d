package e2e

import (
	"fmt"
	"strings"
)

// engineRows are the words of engine: each asks a provider at one address in its own way.
var engineRows = []row{
	engine("gpt", "/any/chat/completions"), engine("openrouter", "/any/chat/completions"), engine("dalle", "/any/chat/completions"),
	engine("whisper", "/any/chat/completions"), engine("tts", "/any/chat/completions"), engine("embedding", "/any/chat/completions"),
	engine("moderation", "/any/chat/completions"), engine("cloudflare", "/any/chat/completions"),
	engine("claude", "/any/v1/messages"), engine("responses", "/any/responses"), engine("gemini", "/any/models/m:generateContent"),
	engine("vertex", "/any/v1/publishers/google/models/m:generateContent"), engine("vertex-gemini", "/any/v1/publishers/google/models/m:generateContent"),
	engine("vertex-claude", "/any/v1/publishers/anthropic/models/m:rawPredict"), engine("aws", "/any/model/m/converse"),
	engine("azure", "/openai/deployments/m/chat/completions?api-version=2024-10-21"), engine("azure-databricks", "/serving-endpoints/m/invocations"),
	engine("cohere", "/any/v2/chat"),
	{section: "providers[]", key: "engine", word: "search", set: "{engine: search}", file: file{a: "{base_url: $A/any, model: [search]}"},
		play: searchPlay("q", (*stage).send), without: "404 absent", with: `200 "valves"`},
	unserved("codex"), unserved("doubao-translation"), unserved("content-generation"), unserved("lingjing"),
}

// engine is a word that is served. The address alone would be that of another engine.
func engine(word, path string) row {
	r := row{section: "providers[]", key: "engine", word: word, set: "{engine: " + word + "}", file: file{a: "{base_url: $A/any}"},
		play: enginePlay, without: "/any/chat/completions, good", with: path + ", good"}
	if r.without == r.with {
		r.file.a, r.without = "{base_url: $A/any/v1/responses}", "/any/v1/responses, good"
		r.with = "/any/v1/chat/completions, good"
	}
	return r
}

// unserved is a word that uni-api has and this program does not serve: the provider is left out, and check says what
// the log says.
func unserved(word string) row {
	return row{section: "providers[]", key: "engine", word: word, set: "{engine: " + word + "}", play: enginePlay,
		without: "/v1/chat/completions, good", with: "/never-asked, left out: engine \"" + word + "\" is not served"}
}

func enginePlay(s *stage) string {
	found, _ := s.check()
	s.chat()
	standing := "good"
	for _, line := range s.log.all {
		if line["msg"] == "this provider is left out" {
			why, _, _ := strings.Cut(line["error"].(string), " served:")
			standing = "left out: " + why + " served"
			if !strings.Contains(found, line["error"].(string)) {
				s.Errorf("check says %q, and serve %q", found, line["error"])
			}
		}
	}
	if standing == "good" && strings.Contains(found, ": error: ") {
		standing = "good, but check says " + found
	}
	return s.a.last().URL.RequestURI() + ", " + standing
}

// searchPlay searches, and tells a member of what the provider is asked.
func searchPlay(name string, send func(s *stage, method, path, body string, header ...string) answer) func(*stage) string {
	return func(s *stage) string {
		s.a.answer = says(200, `{"data":[{"title":"t"}],"results":[{"title":"t"}]}`)
		a := send(s, "POST", "/v1/search", `{"q":"valves"}`)
		return fmt.Sprint(a.StatusCode, " ", s.a.last().member(name))
	}
}
