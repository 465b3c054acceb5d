package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
)

// TestSignaturesSurviveAClientOfPlainFields plays two turns with a client that sends back role, content and the calls'
// id, type and function, and nothing else.
func TestSignaturesSurviveAClientOfPlainFields(t *testing.T) {
	a, err := Format{}.DecodeResponse([]byte(`{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[{"type":"thinking","thinking":"","signature":"c2lnbmVk"},
		{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1","name":"f","input":{}},{"type":"tool_use","id":"toolu_2","name":"f","input":{}}],"stop_reason":"tool_use","usage":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Choices []struct {
			Message struct {
				Role, Content string
				Calls         []struct {
					ID, Type string
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
			}
		}
	}
	if err := json.Unmarshal(openai.Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"}), &answer); err != nil {
		t.Fatal(err)
	}
	said := answer.Choices[0].Message
	type object = map[string]any
	var calls, messages []object
	for _, c := range said.Calls {
		calls = append(calls, object{"id": c.ID, "type": c.Type, "function": object{"name": c.Function.Name, "arguments": c.Function.Arguments}})
	}
	messages = []object{{"role": "user", "content": "q"}, {"role": said.Role, "content": said.Content, "tool_calls": calls},
		{"role": "tool", "tool_call_id": said.Calls[0].ID, "content": "1"}, {"role": "tool", "tool_call_id": said.Calls[1].ID, "content": "2"}}
	body, err := json.Marshal(object{"model": "m", "max_tokens": 9000, "reasoning_effort": "low", "messages": messages})
	if err != nil {
		t.Fatal(err)
	}
	q, err := openai.Format{}.DecodeRequest(body)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Format{}.EncodeRequest(nil, q, "claude-sonnet-4-5")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"content":[{"type":"thinking","thinking":"","signature":"c2lnbmVk"},{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1",`,
		`{"type":"tool_use","id":"toolu_2",`, `{"type":"tool_result","tool_use_id":"toolu_1","content":"1"}`, `"budget_tokens":2048`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}

func TestFlagsOfBetas(t *testing.T) {
	for _, c := range []struct{ model, body, want string }{
		{"claude-opus-4-5", `{"reasoning_effort":"low"}`, "effort-2025-11-24"},
		{"claude-opus-4-6", `{"reasoning_effort":"low"}`, ""},
		{"claude-opus-4-6", `{"context_management":{},"mcp_servers":[]}`, "context-management-2025-06-27 mcp-client-2025-11-20"},
		{"claude-opus-4-6", `{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}`, "files-api-2025-04-14"},
	} {
		body := `{"model":"m",` + strings.TrimPrefix(c.body, "{")
		if !strings.Contains(body, `"messages"`) {
			body = `{"messages":[{"role":"user","content":"q"}],` + body[1:]
		}
		q, err := openai.Format{}.DecodeRequest([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(betas(q, Format{}.target(q, c.model)), " "); got != c.want {
			t.Errorf("%s %s: %q", c.model, c.body, got)
		}
	}
}
