package codec

import (
	"uniapi/codec/rawjson"
	"uniapi/codec/saturate"
)

// ReadUsage reads a usage object as any provider may write it: in OpenAI's words, those of the Responses API,
// Anthropic's, Google's, Bedrock's or Cohere's, since many answer in the format of one and count in the words of
// another. Where the words mean different sums, it is they that tell which: Anthropic's and Bedrock's input is without
// what the cache read and wrote, Google's answer without the thoughts, and xAI's completion without the reasoning if
// its total says so. False if there is no usable number in it.
func ReadUsage(data []byte, v rawjson.Value) (u Usage, told bool) {
	if !v.Present() {
		return Usage{}, false
	}
	u = Untold()
	if v.Kind != rawjson.Object {
		u.Gaps |= Unreadable
	}
	var beside usageBeside
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "prompt_tokens", "promptTokens", "promptTokenCount", "prompt_token_count":
			u.Read(&u.Prompt, NoPrompt, data, it.Value)
			beside.inclusive = true
		case "input_tokens", "inputTokens", "inputTokenCount", "input_token_count":
			u.Read(&u.Prompt, NoPrompt, data, it.Value)
		case "completion_tokens", "completionTokens", "candidatesTokenCount", "candidates_token_count", "output_tokens", "outputTokens",
			"outputTokenCount", "output_token_count":
			u.Read(&u.Completion, NoCompletion, data, it.Value)
		case "total_tokens", "totalTokens", "totalTokenCount", "total_token_count":
			u.ReadTotal(data, it.Value)
		case "prompt_cache_hit_tokens", "cachedContentTokenCount", "cached_content_token_count", "cached_tokens":
			if u.Cached == 0 {
				u.Read(&u.Cached, 0, data, it.Value)
			}
		case "cache_read_input_tokens", "cacheReadInputTokens":
			u.Read(&beside.read, 0, data, it.Value)
		case "cache_creation_input_tokens", "cacheWriteInputTokens":
			u.Read(&beside.written, 0, data, it.Value)
		case "cache_creation":
			u.Read(&u.CacheWrite1h, 0, data, it.Value.Get(data, "ephemeral_1h_input_tokens"))
		case "cacheDetails":
			u.CacheWrite1h = readCacheDetails(data, it.Value, &u)
		case "server_tool_use":
			u.Read(&u.Searches, 0, data, it.Value.Get(data, "web_search_requests"))
		case "server_side_tool_usage_details": // xAI's, of which it asks money for (https://docs.x.ai/developers/tools/tool-usage-details)
			var web, x int64
			u.Read(&web, 0, data, it.Value.Get(data, "web_search_calls"))
			u.Read(&x, 0, data, it.Value.Get(data, "x_search_calls"))
			u.Searches = saturate.Add(web, x)
			u.Read(&u.FileSearches, 0, data, it.Value.Get(data, "file_search_calls"))
			u.Read(&u.CodeCalls, 0, data, it.Value.Get(data, "code_interpreter_calls"))
			u.Read(&u.DocumentSearches, 0, data, it.Value.Get(data, "document_search_calls"))
		case "num_search_queries": // Perplexity's
			u.Read(&u.Searches, 0, data, it.Value)
		case "thoughtsTokenCount", "thoughts_token_count":
			u.Read(&beside.thoughts, 0, data, it.Value)
		case "toolUsePromptTokenCount", "tool_use_prompt_token_count":
			u.Read(&beside.toolPrompt, 0, data, it.Value)
		case "prompt_tokens_details", "input_tokens_details":
			readUsageDetails(data, it.Value, &u, &u.PromptAudio, &u.PromptImage)
		case "completion_tokens_details", "output_tokens_details":
			readUsageDetails(data, it.Value, &u, &u.CompletionAudio, &u.CompletionImage)
		case "seconds":
			u.Read(&u.Seconds, 0, data, it.Value)
		case "search_units":
			u.Gaps |= OtherUnit
		}
	}
	beside.settle(&u)
	return u, !u.Zero()
}

// UsageIn finds the usage in a whole answer of any format, whatever else is in it.
func UsageIn(body []byte) (u Usage) {
	top, err := rawjson.One(body)
	if err != nil {
		return u
	}
	for _, name := range []string{"usage", "usageMetadata", "meta"} {
		v := top.Get(body, name)
		if name == "meta" {
			v = v.Get(body, "tokens")
		}
		if u, told := ReadUsage(body, v); told {
			return u
		}
	}
	return u
}

// usageBeside are numbers that some providers count beside a half, and others in it.
type usageBeside struct {
	read, written, thoughts, toolPrompt int64
	inclusive                           bool // the prompt is the whole of it
}

func (b *usageBeside) settle(u *Usage) {
	if u.Cached == 0 {
		u.Cached = b.read
	}
	if u.CacheWrite == 0 {
		u.CacheWrite = b.written
	}
	if !b.inclusive && b.read+b.written > 0 {
		u.Prompt += b.read + b.written
		u.part(NoPrompt)
	}
	u.Prompt += b.toolPrompt
	switch {
	case b.thoughts > 0:
		u.Completion, u.Reasoning = u.Completion+b.thoughts, b.thoughts
		u.part(NoCompletion)
	case u.Reasoning > 0 && u.Total == u.Prompt+u.Completion+u.Reasoning:
		u.Completion += u.Reasoning
	}
	if u.Gaps&(NoPrompt|NoCompletion) == NoPrompt|NoCompletion && u.Seconds > 0 {
		u.Gaps |= OtherUnit
	}
	u.Settle()
}

// part says that a part of a half was told. That is all of it, unless the rest was told, too, as what it cannot be.
func (u *Usage) part(of Gaps) {
	if u.Gaps&(Unreadable|Absurd) == 0 {
		u.Gaps &^= of
	}
}

// readCacheDetails sums up what Bedrock wrote into caches that are kept for an hour.
func readCacheDetails(data []byte, v rawjson.Value, u *Usage) (sum int64) {
	for it := v.Elements(data); it.Next(); {
		if ttl, _ := rawjson.Text(data, it.Value.Get(data, "ttl")); ttl == "1h" {
			n := int64(0)
			u.Read(&n, 0, data, it.Value.Get(data, "inputTokens"))
			sum += n
		}
	}
	return sum
}

func readUsageDetails(data []byte, v rawjson.Value, u *Usage, audio, image *int64) {
	for it := v.Members(data); it.Next(); {
		var to *int64
		switch it.Name() {
		case "cached_tokens":
			to = &u.Cached
		case "cache_write_tokens":
			to = &u.CacheWrite
		case "reasoning_tokens", "thinking_tokens":
			to = &u.Reasoning
		case "audio_tokens":
			to = audio
		case "image_tokens":
			to = image
		case "accepted_prediction_tokens":
			to = &u.AcceptedPrediction
		case "rejected_prediction_tokens":
			to = &u.RejectedPrediction
		default:
			continue
		}
		u.Read(to, 0, data, it.Value)
	}
}
