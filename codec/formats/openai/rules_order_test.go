package openai

import (
	"encoding/json"
	"reflect"
	"testing"
)

// sameJSON says whether two texts say the same.
func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestHostsGetMessagesInTheirOrder(t *testing.T) {
	const (
		user, more, said = `{"role":"user","content":"u"}`, `{"role":"user","content":"v"}`, `{"role":"assistant","content":"a"}`
		calls, result    = `{"role":"assistant","content":"","tool_calls":[{"id":"abcdefghi","type":"function","function":{"name":"f","arguments":"{}"}}]}`, `{"role":"tool","tool_call_id":"abcdefghi","content":"r"}`
		between          = `{"role":"assistant","content":"."}`
		tools            = `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]`
	)
	for _, c := range []struct{ name, host, model, messages, more, want string }{
		{"in order", "api.mistral.ai", "mistral-large-2512", user + "," + calls + "," + result, tools, ""},
		{"the user behind results", "api.mistral.ai", "mistral-large-2512", user + "," + calls + "," + result + "," + more, tools,
			user + "," + calls + "," + result + "," + between + "," + more},
		{"the system in between", "api.mistral.ai", "mistral-large-2512", `{"role":"system","content":"s"},` + user + `,{"role":"system","content":"t"},` + calls + "," + result + `,{"role":"developer","content":"d"}`, tools,
			`{"role":"system","content":"s"},` + user + `,{"role":"user","content":"t"},` + calls + "," + result + "," + between + `,{"role":"user","content":"d"}`},
		{"the assistant last", "api.mistral.ai", "mistral-large-2512", user + "," + said, "", user + `,{"role":"assistant","content":"a","prefix":true}`},
		{"the assistant last, and tools", "api.mistral.ai", "mistral-large-2512", user + "," + said, tools, user + "," + said + `,{"role":"user","content":"."}`},
		{"a prefix", "api.mistral.ai", "mistral-large-2512", user + `,{"role":"assistant","content":"a","prefix":true}`, "", ""},
		{"two of the user's", "api.perplexity.ai", "sonar", user + "," + more + "," + said + "," + more, "", `{"role":"user","content":"u\n\nv"},` + said + "," + more},
		{"one of them with parts", "api.perplexity.ai", "sonar", user + `,{"role":"user","content":[{"type":"text","text":"v"}]}`, "",
			`{"role":"user","content":[{"type":"text","text":"u"},{"type":"text","text":"v"}]}`},
		{"many, of all kinds", "api.perplexity.ai", "sonar", user + "," + more + `,{"role":"user","content":""},{"role":"user","content":[{"type":"text","text":"w"}]},` + user + "," + said, "",
			`{"role":"user","content":[{"type":"text","text":"u\n\nv"},{"type":"text","text":"w"},{"type":"text","text":"u"}]},` + said},
		{"an empty one", "api.perplexity.ai", "sonar", `{"role":"user","content":""},` + more, "", more},
		{"a template that wants turns", "relay.example", "mistralai/Devstral-Small-2-24B-Instruct-2512", user + "," + more + "," + calls + "," + result + "," + more, tools,
			`{"role":"user","content":"u\n\nv"},` + calls + "," + result + "," + between + "," + more},
		{"two of the assistant's", "relay.example", "ministral-3", user + "," + said + "," + calls + "," + result, tools,
			user + `,{"role":"assistant","content":"a","tool_calls":[{"id":"abcdefghi","type":"function","function":{"name":"f","arguments":"{}"}}]},` + result},
		{"OpenAI takes any", "api.openai.com", "gpt-4.1", user + "," + more + `,{"role":"system","content":"t"},` + calls + "," + result + "," + more, tools, ""},
		{"so do others", "relay.example", "qwen3", user + "," + more, "", ""},
	} {
		body := `{"messages":[` + c.messages + `]` + c.more + `}`
		want := body
		if c.want != "" {
			want = `{"messages":[` + c.want + `]` + c.more + `}`
		}
		got := string(rulesFor(c.host, "m", c.model).Edit([]byte(body)))
		if !sameJSON(got, want) {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
		if again := string(rulesFor(c.host, "m", c.model).Edit([]byte(got))); again != got {
			t.Errorf("%s: once more it is %s", c.name, again)
		}
	}
}

func FuzzOrder(f *testing.F) {
	f.Add(`[{"role":"user","content":"a"},{"role":"user","content":[1]},{"role":"tool"},{"role":"user"},{"role":"system"},{"role":"assistant","tool_calls":[]}]`, true)
	f.Add(`[7,{"role":"assistant","content":null},{"role":"assistant","content":"\ud83d","role":"user"}]`, false)
	all := order{true, true, true, true}
	f.Fuzz(func(t *testing.T, messages string, tools bool) {
		out := all.apply([]byte(messages), tools)
		if out != nil && json.Valid([]byte(messages)) && !json.Valid(out) {
			t.Errorf("%q becomes %q", messages, out)
		}
	})
}
