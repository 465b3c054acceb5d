package doctor

import "encoding/json"

// messages is Anthropic's format as Claude Code speaks it.
func messages() dialect {
	return dialect{
		headers: func(e *examination) map[string]string {
			return map[string]string{
				"Authorization": "Bearer " + e.key, "Accept": "application/json", "User-Agent": "claude-cli/2.1.197 (external, cli)", "X-App": "cli",
				"Anthropic-Version": "2023-06-01", "X-Claude-Code-Session-Id": e.session,
				"Anthropic-Beta": "claude-code-20250219,interleaved-thinking-2025-05-14,thinking-token-count-2026-05-13,context-management-2025-06-27,prompt-caching-scope-2026-01-05",
			}
		},
		ask: func(e *examination, prompt string, first *heard, result string) request {
			return request{method: "POST", path: "/v1/messages?beta=true", body: messagesBody(e, prompt, first, result)}
		},
		hear: hearMessages,
		list: func(*examination) request {
			return request{method: "GET", path: "/v1/models?limit=1000", header: []string{"User-Agent", "claude-code/2.1.197"}}
		},
		listed: openAIList,
		envelope: func(body []byte) bool {
			var e struct {
				Type  string
				Error struct{ Type, Message string }
			}
			return json.Unmarshal(body, &e) == nil && e.Type == "error" && e.Error.Type != "" && e.Error.Message != ""
		},
	}
}

func messagesBody(e *examination, prompt string, first *heard, result string) object {
	cached := object{"type": "ephemeral"}
	said := []any{object{"role": "user", "content": []any{object{"type": "text", "text": prompt, "cache_control": cached}}}}
	if first != nil {
		var results []any
		for _, c := range first.calls {
			results = append(results, object{"type": "tool_result", "tool_use_id": c.id, "content": result, "is_error": false})
		}
		results[len(results)-1].(object)["cache_control"] = cached
		said = append(said, object{"role": "assistant", "content": first.back}, object{"role": "user", "content": results})
	}
	return object{
		"model": e.model, "max_tokens": 32000, "stream": true, "messages": said,
		"metadata": object{"user_id": `{"device_id":"doctor","account_uuid":"","session_id":"` + e.session + `"}`},
		"system": []any{
			object{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197; cc_entrypoint=cli;"},
			object{"type": "text", "text": "You are an agent that helps with the files of a project.", "cache_control": cached},
		},
		"tools": []any{object{"name": "Bash", "description": shellDoes, "input_schema": schema("command"), "cache_control": cached}},
	}
}

func hearMessages(events []event) (h heard) {
	type block struct {
		Type, ID, Name, Text, Thinking, Signature, Data string
		Input                                           json.RawMessage
	}
	var blocks []*block
	for _, ev := range events {
		if ev.comment || ev.name == "ping" {
			h.marks++
			continue
		}
		var m struct {
			Type         string
			Index        int
			ContentBlock *block `json:"content_block"`
			Delta        struct {
				Type, Text, Thinking, Signature string
				Partial                         string `json:"partial_json"`
			}
			Error struct{ Message string }
		}
		if !parsed(ev.data, &m) {
			h.failure = "an event is no JSON: " + short(ev.data)
			return h
		}
		h.parts++
		switch {
		case m.Type == "error":
			h.failure = short(m.Error.Message)
		case m.Type == "message_stop":
			h.whole = true
		case m.Type == "content_block_start" && m.ContentBlock != nil:
			m.ContentBlock.Input = nil // an empty object, before the pieces
			blocks = append(blocks, m.ContentBlock)
		case m.Type == "content_block_delta" && m.Index >= 0 && m.Index < len(blocks):
			b := blocks[m.Index]
			b.Text += m.Delta.Text
			b.Thinking += m.Delta.Thinking
			b.Signature += m.Delta.Signature
			b.Input = append(b.Input, m.Delta.Partial...)
		}
	}
	for _, b := range blocks {
		back := object{"type": b.Type}
		switch b.Type {
		case "text":
			if b.Text == "" {
				continue
			}
			back["text"] = b.Text
			h.text += b.Text
		case "thinking":
			back["thinking"], back["signature"] = b.Thinking, b.Signature
		case "redacted_thinking":
			back["data"] = b.Data
		case "tool_use":
			if len(b.Input) == 0 {
				b.Input = json.RawMessage("{}")
			}
			h.calls = append(h.calls, call{b.ID, b.Name, string(b.Input)})
			if back["id"], back["name"], back["input"] = b.ID, b.Name, b.Input; !json.Valid(b.Input) {
				continue // it is told of as what it is
			}
		default:
			continue
		}
		raw, _ := json.Marshal(back)
		h.back = append(h.back, raw)
	}
	return h
}
