package fit

import (
	"slices"
	"testing"

	"uniapi/codec"
	"uniapi/codec/capability"
)

func TestWhatATargetIsNotToldIsNamed(t *testing.T) {
	claude := codec.Part{Kind: codec.PartReasoning, Text: "hm", Signature: codec.Signature{Provider: "anthropic", Value: "c2ln"}}
	openai := codec.Part{Kind: codec.PartReasoning, Reasoning: &codec.ReasoningInfo{ID: "rs_1", Format: "openai-responses-v1", Encrypted: "c2VhbA"}}
	plain := codec.Part{Kind: codec.PartReasoning, Text: "hm"}
	empty := codec.Part{Kind: codec.PartReasoning}
	search := codec.Tool{Kind: codec.ToolHosted, Name: "web_search_20250305"}
	computer := codec.Tool{Kind: codec.ToolHosted, Name: "computer_use"}
	function := codec.Tool{Name: "f"}
	for _, test := range []struct {
		name, format, host, model, from string
		parts                           []codec.Part
		tools                           []codec.Tool
		want                            []string
	}{
		{"thinking of Claude's for OpenAI", capability.Responses, "api.openai.com", "gpt-5", "anthropic", []codec.Part{claude}, nil, []string{"earlier thinking"}},
		{"of OpenAI's for OpenAI", capability.Responses, "api.openai.com", "gpt-5", "gemini", []codec.Part{openai}, nil, nil},
		{"of OpenAI's for Claude", capability.Messages, "api.anthropic.com", "claude-opus-5", "responses", []codec.Part{openai, plain, empty}, nil, []string{"earlier thinking (2 times)"}},
		{"of Claude's for Claude", capability.Messages, "api.anthropic.com", "claude-opus-5", "openai", []codec.Part{claude}, nil, nil},
		{"of Claude's for Gemini", capability.Gemini, "generativelanguage.googleapis.com", "gemini-2.5-pro", "anthropic", []codec.Part{claude}, nil, []string{"earlier thinking"}},
		{"of Claude's for DeepSeek", capability.Chat, "api.deepseek.com", "deepseek-chat", "anthropic", []codec.Part{claude}, nil, nil},
		{"of Claude's for chat", capability.Chat, "api.openai.com", "gpt-5", "anthropic", []codec.Part{claude}, nil, []string{"earlier thinking"}},
		{"Nova through Converse", capability.Converse, "", "amazon.nova-pro-v1:0", "anthropic", []codec.Part{claude}, nil, []string{"earlier thinking"}},
		{"Claude through Converse", capability.Converse, "", "anthropic.claude-sonnet-4-5-v1:0", "openai", []codec.Part{claude}, nil, nil},
		{"in its own format", capability.Chat, "api.openai.com", "gpt-5", "openai", []codec.Part{claude}, []codec.Tool{computer}, nil},
		{"a tool that nobody else runs", capability.Responses, "api.openai.com", "gpt-5", "anthropic", nil, []codec.Tool{search, computer, function}, []string{"the tool computer_use"}},
		{"a search where there is none", capability.Chat, "api.openai.com", "gpt-5", "anthropic", nil, []codec.Tool{search}, []string{"the tool web_search_20250305"}},
		{"a search of Google's", capability.Gemini, "generativelanguage.googleapis.com", "gemini-2.5-pro", "anthropic", nil, []codec.Tool{search}, nil},
		{"which takes none beside functions", capability.Gemini, "generativelanguage.googleapis.com", "gemini-2.5-pro", "anthropic", nil, []codec.Tool{search, function}, []string{"the tool web_search_20250305"}},
	} {
		q := &codec.Request{Format: test.from, Tools: test.tools, Messages: []codec.Message{{Role: codec.RoleAssistant, Parts: test.parts}}}
		if got := LeftOut(q, at(test.host, test.format, test.model)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
