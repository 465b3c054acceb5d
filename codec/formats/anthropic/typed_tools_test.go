package anthropic

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestATypedToolIsAFunctionWithASchemaAndStaysWhatItIsAtAnthropic(t *testing.T) {
	for kind, as := range typedTools {
		declared := `{"type":"` + kind + `","name":"` + as.name + `","cache_control":{"type":"ephemeral"}}`
		q, err := Format{}.DecodeRequest([]byte(`{"model":"m","max_tokens":9,"tools":[` + declared + `],"messages":[{"role":"user","content":"x"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Type       string
			Properties map[string]any
			Required   []string
		}
		if err := json.Unmarshal(q.Tools[0].Schema, &schema); err != nil || schema.Type != "object" || schema.Properties["command"] == nil {
			t.Errorf("%s has the schema %s: %v", kind, q.Tools[0].Schema, err)
		}
		for _, name := range schema.Required {
			if schema.Properties[name] == nil {
				t.Errorf("%s needs %s, which it does not have", kind, name)
			}
		}
		if out, err := (Format{}).EncodeRequest(nil, q, "claude-sonnet-4-5"); err != nil || !strings.Contains(string(out), `"tools":[`+declared+`]`) {
			t.Errorf("%s goes to Anthropic as %s: %v", kind, out, err)
		}
	}
}
