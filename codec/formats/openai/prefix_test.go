package openai

import (
	"testing"

	"uniapi/codec"
)

func TestMarkPrefixMarksTheLastMessage(t *testing.T) {
	for body, want := range map[string]string{
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"}]"}],"n":1}`: `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"}]","prefix":true}],"n":1}`,
		`{"messages":[{"role":"assistant"} ]}`:                                                   `{"messages":[{"role":"assistant","prefix":true} ]}`,
		`{"messages":[]}`:                                                                        `{"messages":[]}`,
		`{"messages":[{"role":"user"},"x"]}`:                                                     `{"messages":[{"role":"user"},"x"]}`,
		`{"n":1}`:                                                                                `{"n":1}`,
		`[`:                                                                                      `[`,
	} {
		if got := string(Format{}.MarkPrefix([]byte(body))); got != want {
			t.Errorf("%s became %s, not %s", body, got, want)
		}
	}
}

func TestPrefixesKnowsWhoGoesOn(t *testing.T) {
	for _, c := range []struct {
		host, path string
		want       bool
	}{
		{"api.mistral.ai", "/v1/chat/completions", true}, {"API.MISTRAL.AI", "", true}, {"api.deepseek.com", "/beta/chat/completions", true},
		{"api.deepseek.com", "/v1/chat/completions", false}, {"api.openai.com", "/v1", false}, {"api.mistral.ai.example", "/v1", false},
	} {
		if got := (Format{}).Prefixes(c.host, c.path, &codec.Request{}); got != c.want {
			t.Errorf("%s%s: %v", c.host, c.path, got)
		}
	}
}
