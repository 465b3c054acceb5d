package alternation_test

import (
	"strings"
	"testing"
)

// strict are the rules of order and content that the providers hold conversations to, as their documentation and their
// errors have them.
var strict = map[string]func(*testing.T, map[string]any){
	"chat": strictChat, "messages": strictMessages, "vertex": strictMessages, "responses": strictResponses, "gemini": strictGemini, "converse": strictConverse, "cohere": strictChat,
}

func list(v any) (all []map[string]any) {
	items, _ := v.([]any)
	for _, i := range items {
		m, _ := i.(map[string]any)
		all = append(all, m)
	}
	return all
}

func strictChat(t *testing.T, sent map[string]any) {
	waiting := map[any]bool{}
	for i, m := range list(sent["messages"]) {
		role, calls, content := m["role"], list(m["tool_calls"]), m["content"]
		if role == "tool" {
			if !waiting[m["tool_call_id"]] {
				t.Errorf("message %d answers no call", i)
			}
			delete(waiting, m["tool_call_id"])
		} else if len(waiting) > 0 {
			t.Errorf("message %d stands before the results", i)
		}
		for _, c := range calls {
			waiting[c["id"]] = true
		}
		parts := list(content)
		if text, is := content.(string); len(calls) == 0 && role != "tool" && (is && strings.TrimSpace(text) == "" || !is && len(parts) == 0) {
			t.Errorf("message %d is empty", i)
		}
		for _, p := range parts {
			kind, _ := p["type"].(string)
			if role == "assistant" && kind != "text" && kind != "thinking" || kind == "text" && p["text"] == "" {
				t.Errorf("message %d of %s has a part %v", i, role, p)
			}
			if file, _ := p["file"].(map[string]any); file != nil && file["file_data"] != nil && !strings.HasPrefix(file["file_data"].(string), "data:application/pdf") {
				t.Errorf("message %d has a file that is no PDF", i)
			}
		}
		for _, member := range []string{"images", "audio", "annotations", "refusal"} {
			if m[member] != nil {
				t.Errorf("message %d has %s", i, member)
			}
		}
	}
	if len(waiting) > 0 || len(list(sent["messages"])) == 0 {
		t.Errorf("%d calls are not answered", len(waiting))
	}
}

// strictTurns holds to alternating roles a conversation whose blocks say what they are by kind.
func strictTurns(t *testing.T, turns []map[string]any, content, assistant string, kind func(map[string]any) (kind string, id any)) {
	var waiting []any
	for i, m := range turns {
		blocks, spoken := list(m[content]), m["role"] == assistant
		if len(blocks) == 0 || spoken != (i%2 == 1) {
			t.Errorf("turn %d is empty or out of turn", i)
			continue
		}
		answered := 0
		var calls []any
		for j, b := range blocks {
			what, id := kind(b)
			switch what {
			case "result":
				if j != answered || answered >= len(waiting) || waiting[answered] != id {
					t.Errorf("turn %d: the result %v is not in its place", i, id)
				}
				answered++
			case "call":
				calls = append(calls, id)
			case "media":
				if spoken && assistant != "model" {
					t.Errorf("turn %d: media in a turn of the assistant's", i)
				}
			case "thinking":
				if j == len(blocks)-1 {
					t.Errorf("turn %d ends in thinking", i)
				}
			case "blank":
				t.Errorf("turn %d has a blank text", i)
			}
		}
		if answered < len(waiting) {
			t.Errorf("turn %d leaves calls without an answer", i)
		}
		waiting = calls
	}
	if len(waiting) > 0 || len(turns) == 0 {
		t.Error("the last calls are not answered")
	}
}

func blankOr(kind string, text any) string {
	if s, is := text.(string); is && strings.TrimSpace(s) == "" {
		return "blank"
	}
	return kind
}

func strictMessages(t *testing.T, sent map[string]any) {
	strictTurns(t, list(sent["messages"]), "content", "assistant", func(b map[string]any) (string, any) {
		switch b["type"] {
		case "tool_use":
			return "call", b["id"]
		case "tool_result":
			return "result", b["tool_use_id"]
		case "image", "document":
			return "media", nil
		case "thinking", "redacted_thinking":
			return "thinking", nil
		}
		return blankOr("text", b["text"]), nil
	})
}

func strictConverse(t *testing.T, sent map[string]any) {
	strictTurns(t, list(sent["messages"]), "content", "assistant", func(b map[string]any) (string, any) {
		for member, v := range b {
			inner, _ := v.(map[string]any)
			switch member {
			case "toolUse":
				return "call", inner["toolUseId"]
			case "toolResult":
				return "result", inner["toolUseId"]
			case "image", "document", "video":
				return "media", nil
			case "reasoningContent":
				return "thinking", nil
			}
		}
		return blankOr("text", b["text"]), nil
	})
}

func strictGemini(t *testing.T, sent map[string]any) {
	strictTurns(t, list(sent["contents"]), "parts", "model", func(b map[string]any) (string, any) {
		for member, v := range b {
			inner, _ := v.(map[string]any)
			switch member {
			case "functionCall":
				return "call", inner["id"]
			case "functionResponse":
				return "result", inner["id"]
			case "inlineData":
				return "media", nil
			}
		}
		return blankOr("text", b["text"]), nil
	})
}

func strictResponses(t *testing.T, sent map[string]any) {
	calls := map[any]int{}
	thought := false
	for i, item := range list(sent["input"]) {
		if thought && (item["type"] != "function_call" && item["role"] != "assistant") {
			t.Errorf("item %d follows thinking", i)
		}
		thought = item["type"] == "reasoning"
		switch item["type"] {
		case "function_call":
			calls[item["call_id"]]++
		case "function_call_output":
			calls[item["call_id"]]--
			if output, is := item["output"].([]any); is && len(output) == 0 {
				t.Errorf("item %d has an empty output", i)
			}
		case "message":
			parts := list(item["content"])
			for _, p := range parts {
				kind, _ := p["type"].(string)
				if (item["role"] == "assistant") == strings.HasPrefix(kind, "input_") || p["text"] == "" || item["role"] == "assistant" && item["id"] == nil {
					t.Errorf("item %d has a part %v", i, p)
				}
			}
			if text, _ := item["content"].(string); len(parts) == 0 && strings.TrimSpace(text) == "" {
				t.Errorf("item %d is empty", i)
			}
		}
	}
	for id, n := range calls {
		if n != 0 {
			t.Errorf("the call %v has no answer, or too many", id)
		}
	}
	if thought || len(list(sent["input"])) == 0 {
		t.Error("the input is empty, or ends in thinking")
	}
}
