package doctor

import "encoding/json"

// chat is OpenAI's chat completions, as Cursor and Open WebUI speak them.
func chat(agent string) dialect {
	return dialect{
		headers: func(e *examination) map[string]string {
			return map[string]string{"Authorization": "Bearer " + e.key, "User-Agent": agent}
		},
		ask: func(e *examination, prompt string, first *heard, result string) request {
			return request{method: "POST", path: "/v1/chat/completions", body: chatBody(e, prompt, first, result)}
		},
		hear:     hearChat,
		list:     func(*examination) request { return request{method: "GET", path: "/v1/models"} },
		listed:   openAIList,
		envelope: openAIEnvelope,
	}
}

func chatBody(e *examination, prompt string, first *heard, result string) object {
	said := []any{object{"role": "system", "content": "You are a helpful assistant."}, object{"role": "user", "content": prompt}}
	if first != nil {
		said = append(said, first.back[0])
		for _, c := range first.calls {
			said = append(said, object{"role": "tool", "tool_call_id": c.id, "content": result})
		}
	}
	return object{
		"model": e.model, "stream": true, "stream_options": object{"include_usage": true}, "messages": said,
		"tools": []any{object{"type": "function", "function": object{"name": "run_terminal_cmd", "description": shellDoes, "parameters": schema("command")}}},
	}
}

func hearChat(events []event) (h heard) {
	for _, ev := range events {
		if ev.comment {
			h.marks++
			continue
		}
		if ev.data == "[DONE]" {
			h.whole = true
			continue
		}
		var m struct {
			Choices []struct {
				Delta struct {
					Content   string
					ToolCalls []struct {
						Index    int
						ID       string
						Function struct{ Name, Arguments string }
					} `json:"tool_calls"`
				}
			}
			Error struct{ Message string }
		}
		if !parsed(ev.data, &m) {
			h.failure = "an event is no JSON: " + short(ev.data)
			return h
		}
		h.parts++
		if m.Error.Message != "" {
			h.failure = short(m.Error.Message)
		}
		if len(m.Choices) == 0 {
			continue
		}
		h.text += m.Choices[0].Delta.Content
		for _, piece := range m.Choices[0].Delta.ToolCalls {
			if piece.Index == len(h.calls) {
				h.calls = append(h.calls, call{})
			}
			if piece.Index < 0 || piece.Index >= len(h.calls) {
				h.failure = "a piece of a tool call belongs to none that has begun"
				return h
			}
			c := &h.calls[piece.Index]
			c.id += piece.ID
			c.name += piece.Function.Name
			c.arguments += piece.Function.Arguments
		}
	}
	var calls []any
	for _, c := range h.calls {
		calls = append(calls, object{"id": c.id, "type": "function", "function": object{"name": c.name, "arguments": c.arguments}})
	}
	message := object{"role": "assistant", "content": h.text}
	if calls != nil {
		message["tool_calls"] = calls
	}
	raw, _ := json.Marshal(message)
	h.back = []json.RawMessage{raw}
	return h
}
