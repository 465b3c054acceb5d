package codec

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestArgumentsThatAreNoObjectBecomeAMemberOfOne(t *testing.T) {
	for _, c := range []struct {
		name, arguments, want string
		were                  Arguments
	}{
		{"an object", ` {"a": 1} `, `{"a": 1}`, ObjectArguments},
		{"none", "", `{}`, ObjectArguments},
		{"white space", " \n", `{}`, ObjectArguments},
		{"null", "null", `{}`, ObjectArguments},
		{"cut off", `{"path": "a.t`, `{"INVALID_JSON":"{\"path\": \"a.t"}`, BrokenArguments},
		{"two objects", `{}{"a":1}`, `{"INVALID_JSON":"{}{\"a\":1}"}`, BrokenArguments},
		{"bare text", `ls -l`, `{"INVALID_JSON":"ls -l"}`, BrokenArguments},
		{"an escape that JSON has not", `{"re":"\d"}`, `{"INVALID_JSON":"{\"re\":\"\\d\"}"}`, BrokenArguments},
		{"a line break within a string", "{\"a\":\"x\ny\\\"\tz\"\n}", "{\"a\":\"x\\u000ay\\\"\\u0009z\"\n}", ObjectArguments},
		{"a backslash before a line break", "{\"a\":\"x\\\ny\"}", `{"INVALID_JSON":"{\"a\":\"x\\\ny\"}"}`, BrokenArguments},
		{"a string", `"ls"`, `{"value":"ls"}`, OtherArguments},
		{"an array", `[1, "a"]`, `{"value":[1, "a"]}`, OtherArguments},
		{"a number", `7.50`, `{"value":7.50}`, OtherArguments},
	} {
		got, were := (&ToolCall{Arguments: c.arguments}).AppendObject([]byte("x"))
		if string(got) != "x"+c.want || were != c.were {
			t.Errorf("%s: %v, %s, want %s", c.name, were, got, c.want)
		}
	}
	if got, were := (&ToolCall{Arguments: `a "b`, Custom: true}).AppendObject(nil); string(got) != `{"input":"a \"b"}` || were != ObjectArguments {
		t.Errorf("a custom tool's: %v, %s", were, got)
	}
}

func FuzzArguments(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"a":"x` + "\n" + `"}`, `[1]`, `{"a`, `"\`, `{"\`, "{\"a\":\"\\\x01\"}", `7`, `{} {}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, were := (&ToolCall{Arguments: text}).AppendObject(nil)
		var object map[string]json.RawMessage
		if err := json.Unmarshal(got, &object); err != nil {
			t.Fatalf("%q became %s: %v", text, got, err)
		}
		if trimmed := strings.TrimSpace(text); json.Valid([]byte(trimmed)) && strings.HasPrefix(trimmed, "{") && (were != ObjectArguments || string(got) != trimmed) {
			t.Fatalf("the object %s became %s", text, got)
		}
	})
}
