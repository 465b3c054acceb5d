package doctor

import "encoding/json"

// responses is OpenAI's Responses as Codex speaks it.
func responses() dialect {
	return dialect{
		headers: func(e *examination) map[string]string {
			return map[string]string{"Authorization": "Bearer " + e.key, "Accept": "text/event-stream", "Originator": "codex_exec", "User-Agent": "codex_exec/0.171.0",
				"Session-Id": e.session, "Thread-Id": e.session}
		},
		ask: func(e *examination, prompt string, first *heard, result string) request {
			return request{method: "POST", path: "/v1/responses", body: responsesBody(e, prompt, first, result)}
		},
		hear:     hearResponses,
		list:     func(*examination) request { return request{method: "GET", path: "/v1/models?client_version=0.171.0"} },
		listed:   openAIList,
		envelope: openAIEnvelope,
	}
}

func responsesBody(e *examination, prompt string, first *heard, result string) object {
	message := func(role, text string) object {
		return object{"type": "message", "role": role, "content": []any{object{"type": "input_text", "text": text}}}
	}
	input := []any{message("developer", "You are a coding agent in a terminal."), message("user", prompt)}
	if first != nil {
		for _, item := range first.back {
			input = append(input, item)
		}
		for _, c := range first.calls {
			input = append(input, object{"type": "function_call_output", "call_id": c.id, "output": result})
		}
	}
	function := func(name, does string, parameters object) object {
		return object{"type": "function", "name": name, "description": does, "strict": false, "parameters": parameters}
	}
	return object{
		"model": e.model, "stream": true, "store": false, "input": input, "tool_choice": "auto", "parallel_tool_calls": true,
		"reasoning": object{"summary": "auto"}, "include": []string{"reasoning.encrypted_content"}, "prompt_cache_key": e.session,
		"client_metadata": object{"session_id": e.session},
		"tools": []any{
			function("exec_command", shellDoes, schema("cmd")),
			object{"type": "custom", "name": "apply_patch", "description": "Edits files.",
				"format": object{"type": "grammar", "syntax": "lark", "definition": "start: \"*** Begin Patch\" /(.|\\n)+/"}},
			object{"type": "namespace", "name": "multi_agent_v1", "description": "Tools for sub-agents.", "tools": []any{
				function("close_agent", "Closes an agent.", object{"type": "object", "properties": object{"target": object{"type": "string"}}, "required": []string{"target"}, "additionalProperties": false})}},
			object{"type": "web_search", "external_web_access": true},
		},
	}
}

func hearResponses(events []event) (h heard) {
	for _, ev := range events {
		if ev.comment {
			h.marks++
			continue
		}
		var m struct {
			Type, Delta, Message string
			Item                 json.RawMessage
			Response             struct{ Error struct{ Message string } }
			Error                struct{ Message string }
		}
		if ev.data == "[DONE]" {
			continue
		}
		if !parsed(ev.data, &m) {
			h.failure = "an event is no JSON: " + short(ev.data)
			return h
		}
		h.parts++
		switch m.Type {
		case "response.output_text.delta":
			h.text += m.Delta
		case "response.completed":
			h.whole = true
		case "response.failed":
			h.failure = short(m.Response.Error.Message)
		case "error":
			h.failure = short(m.Message + m.Error.Message)
		case "response.output_item.done":
			var item struct {
				Type, Name, Arguments string
				CallID                string `json:"call_id"`
			}
			if parsed(string(m.Item), &item) {
				h.back = append(h.back, m.Item)
				if item.Type == "function_call" {
					h.calls = append(h.calls, call{item.CallID, item.Name, item.Arguments})
				}
			}
		}
	}
	return h
}
