package doctor

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// gemini is Google's format as Gemini CLI speaks it.
func gemini() dialect {
	return dialect{
		headers: func(e *examination) map[string]string {
			return map[string]string{"X-Goog-Api-Key": e.key, "User-Agent": "GeminiCLI-tui/0.61.0 (linux; x64; terminal)", "X-Goog-Api-Client": "google-genai-sdk/1.30.0 gl-node/v20.20.2"}
		},
		ask: func(e *examination, prompt string, first *heard, result string) request {
			return request{method: "POST", path: "/v1beta/models/" + escaped(e.model) + ":streamGenerateContent?alt=sse", body: geminiBody(prompt, first, result)}
		},
		hear: hearGemini,
		list: func(*examination) request { return request{method: "GET", path: "/v1beta/models"} },
		listed: func(body []byte) (names []string, ok bool) {
			var list struct{ Models []struct{ Name string } }
			if json.Unmarshal(body, &list) != nil || list.Models == nil {
				return nil, false
			}
			for _, m := range list.Models {
				names = append(names, strings.TrimPrefix(m.Name, "models/"))
			}
			return names, true
		},
		envelope: func(body []byte) bool {
			var e struct {
				Error struct {
					Code            int
					Message, Status string
				}
			}
			body = bytes.TrimSuffix(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("[")), []byte("]"))
			return json.Unmarshal(body, &e) == nil && e.Error.Code != 0 && e.Error.Message != "" && e.Error.Status != ""
		},
	}
}

func geminiBody(prompt string, first *heard, result string) object {
	contents := []any{object{"role": "user", "parts": []any{object{"text": prompt}}}}
	if first != nil {
		var results []any
		for _, c := range first.calls {
			back := object{"name": c.name, "response": object{"output": result}}
			if c.id != "" {
				back["id"] = c.id
			}
			results = append(results, object{"functionResponse": back})
		}
		contents = append(contents, object{"role": "model", "parts": first.back}, object{"role": "user", "parts": results})
	}
	return object{
		"contents": contents, "systemInstruction": object{"role": "user", "parts": []any{object{"text": "You are a CLI agent."}}},
		"tools":            []any{object{"functionDeclarations": []any{object{"name": "run_shell_command", "description": shellDoes, "parametersJsonSchema": schema("command")}}}},
		"generationConfig": object{"temperature": 1, "topP": 0.95, "topK": 64},
	}
}

func hearGemini(events []event) (h heard) {
	for _, ev := range events {
		if ev.comment {
			h.marks++
			continue
		}
		var m struct {
			Candidates []struct {
				Content      struct{ Parts []json.RawMessage }
				FinishReason string
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
		if len(m.Candidates) == 0 {
			continue
		}
		for _, raw := range m.Candidates[0].Content.Parts {
			var part struct {
				Text         string
				Thought      bool
				FunctionCall *struct {
					ID, Name string
					Args     json.RawMessage
				}
			}
			if !parsed(string(raw), &part) {
				continue
			}
			h.back = append(h.back, raw)
			if part.FunctionCall != nil {
				h.calls = append(h.calls, call{part.FunctionCall.ID, part.FunctionCall.Name, string(part.FunctionCall.Args)})
			} else if !part.Thought {
				h.text += part.Text
			}
		}
		h.whole = h.whole || m.Candidates[0].FinishReason != ""
	}
	return h
}

// escaped is a model's name as it stands in a path.
func escaped(model string) string { return (&url.URL{Path: model}).EscapedPath() }
