package anthropic

import "testing"

func TestWhatBedrockRefusesIsTakenOffTools(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"a tool": {`{"model":"m", "tools":[{"name":"f","eager_input_streaming":true,"input_schema":{}},{"name":"g"}],"x":1.0}`,
			`{"model":"m", "tools":[{"name":"f","input_schema":{}},{"name":"g"}],"x":1.0}`},
		"none":                  {`{"tools":[{"name":"f"}]}`, `{"tools":[{"name":"f"}]}`},
		"the words of somebody": {`{"messages":"eager_input_streaming"}`, `{"messages":"eager_input_streaming"}`},
		"no JSON":               {`{"eager_input_streaming":`, `{"eager_input_streaming":`},
	} {
		if got := string(WithoutEagerInput([]byte(test.body))); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
