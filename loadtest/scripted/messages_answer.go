package scripted

import "net/http"

func (messages) streamType() string { return "text/event-stream; charset=utf-8" }

// busy is Anthropic's status for being overloaded.
const busy = 529

func (messages) refuse(header http.Header, e *refusal) (status int, body object) {
	id := "req_" + letters(e.message, 24)
	header.Set("Request-Id", id)
	if status = e.kind.status; e.kind == overloaded {
		status = busy
	}
	return status, object{"type": "error", "error": object{"type": e.kind.anthropic, "message": e.message}, "request_id": id}
}

func claudeUsage(out int) object {
	return object{"input_tokens": promptTokens - cachedTokens, "output_tokens": out, "cache_read_input_tokens": cachedTokens, "cache_creation_input_tokens": 0, "service_tier": "standard"}
}

func claudeStop(a *reply) string {
	if len(a.calls) > 0 {
		return "tool_use"
	}
	return "end_turn"
}

func (messages) whole(t *talk, a *reply) object { return claudeMessage(t, a) }

func claudeMessage(t *talk, a *reply) object {
	content := []any{}
	if a.thought != "" {
		content = append(content, object{"type": "thinking", "thinking": shown(t, a), "signature": seal("anthropic")})
	}
	if a.text != "" {
		content = append(content, object{"type": "text", "text": a.text})
	}
	for _, c := range a.calls {
		content = append(content, object{"type": "tool_use", "id": "toolu_" + c.id, "name": c.name, "input": c.args})
	}
	return object{"id": "msg_" + letters("message", 24), "type": "message", "role": "assistant", "model": t.model, "content": content,
		"stop_reason": claudeStop(a), "stop_sequence": nil, "usage": claudeUsage(outputTokens + a.thoughtTokens())}
}

// shown is the text of the thought as far as it is to be seen.
func shown(t *talk, a *reply) string {
	if t.shows {
		return a.thought
	}
	return ""
}

func (messages) events(t *talk, a *reply) [][]byte {
	var out [][]byte
	for _, e := range claudeEvents(t, a) {
		out = append(out, sse(e["type"].(string), e))
	}
	return out
}

// claudeEvents are the events of a stream, which Bedrock frames in its own way.
func claudeEvents(t *talk, a *reply) []object {
	start := claudeMessage(t, a)
	start["content"], start["stop_reason"], start["usage"] = []any{}, nil, claudeUsage(1)
	out := []object{{"type": "message_start", "message": start}, {"type": "ping"}}
	index := 0
	inBlock := func(begin object, deltas ...object) {
		out = append(out, object{"type": "content_block_start", "index": index, "content_block": begin})
		for _, d := range deltas {
			out = append(out, object{"type": "content_block_delta", "index": index, "delta": d})
		}
		out = append(out, object{"type": "content_block_stop", "index": index})
		index++
	}
	deltas := func(kind, member, text string) (out []object) {
		for _, p := range pieces(text) {
			out = append(out, object{"type": kind, member: p})
		}
		return out
	}
	if a.thought != "" {
		inBlock(object{"type": "thinking", "thinking": "", "signature": ""},
			append(deltas("thinking_delta", "thinking", shown(t, a)), object{"type": "signature_delta", "signature": seal("anthropic")})...)
	}
	if a.text != "" {
		inBlock(object{"type": "text", "text": ""}, deltas("text_delta", "text", a.text)...)
	}
	for _, c := range a.calls {
		inBlock(object{"type": "tool_use", "id": "toolu_" + c.id, "name": c.name, "input": object{}},
			append([]object{{"type": "input_json_delta", "partial_json": ""}}, deltas("input_json_delta", "partial_json", string(c.args))...)...)
	}
	return append(out,
		object{"type": "message_delta", "delta": object{"stop_reason": claudeStop(a), "stop_sequence": nil}, "usage": claudeUsage(outputTokens + a.thoughtTokens())},
		object{"type": "message_stop"})
}
