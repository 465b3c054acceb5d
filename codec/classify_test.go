package codec

import (
	"cmp"
	"testing"
)

func TestClassifySaysWhoIsConcerned(t *testing.T) {
	object := []byte("{}")
	for _, c := range []struct {
		name, message, code, kind string
		status                    int
		page                      bool // no object
		wantStatus                int
		class                     Class
	}{
		{name: "OpenAI, more than a minute's tokens", status: 429, code: "rate_limit_exceeded", kind: "tokens", class: OverLimit,
			message: "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 250000. The input or output tokens must be reduced in order to run successfully."},
		{name: "OpenAI, the minute's tokens", status: 429, code: "rate_limit_exceeded", kind: "tokens", class: RateLimit,
			message: "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s."},
		{name: "Groq, more than a minute's tokens", status: 413, code: "rate_limit_exceeded", kind: "tokens", class: OverLimit,
			message: "Request too large for model `llama-3.3-70b-versatile` in organization `org_x` service tier `on_demand` on tokens per minute (TPM): Limit 12000, Requested 14137, please reduce your message size and try again."},
		{name: "GitHub Models", status: 413, code: "tokens_limit_reached", class: OverLimit, message: "Request body too large for gpt-4o model. Max size: 8000 tokens."},
		{name: "Anthropic, a long context on a subscription", status: 429, kind: "rate_limit_error", class: OverLimit, message: "Extra usage is required for long context requests."},
		{name: "OpenRouter, more than the credit pays", status: 402, code: "402", class: OverLimit,
			message: "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 3030."},
		{name: "OpenRouter, nothing left", status: 402, code: "402", class: Auth,
			message: "This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 0."},

		{name: "OpenAI's earlier response", status: 400, code: "previous_response_not_found", message: "Previous response with id 'resp_1' not found.", class: Missing},
		{name: "OpenAI's item", status: 404, message: "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.", class: Missing},
		{name: "OpenAI's file", status: 404, message: "No such File object: file-abc", class: Missing},
		{name: "OpenAI's vector store", status: 404, message: "Vector store with id [vs_1] not found.", class: Missing},
		{name: "Anthropic's file", status: 404, kind: "not_found_error", message: "File not found: file_1", class: Missing},
		{name: "Anthropic's model", status: 404, kind: "not_found_error", message: "model: claude-9", class: NotFound},
		{name: "Gemini's file", status: 403, code: "403", message: "You do not have permission to access the File abc or it may not exist.", class: Missing},
		{name: "Gemini's cache", status: 403, code: "403", message: "CachedContent not found (or permission denied)", class: Missing},
		{name: "Gemini's model", status: 404, code: "404", message: "models/x is not found for API version v1beta, or is not supported for generateContent.", class: NotFound},
		{name: "Bedrock's inference profile", status: 404, message: "The inference profile does not exist.", class: NotFound},
		{name: "Bedrock's model", status: 403, wantStatus: 404, message: "You don't have access to the model with the specified model ID.", class: NotFound},
		{name: "a server without the path", status: 404, message: "File not found.", page: true, class: NotFound},

		{name: "xAI's guidelines", status: 403, code: "permission-denied", message: "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO", class: ContentPolicy},
		{name: "xAI's entitlement", status: 403, code: "permission-denied", message: "Access to the chat endpoint is denied", class: Auth},
		{name: "OpenRouter's moderation", status: 403, code: "403", message: "Your chosen model requires moderation and your input was flagged", class: ContentPolicy},

		{name: "a moderation, in other words", status: 403, message: "Your prompt was rejected by our safety system.", class: ContentPolicy},
		{name: "a moderation, by its code", status: 403, code: "moderation_blocked", message: "blocked", class: ContentPolicy},
		{name: "a policy that the prompt breaks", status: 403, message: "The request violates our usage policies.", class: ContentPolicy},
		{name: "a content that is not wanted", status: 403, message: "Input data may contain inappropriate content.", class: ContentPolicy},
		{name: "a policy that is violated", status: 403, message: "The prompt violates our acceptable use policy.", class: ContentPolicy},
		{name: "a policy of the organization's", status: 403, message: "Request violates the organization policy constraints/gcp.restrictServiceUsage.", class: Auth},
		{name: "a policy that the account has broken", status: 403, message: "Your account was suspended for violating our usage policies.", class: Auth},
		{name: "a firewall's page about content", status: 403, message: "Blocked by content filter", page: true, class: Auth},

		{name: "Anthropic's money", status: 400, kind: "invalid_request_error", wantStatus: 402, message: "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.", class: Auth},
		{name: "Anthropic's limit of money", status: 400, kind: "invalid_request_error", wantStatus: 402, message: "You have reached your specified API usage limits. You will regain access on 2026-04-01 at 00:00 UTC.", class: Auth},
		{name: "a word of Anthropic's that is repeated", status: 400, message: "Invalid value: 'your credit balance is too low'"},

		{name: "an enumeration that repeats", status: 400, message: "Invalid value: 'insufficient_quota'. Supported values are: 'system', 'user'.", code: "invalid_value"},
		{name: "a validation that repeats", status: 422, message: "[{'type': 'literal_error', 'input': 'API key not valid'}]"},
		{name: "a validation that repeats a reason", status: 400, message: "unknown field api_key_invalid"},
		{name: "a tool's server that says it", status: 424, message: "Error retrieving tool list from MCP server: insufficient_quota"},
		{name: "a member of that name", status: 400, message: "Unknown parameter: 'model_not_found'.", code: "unknown_parameter"},
		{name: "no quota, by its code", status: 400, code: "insufficient_quota", wantStatus: 429, message: "no", class: RateLimit},
		{name: "no quota, by another gateway's words", status: 500, wantStatus: 429, message: "upstream said: insufficient_quota", class: RateLimit},
		{name: "a key, at the beginning", status: 400, wantStatus: 401, message: "API Key not found. Please pass a valid API key.", class: Auth},
		{name: "a model, by its code", status: 400, code: "model_not_found", wantStatus: 404, message: "no", class: NotFound},
	} {
		e := Error{Status: c.status, Message: c.message, Code: c.code, Type: c.kind, Raw: object}
		if c.page {
			e.Raw = nil
		}
		e.Classify([]byte(c.message))
		if e.Status != cmp.Or(c.wantStatus, c.status) || e.Class != c.class {
			t.Errorf("%s: got %d %v", c.name, e.Status, e.Class)
		}
	}
}

func TestPromptLimitsAreRead(t *testing.T) {
	for message, want := range map[string]int64{
		"This request would exceed your organization's rate limit of 30,000 input tokens per minute (org: 9d50, model: claude-sonnet-4-6).":                                             30_000,
		"Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_input_token_count, limit: 250000, model: gemini-3-pro\nPlease retry in 45.578569677s.": 250_000,
		"Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_input_token_count, limit: 0, model: gemini-3-pro":                                      0,
		"This request would exceed the rate limit for your organization of 99999999999999999999 input tokens per minute":                                                                0,
		"rate limit of 5 requests per minute": 0,
		"":                                    0,
	} {
		if got := (&Error{Message: message}).PromptLimit(); got != want {
			t.Errorf("%q: %d, want %d", message, got, want)
		}
	}
}
