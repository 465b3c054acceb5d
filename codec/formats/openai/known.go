package openai

import (
	"slices"

	"uniapi/codec/choice"
	"uniapi/codec/fields"
)

// What ReadHead looks for stands first in Known, so that the numbers are constants.
const (
	knownModel = iota
	knownStream
	knownMessages
	knownTools
	knownInput
	knownStreamOptions
	knownToolChoice
)

// Known are the members that the gateway reads of requests in OpenAI's formats: chat, completions, Responses, which
// some send to the address of chat, and the endpoints that are no conversation.
var Known = fields.NewKnown(slices.Concat([]string{
	"model", "stream", "messages", "tools", "input", "stream_options", "tool_choice",

	"functions", "function_call", "parallel_tool_calls", "max_tokens", "max_completion_tokens", "n", "top_k", "seed", "temperature",
	"top_p", "frequency_penalty", "presence_penalty", "stop", "logprobs", "top_logprobs", "logit_bias", "verbosity", "modalities", "audio", "user",
	"service_tier", "cache_control", "reasoning_effort", "response_format", "reasoning", "thinking", "web_search_options", "metadata", "store",
	"prompt_cache_key", "prompt_cache_retention", "safety_identifier",

	// Of other providers, for those to whom the request is translated.
	"output_config", "context_management", "container", "mcp_servers", "inference_geo", "speed", "thinkingConfig", "safetySettings", "cachedContent",
	"labels", "imageConfig", "speechConfig", "google", "documents", "citation_options", "safety_mode", "strict_tools", "priority",

	// Of Responses.
	"instructions", "previous_response_id", "conversation", "prompt", "background", "max_output_tokens", "include", "text",

	// Of embeddings, images, audio and ranking.
	"dimensions", "encoding_format", "task_type", "taskType", "size", "quality", "output_format", "output_compression", "query",
}, choice.Members())...).
	Inside("stream_options", fields.NewKnown("include_usage")).
	Inside("reasoning", fields.NewKnown("effort", "max_tokens", "summary", "generate_summary", "enabled", "exclude")).
	Inside("thinking", fields.NewKnown("type", "budget_tokens", "token_budget")).
	Mark(choice.Members()...)
