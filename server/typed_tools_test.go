package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// An agent declares the tools that it runs by their types, whoever answers.
func TestTypedToolsThatClientsRunAreCalledByChatModels(t *testing.T) {
	var call string
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(call, "data:") {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		w.Write([]byte(call))
	})
	g := start(t, up.section("/v1/chat/completions", "real: m"))
	const (
		ask     = `{"model":"m","input":[{"role":"user","content":"x"},{"type":"shell_call","call_id":"c0","action":{"commands":["pwd"]}},{"type":"shell_call_output","call_id":"c0","output":[]}],"tools":[`
		message = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[`
	)
	for _, c := range []struct{ name, path, request, tool, arguments, want string }{
		{"a shell", "/v1/responses", ask + `{"type":"shell"}]`, "shell", `{"commands":["ls"]}`, `"type":"shell_call","status":"completed","call_id":"c1","action":{"timeout_ms":null,"max_output_length":null,"commands":["ls"]}`},
		{"a local shell", "/v1/responses", ask + `{"type":"local_shell"}]`, "local_shell", `{"command":["ls"]}`, `"type":"local_shell_call","status":"completed","call_id":"c1","action":{"type":"exec","env":{},"command":["ls"]}`},
		{"a patch", "/v1/responses", ask + `{"type":"apply_patch"}],"tool_choice":{"type":"apply_patch"}`, "apply_patch", `{"type":"delete_file","path":"a"}`, `"type":"apply_patch_call","status":"completed","call_id":"c1","operation":{"type":"delete_file","path":"a"}`},
		{"bash", "/v1/messages", message + `{"type":"bash_20250124","name":"bash"}]`, "bash", `{"command":"ls"}`, `"type":"tool_use","id":"c1","name":"bash"`},
		{"an editor", "/v1/messages", message + `{"type":"text_editor_20250728","name":"str_replace_based_edit_tool"}],"tool_choice":{"type":"any"}`, "str_replace_based_edit_tool", `{"command":"view","path":"/a"}`, `"type":"tool_use","id":"c1","name":"str_replace_based_edit_tool"`},
		{"a memory", "/v1/messages", message + `{"type":"memory_20250818","name":"memory"}]`, "memory", `{"command":"view","path":"/memories"}`, `"type":"tool_use","id":"c1","name":"memory"`},
	} {
		arguments, _ := json.Marshal(c.arguments)
		calls := `"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"` + c.tool + `","arguments":` + string(arguments) + `}}]}`
		for stream, answer := range map[string]string{
			"}": `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,` + calls + `}]}`,
			`,"stream":true}`: `data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{` + calls + "}]}\n\n" +
				`data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\ndata: [DONE]\n\n",
		} {
			call = answer
			a := g.do("POST", c.path, c.request+stream, asClient...)
			if a.StatusCode != 200 || !strings.Contains(a.body, c.want) {
				t.Errorf("%s comes as %d %s, want %s", c.name, a.StatusCode, a.body, c.want)
			}
			sent := up.last(t).body
			if !strings.Contains(sent, `"tools":[{"type":"function","function":{"name":"`+c.tool+`"`) || !strings.Contains(sent, `"parameters":{`) ||
				c.path == "/v1/responses" && !strings.Contains(sent, `{"role":"tool","tool_call_id":"c0","content":"[]"}`) {
				t.Errorf("%s is sent as %s", c.name, sent)
			}
		}
	}
}
