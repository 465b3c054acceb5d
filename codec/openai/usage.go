package openai

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// readUsage reads a usage object of the OpenAI dialect with the variations of compatible providers: the names of the Responses
// API, DeepSeek's cache counters, xAI's completion count without the reasoning. False if there is nothing in it.
func readUsage(data []byte, v rawjson.Value) (codec.Usage, bool) {
	var u codec.Usage
	for it := v.Members(data); it.Next(); {
		n := func(to *int64) {
			if i, ok := rawjson.Int(data, it.Value); ok && i >= 0 {
				*to = i
			}
		}
		switch it.Name() {
		case "prompt_tokens", "input_tokens":
			n(&u.Prompt)
		case "completion_tokens", "output_tokens":
			n(&u.Completion)
		case "total_tokens":
			n(&u.Total)
		case "prompt_cache_hit_tokens":
			if u.Cached == 0 {
				n(&u.Cached)
			}
		case "prompt_tokens_details", "input_tokens_details":
			readUsageDetails(data, it.Value, &u, &u.PromptAudio)
		case "completion_tokens_details", "output_tokens_details":
			readUsageDetails(data, it.Value, &u, &u.CompletionAudio)
		}
	}
	if u.Reasoning > 0 && u.Total == u.Prompt+u.Completion+u.Reasoning {
		u.Completion += u.Reasoning
	}
	return u, !u.Zero()
}

func readUsageDetails(data []byte, v rawjson.Value, u *codec.Usage, audio *int64) {
	for it := v.Members(data); it.Next(); {
		var to *int64
		switch it.Name() {
		case "cached_tokens":
			to = &u.Cached
		case "cache_write_tokens":
			to = &u.CacheWrite
		case "reasoning_tokens":
			to = &u.Reasoning
		case "audio_tokens":
			to = audio
		case "accepted_prediction_tokens":
			to = &u.AcceptedPrediction
		case "rejected_prediction_tokens":
			to = &u.RejectedPrediction
		default:
			continue
		}
		if i, ok := rawjson.Int(data, it.Value); ok && i >= 0 {
			*to = i
		}
	}
}

// ReadUsage reads a usage object, of chat or of the Responses API. False if there is nothing in it.
func ReadUsage(data []byte, v rawjson.Value) (codec.Usage, bool) { return readUsage(data, v) }
