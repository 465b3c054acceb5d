package scripted

import "net/http"

func (chat) refuse(_ http.Header, e *refusal) (int, object) { return openAIError(e) }
func (chat) streamType() string                             { return "text/event-stream; charset=utf-8" }

func chatUsage(a *reply) object {
	out := outputTokens + a.thoughtTokens()
	return object{"prompt_tokens": promptTokens, "completion_tokens": out, "total_tokens": promptTokens + out,
		"prompt_tokens_details":     object{"cached_tokens": cachedTokens, "audio_tokens": 0},
		"completion_tokens_details": object{"reasoning_tokens": a.thoughtTokens(), "audio_tokens": 0}}
}

func chatFinish(a *reply) string {
	if len(a.calls) > 0 {
		return "tool_calls"
	}
	return "stop"
}

func (chat) whole(t *talk, a *reply) object {
	message := object{"role": "assistant", "content": nil, "refusal": nil, "annotations": []any{}}
	if a.text != "" {
		message["content"] = a.text
	}
	if a.thought != "" && t.shows {
		message["reasoning_content"] = a.thought
	}
	var calls []any
	for _, c := range a.calls {
		calls = append(calls, object{"id": "call_" + c.id, "type": "function", "function": object{"name": c.name, "arguments": string(c.args)}})
	}
	if calls != nil {
		message["tool_calls"] = calls
	}
	return object{"id": "chatcmpl-" + letters("chat", 24), "object": "chat.completion", "created": 1727539200, "model": t.model,
		"choices": []any{object{"index": 0, "message": message, "logprobs": nil, "finish_reason": chatFinish(a)}}, "usage": chatUsage(a)}
}

func (chat) events(t *talk, a *reply) [][]byte {
	var out [][]byte
	chunk := func(choices []any, usage any) {
		c := object{"id": "chatcmpl-" + letters("chat", 24), "object": "chat.completion.chunk", "created": 1727539200, "model": t.model, "choices": choices}
		if t.usage {
			c["usage"] = usage
		}
		out = append(out, sse("", c))
	}
	delta := func(d object, finish any) {
		chunk([]any{object{"index": 0, "delta": d, "logprobs": nil, "finish_reason": finish}}, nil)
	}
	delta(object{"role": "assistant", "content": "", "refusal": nil}, nil)
	if t.shows {
		for _, p := range pieces(a.thought) {
			delta(object{"reasoning_content": p}, nil)
		}
	}
	for _, p := range pieces(a.text) {
		delta(object{"content": p}, nil)
	}
	for i, c := range a.calls {
		delta(object{"tool_calls": []any{object{"index": i, "id": "call_" + c.id, "type": "function", "function": object{"name": c.name, "arguments": ""}}}}, nil)
		for _, p := range pieces(string(c.args)) {
			delta(object{"tool_calls": []any{object{"index": i, "function": object{"arguments": p}}}}, nil)
		}
	}
	delta(object{}, chatFinish(a))
	if t.usage {
		chunk([]any{}, chatUsage(a))
	}
	return append(out, []byte("data: [DONE]\n\n"))
}
