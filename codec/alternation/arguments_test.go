package alternation_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// calling is a conversation of a format with a call of those arguments, which are JSON where the format has them as
// that.
func calling(format, arguments string) string {
	quoted, _ := json.Marshal(arguments)
	switch format {
	case "chat":
		return `{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":` + string(quoted) + `}}]},` +
			`{"role":"tool","tool_call_id":"c1","content":"bad arguments"},{"role":"user","content":"go on"}`
	case "responses":
		return `{"role":"user","content":"q"},{"type":"function_call","call_id":"c1","name":"f","arguments":` + string(quoted) + `},` +
			`{"type":"function_call_output","call_id":"c1","output":"bad arguments"},{"role":"user","content":"go on"}`
	case "messages":
		return `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":` + arguments + `}]},` +
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"bad arguments"},{"type":"text","text":"go on"}]}`
	}
	return `{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"c1","name":"f","args":` + arguments + `}}]},` +
		`{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":{"output":"bad arguments"}}},{"text":"go on"}]}`
}

// argumentsIn finds the arguments of the call in a request.
func argumentsIn(v any) any {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if found := argumentsIn(e); found != nil {
				return found
			}
		}
	case map[string]any:
		if v["name"] == "f" {
			for _, name := range []string{"arguments", "input", "args"} {
				if found, has := v[name]; has {
					return found
				}
			}
		}
		for _, e := range v {
			if found := argumentsIn(e); found != nil {
				return found
			}
		}
	}
	return nil
}

func TestCallsWithArgumentsThatAreNoObjectLetAConversationGoOn(t *testing.T) {
	const cut = `{"path":"a.t`
	texts := []string{"chat", "responses"}
	for _, c := range []struct {
		name, arguments string
		from            []string // Google's clients can write nothing but objects
		object          string   // what they are where an object is wanted
		told            bool
	}{
		{"an object", `{"a":1}`, append(texts, "messages", "gemini"), `{"a":1}`, false},
		{"none", ``, texts, `{}`, false},
		{"white space", " \n", texts, `{}`, false},
		{"null", `null`, append(texts, "messages", "gemini"), `{}`, false},
		{"cut off", cut, texts, `{"INVALID_JSON":"{\"path\":\"a.t"}`, true},
		{"bare text", `ls -l`, texts, `{"INVALID_JSON":"ls -l"}`, true},
		{"a line break within a string", "{\"a\":\"x\ny\"}", texts, `{"a":"x\ny"}`, false},
		{"an array", `[1,2]`, append(texts, "messages"), `{"value":[1,2]}`, true},
		{"a number", `7`, append(texts, "messages"), `{"value":7}`, true},
		{"a string", `"ls"`, texts, `{"value":"ls"}`, true},
		{"a string that is none of JSON", `"ls"`, []string{"messages"}, `{"INVALID_JSON":"ls"}`, true},
	} {
		for _, from := range c.from {
			for to, up := range upstreams {
				if up.Name() == formats[from].Name() {
					continue
				}
				t.Run(from+" to "+to+": "+c.name, func(t *testing.T) {
					sent, left, err := repaired(t, from, to, calling(from, c.arguments))
					if err != nil {
						t.Fatal(err)
					}
					strict[to](t, sent)
					got := argumentsIn(sent)
					if text, is := got.(string); is { // as the format has it
						if to != "chat" && to != "responses" && to != "cohere" || len(left) > 0 {
							t.Errorf("%s gets a text, %q", to, left)
						}
						if plain := strings.TrimSpace(c.arguments); plain != "" && plain != "null" && !strings.Contains(text, strings.Trim(plain, `"`)) {
							t.Errorf("got %q", text)
						}
						return
					}
					object, _ := json.Marshal(got)
					if string(object) != c.object || (len(left) > 0) != c.told {
						t.Errorf("got %s, want %s; told %q", object, c.object, left)
					}
				})
			}
		}
	}
}

// Anthropic answers "all content must be type `text` if `is_error` is true"
// (github.com/vellum-ai/vellum-assistant/pull/18387), and Bedrock hands it on.
func TestToolThatFailedAndShowsSomethingSaysSoInWords(t *testing.T) {
	failed := func(content string) string {
		return `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},` +
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":[` + content + `]}]}`
	}
	for _, c := range []struct {
		content string
		status  bool
		says    []string
	}{
		{`{"type":"text","text":"boom"}`, true, []string{"boom"}},
		{`{"type":"text","text":"boom"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + png + `"}}`, false, []string{"Error", "boom", png}},
	} {
		sent, _, err := repaired(t, "messages", "converse", failed(c.content))
		body, _ := json.Marshal(sent)
		if err != nil || strings.Contains(string(body), `"status":"error"`) != c.status {
			t.Errorf("%v: %s", err, body)
		}
		for _, word := range c.says {
			if !strings.Contains(string(body), word) {
				t.Errorf("%s is lost: %s", word, body)
			}
		}
	}
}
