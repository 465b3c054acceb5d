package provider

import (
	"strings"
	"testing"

	"uniapi/config"
	"uniapi/pool"
)

func TestEnginesAddressTheirChatEndpoints(t *testing.T) {
	for _, test := range []struct {
		name     string
		provider config.Provider
		ask      Ask
		format   string
		path     string
		header   string
	}{
		{"Anthropic", config.Provider{BaseURL: "https://api.anthropic.com/v1/messages", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "c"},
			"anthropic", "/v1/messages", "X-Api-Key: k\r\n"},
		{"Anthropic by its host alone", config.Provider{BaseURL: "https://api.anthropic.com", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "c"},
			"anthropic", "/v1/messages", "Anthropic-Version: 2023-06-01\r\n"},
		{"Messages at another host", config.Provider{BaseURL: "https://x.example/anthropic/v1/messages?beta=true", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "c"},
			"anthropic", "/anthropic/v1/messages?beta=true", "X-Api-Key: k\r\n"},
		{"Gemini", config.Provider{BaseURL: "https://generativelanguage.googleapis.com/v1beta", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "gemini-2.5-pro"},
			"gemini", "/v1beta/models/gemini-2.5-pro:generateContent", "X-Goog-Api-Key: k\r\n"},
		{"Gemini streamed", config.Provider{BaseURL: "https://generativelanguage.googleapis.com/v1beta", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "g", Stream: true},
			"gemini", "/v1beta/models/g:streamGenerateContent?alt=sse", "X-Goog-Api-Key: k\r\n"},
		{"Gemini by its host alone", config.Provider{BaseURL: "https://generativelanguage.googleapis.com", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "g"},
			"gemini", "/v1beta/models/g:generateContent", ""},
		{"Gemini behind a gateway, with a query", config.Provider{BaseURL: "https://gateway.ai.cloudflare.com/v1/a/b/google-ai-studio/v1beta?x=1", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "g", Stream: true},
			"gemini", "/v1/a/b/google-ai-studio/v1beta/models/g:streamGenerateContent?alt=sse&x=1", ""},
		{"a model's name cannot leave its place", config.Provider{BaseURL: "https://generativelanguage.googleapis.com/v1beta"}, Ask{Endpoint: Chat, Model: "a/../b?c"},
			"gemini", "/v1beta/models/a%2F..%2Fb%3Fc:generateContent", ""},
		{"Gemini at its older version", config.Provider{BaseURL: "https://generativelanguage.googleapis.com/v1", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "g"},
			"gemini", "/v1/models/g:generateContent", "X-Goog-Api-Key: k\r\n"},
		{"a relay of Gemini that reads the key in the address", config.Provider{BaseURL: "https://x.example/v1beta?x=1", Keys: []string{"a/b", "second key"}, Preferences: config.ProviderPreferences{GeminiKeyInQuery: true}},
			Ask{Endpoint: Chat, Model: "g", Stream: true, Key: 1}, "gemini", "/v1beta/models/g:streamGenerateContent?alt=sse&x=1&key=second+key", ""},
		{"the same, plain", config.Provider{BaseURL: "https://x.example/v1beta", Keys: []string{"a/b"}, Preferences: config.ProviderPreferences{GeminiKeyInQuery: true}},
			Ask{Endpoint: Chat, Model: "g"}, "gemini", "/v1beta/models/g:generateContent?key=a%2Fb", ""},
		{"openrouter at an endpoint of another shape", config.Provider{BaseURL: "https://x.example/v1/messages", Engine: "openrouter", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "m"},
			"openai", "/v1/messages", "Authorization: Bearer k\r\n"},
		{"openrouter at an endpoint of its own", config.Provider{BaseURL: "https://x.example/talk?a=b", Engine: "openrouter"}, Ask{Endpoint: Chat, Model: "m"}, "openai", "/talk?a=b", ""},
		{"openrouter at a version", config.Provider{BaseURL: "https://openrouter.ai/api/v1", Engine: "openrouter"}, Ask{Endpoint: Chat, Model: "m"}, "openai", "/api/v1/chat/completions", ""},
		{"openrouter at a host", config.Provider{BaseURL: "https://x.example", Engine: "openrouter"}, Ask{Endpoint: Chat, Model: "m"}, "openai", "/chat/completions", ""},
		{"openrouter at a chat endpoint", config.Provider{BaseURL: "https://x.example/v1/chat/completions", Engine: "openrouter"}, Ask{Endpoint: Embeddings, Model: "m"}, "openai", "/v1/embeddings", ""},
		{"gpt at an address of Anthropic's shape", config.Provider{BaseURL: "https://x.example/v1/messages", Engine: "gpt"}, Ask{Endpoint: Chat, Model: "m"}, "openai", "/v1/chat/completions", ""},
		{"claude at a version", config.Provider{BaseURL: "https://x.example/v1", Engine: "claude"}, Ask{Endpoint: Chat, Model: "m"}, "anthropic", "/v1/messages", ""},
		{"claude at a chat endpoint", config.Provider{BaseURL: "https://x.example/v1/chat/completions", Engine: "claude"}, Ask{Endpoint: Chat, Model: "m"}, "anthropic", "/v1/chat/completions", ""},
		{"claude below a path", config.Provider{BaseURL: "https://x.example/anthropic", Engine: "claude"}, Ask{Endpoint: Chat, Model: "m"}, "anthropic", "/anthropic/v1/messages", ""},
		{"OpenAI counts what is asked as Responses", config.Provider{BaseURL: "https://api.openai.com/v1/chat/completions"}, Ask{Endpoint: CountTokens, Client: "responses", Model: "m"}, "responses", "/v1/responses/input_tokens", ""},
		{"so does who speaks that alone", config.Provider{BaseURL: "https://x.example/v1/responses?a=b"}, Ask{Endpoint: CountTokens, Client: "responses", Model: "m"}, "responses", "/v1/responses/input_tokens?a=b", ""},
		{"Azure by its host", config.Provider{BaseURL: "https://e.openai.azure.com/", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "gpt-4o"},
			"openai", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", "Api-Key: k\r\n"},
		{"Azure with a version of its own", config.Provider{BaseURL: "https://e.openai.azure.com?api-version=2025-01-01", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "gpt-4o"},
			"openai", "/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01", ""},
		{"Azure with a deployment's whole path", config.Provider{BaseURL: "https://e.openai.azure.com/openai/deployments/d/chat/completions"}, Ask{Endpoint: Chat, Model: "gpt-4o"},
			"openai", "/openai/deployments/d/chat/completions?api-version=2024-10-21", ""},
		{"Azure AI Foundry", config.Provider{BaseURL: "https://e.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview"}, Ask{Endpoint: Chat, Model: "m"},
			"openai", "/models/chat/completions?api-version=2024-05-01-preview", ""},
		{"Azure's newer address", config.Provider{BaseURL: "https://e.openai.azure.com/openai/v1", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "m"},
			"openai", "/openai/v1/chat/completions", "Api-Key: k\r\n"},
		{"Databricks", config.Provider{BaseURL: "https://ws.azuredatabricks.net", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "claude"},
			"openai", "/serving-endpoints/claude/invocations", "Authorization: Basic dG9rZW46aw==\r\n"},
		{"Cloudflare by its account", config.Provider{BaseURL: "https://api.cloudflare.com/", CFAccountID: "acc", Keys: []string{"k"}}, Ask{Endpoint: Chat, Model: "@cf/x"},
			"openai", "/client/v4/accounts/acc/ai/v1/chat/completions", "Authorization: Bearer k\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pool.New(pool.Options{})
			defer p.Close()
			channel, err := NewAdapters(p).Channel(&config.Config{}, &test.provider)
			if err != nil {
				t.Fatal(err)
			}
			if channel.Format(test.ask) != test.format {
				t.Errorf("format %s, want %s", channel.Format(test.ask), test.format)
			}
			var req pool.Request
			if _, err := channel.Address(nil, &req, test.ask); err != nil {
				t.Fatal(err)
			}
			if req.Path != test.path {
				t.Errorf("path %s, want %s", req.Path, test.path)
			}
			if !strings.Contains(string(req.Header), test.header) {
				t.Errorf("header %q lacks %q", req.Header, test.header)
			}
		})
	}
}
