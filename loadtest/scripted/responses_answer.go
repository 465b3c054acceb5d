package scripted

import "net/http"

func (responses) refuse(_ http.Header, e *refusal) (int, object) { return openAIError(e) }
func (responses) streamType() string                             { return "text/event-stream; charset=utf-8" }

// thinkingItem is a thought: its summary if that was asked for, and what only OpenAI can read.
func thinkingItem(t *talk, a *reply, done bool) object {
	it := object{"type": "reasoning", "id": "rs_" + letters("thought", 40), "summary": []any{}}
	if done && t.shows {
		it["summary"] = []any{object{"type": "summary_text", "text": a.thought}}
	}
	if done && t.seals {
		it["encrypted_content"] = seal("openai")
	}
	return it
}

func messageItem(a *reply, done bool) object {
	if !done {
		return object{"type": "message", "id": "msg_" + letters("message", 40), "role": "assistant", "status": "in_progress", "content": []any{}}
	}
	return object{"type": "message", "id": "msg_" + letters("message", 40), "role": "assistant", "status": "completed", "content": []any{outputText(a.text)}}
}

func outputText(text string) object {
	return object{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": []any{}}
}

func callItem(c call, done bool) object {
	if !done {
		return object{"type": "function_call", "id": "fc_" + c.id, "call_id": "call_" + c.id, "name": c.name, "arguments": "", "status": "in_progress"}
	}
	return object{"type": "function_call", "id": "fc_" + c.id, "call_id": "call_" + c.id, "name": c.name, "arguments": string(c.args), "status": "completed"}
}

func response(t *talk, a *reply, done bool) object {
	r := object{"id": "resp_" + letters("response", 40), "object": "response", "created_at": 1727539200, "status": "in_progress", "model": t.model, "output": []any{},
		"error": nil, "incomplete_details": nil, "instructions": nil, "metadata": object{}, "parallel_tool_calls": true, "temperature": 1.0, "top_p": 1.0,
		"tool_choice": "auto", "tools": []any{}, "truncation": "disabled", "max_output_tokens": nil, "previous_response_id": nil, "store": false,
		"reasoning": object{"effort": nil, "summary": nil}, "text": object{"format": object{"type": "text"}}, "usage": nil, "user": nil}
	if !done {
		return r
	}
	items := []any{}
	if a.thought != "" {
		items = append(items, thinkingItem(t, a, true))
	}
	if a.text != "" {
		items = append(items, messageItem(a, true))
	}
	for _, c := range a.calls {
		items = append(items, callItem(c, true))
	}
	out := outputTokens + a.thoughtTokens()
	r["status"], r["output"] = "completed", items
	r["usage"] = object{"input_tokens": promptTokens, "input_tokens_details": object{"cached_tokens": cachedTokens}, "output_tokens": out,
		"output_tokens_details": object{"reasoning_tokens": a.thoughtTokens()}, "total_tokens": promptTokens + out}
	return r
}

func (responses) whole(t *talk, a *reply) object { return response(t, a, true) }

func (responses) events(t *talk, a *reply) [][]byte {
	var out [][]byte
	send := func(name string, data object) {
		data["type"], data["sequence_number"] = name, len(out)
		out = append(out, sse(name, data))
	}
	index := 0
	// inItem sends an item: what added and done show of it, and in between what fill sends with the item's place.
	inItem := func(added, done object, fill func(send func(name string, data object))) {
		send("response.output_item.added", object{"output_index": index, "item": added})
		fill(func(name string, data object) {
			data["item_id"], data["output_index"] = added["id"], index
			send(name, data)
		})
		send("response.output_item.done", object{"output_index": index, "item": done})
		index++
	}
	send("response.created", object{"response": response(t, a, false)})
	send("response.in_progress", object{"response": response(t, a, false)})
	if a.thought != "" {
		inItem(thinkingItem(t, a, false), thinkingItem(t, a, true), func(send func(string, object)) {
			if !t.shows {
				return
			}
			send("response.reasoning_summary_part.added", object{"summary_index": 0, "part": object{"type": "summary_text", "text": ""}})
			for _, p := range pieces(a.thought) {
				send("response.reasoning_summary_text.delta", object{"summary_index": 0, "delta": p})
			}
			send("response.reasoning_summary_text.done", object{"summary_index": 0, "text": a.thought})
			send("response.reasoning_summary_part.done", object{"summary_index": 0, "part": object{"type": "summary_text", "text": a.thought}})
		})
	}
	if a.text != "" {
		inItem(messageItem(a, false), messageItem(a, true), func(send func(string, object)) {
			send("response.content_part.added", object{"content_index": 0, "part": outputText("")})
			for _, p := range pieces(a.text) {
				send("response.output_text.delta", object{"content_index": 0, "delta": p, "logprobs": []any{}, "obfuscation": "x"})
			}
			send("response.output_text.done", object{"content_index": 0, "text": a.text, "logprobs": []any{}})
			send("response.content_part.done", object{"content_index": 0, "part": outputText(a.text)})
		})
	}
	for _, c := range a.calls {
		inItem(callItem(c, false), callItem(c, true), func(send func(string, object)) {
			for _, p := range pieces(string(c.args)) {
				send("response.function_call_arguments.delta", object{"delta": p, "obfuscation": "x"})
			}
			send("response.function_call_arguments.done", object{"name": c.name, "arguments": string(c.args)})
		})
	}
	send("response.completed", object{"response": response(t, a, true)})
	return out
}
