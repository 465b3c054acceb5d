package formats

import (
	"strings"
	"testing"
)

// A schema is an object wherever clients have one: no provider takes another, and what is left out is none.
func TestSchemasAreObjects(t *testing.T) {
	for place, c := range map[string]struct{ format, body string }{
		"tools[0].function.parameters":         {"openai", `{"model":"m","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":SCHEMA}}]}`},
		"response_format.json_schema.schema":   {"openai", `{"model":"m","messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":SCHEMA}}}`},
		"tools.parameters":                     {"responses", `{"model":"m","input":"a","tools":[{"type":"function","name":"f","parameters":SCHEMA}]}`},
		"text.format.schema":                   {"responses", `{"model":"m","input":"a","text":{"format":{"type":"json_schema","name":"n","schema":SCHEMA}}}`},
		"tools[0].input_schema":                {"anthropic", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"}],"tools":[{"name":"f","input_schema":SCHEMA}]}`},
		"output_config.format.schema":          {"anthropic", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"}],"output_config":{"format":{"type":"json_schema","schema":SCHEMA}}}`},
		"functionDeclarations[0].parameters":   {"gemini", `{"contents":[{"role":"user","parts":[{"text":"a"}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":SCHEMA}]}]}`},
		"generationConfig.responseJsonSchema":  {"gemini", `{"contents":[{"role":"user","parts":[{"text":"a"}]}],"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":SCHEMA}}`},
		"declarations[0].parametersJsonSchema": {"gemini", `{"contents":[{"role":"user","parts":[{"text":"a"}]}],"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":SCHEMA}]}]}`},
	} {
		for schema, fine := range map[string]bool{`{"type":"object","properties":{}}`: true, `null`: true, `true`: false, `"x"`: false, `[]`: false, `7`: false} {
			_, err := All[c.format].DecodeRequest([]byte(strings.Replace(c.body, "SCHEMA", schema, 1)))
			if fine != (err == nil) || err != nil && !strings.Contains(err.Error(), "must be an object, not") {
				t.Errorf("%s, %s: %s: %v", c.format, place, schema, err)
			}
		}
	}
}
