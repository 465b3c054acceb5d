package responses

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"uniapi/codec/formats/openai"
)

func TestACallOfATypedToolComesAsItsOwnItem(t *testing.T) {
	const (
		shell = `"action":{"commands":["ls"],"timeout_ms":null,"max_output_length":null}`
		patch = `{"id":"apc_1_0","type":"apply_patch_call","status":"completed","call_id":"c1","operation":`
	)
	for _, c := range []struct{ name, tool, call, arguments, finish, want string }{
		{"a shell's", `{"type":"shell"}`, "shell", `{"commands":["ls"]}`, "tool_calls",
			`{"id":"sh_1_0","type":"shell_call","status":"completed","call_id":"c1","action":{"timeout_ms":null,"max_output_length":null,"commands":["ls"]}}`},
		{"a shell's with all", `{"type":"shell","environment":{"type":"local"}}`, "shell", `{"commands":["ls"],"timeout_ms":5,"max_output_length":6}`, "tool_calls",
			`{"id":"sh_1_0","type":"shell_call","status":"completed","call_id":"c1","action":{"commands":["ls"],"timeout_ms":5,"max_output_length":6}}`},
		{"one that was cut off", `{"type":"shell"}`, "shell", `{"commands":["l`, "length",
			`{"id":"sh_1_0","type":"shell_call","status":"incomplete","call_id":"c1",` + strings.Replace(shell, `"ls"`, "", 1) + `}`},
		{"a local shell's", `{"type":"local_shell"}`, "local_shell", `{"command":["ls"],"user":null}`, "tool_calls",
			`{"id":"lsh_1_0","type":"local_shell_call","status":"completed","call_id":"c1","action":{"type":"exec","env":{},"command":["ls"]}}`},
		{"a patch's", `{"type":"apply_patch"}`, "apply_patch", `{"type":"create_file","path":"a","diff":"+x"}`, "tool_calls",
			patch + `{"type":"create_file","path":"a","diff":"+x"}}`},
		{"a patch's that was cut off", `{"type":"apply_patch"}`, "apply_patch", `{"type":"create_file","pa`, "length",
			strings.Replace(patch, "completed", "in_progress", 1) + `{"type":"update_file","path":""}}`},
		{"a function's of that name", `{"type":"function","name":"shell"}`, "shell", `{"commands":["ls"]}`, "tool_calls",
			`{"id":"fc_1_0","type":"function_call","status":"completed","call_id":"c1","name":"shell","arguments":"{\"commands\":[\"ls\"]}"}`},
	} {
		q, err := Format{}.DecodeRequest([]byte(`{"model":"m","input":"q","tools":[` + c.tool + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		arguments, _ := json.Marshal(c.arguments)
		answer := `"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"` + c.call + `","arguments":` + string(arguments) + `}}]}`
		a, err := openai.Format{}.DecodeResponse([]byte(`{"id":"chatcmpl-1","choices":[{"index":0,"finish_reason":"` + c.finish + `","message":{"content":null,` + answer + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if whole := string(Format{}.EncodeResponse(nil, a, q)); !strings.Contains(whole, `"output":[`+c.want+`]`) {
			t.Errorf("%s is %s", c.name, whole)
		}
		stream := streamed(t, q, `data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{`+answer+`}]}`+"\n\n"+
			`data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"`+c.finish+`"}]}`+"\n\ndata: [DONE]\n\n")
		done := regexp.MustCompile(`"type":"response.output_item.done","sequence_number":\d+,"output_index":0,"item":(.*)}\n`).FindStringSubmatch(stream)
		if done == nil || done[1] != c.want || strings.Count(stream, "output_item.added\"") != 1 ||
			strings.Contains(stream, "arguments.delta") != strings.Contains(c.tool, "function") {
			t.Errorf("%s is streamed as %s", c.name, stream)
		}
	}
}

func TestTypedToolsAndTheirItemsStayAsTheyCameWhereTheyAreKnown(t *testing.T) {
	items := []string{
		`{"type":"shell_call","id":"sh_1","call_id":"c1","action":{"commands":["ls"]},"status":"completed"}`,
		`{"type":"shell_call_output","call_id":"c1","output":[{"stdout":"a","stderr":"","outcome":{"type":"timeout"}}]}`,
		`{"type":"apply_patch_call","call_id":"c2","operation":{"type":"delete_file","path":"a"},"status":"completed"}`,
		`{"type":"apply_patch_call_output","call_id":"c2","status":"failed","output":"x"}`,
	}
	for _, choice := range []string{`{"type":"apply_patch"}`, `{"type":"allowed_tools","mode":"auto","tools":[{"type":"shell"}]}`} {
		body := `{"model":"m","input":[` + strings.Join(items, ",") + `],"tools":[{"type":"shell","environment":{"type":"local"}},{"type":"apply_patch"}],"tool_choice":` + choice + `}`
		q, err := Format{}.DecodeRequest([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		out, err := Format{}.EncodeRequest(nil, q, "m")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range append(items, `"tools":[{"type":"shell","environment":{"type":"local"}},{"type":"apply_patch"}]`, `"tool_choice":`+choice) {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s is not in %s", want, out)
			}
		}
	}
}
