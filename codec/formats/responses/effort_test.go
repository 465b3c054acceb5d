package responses

import (
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats/openai"
)

func TestStrongestEffortIsAskedForWhereItIsKnown(t *testing.T) {
	q := &codec.Request{Format: "openai", Reasoning: &codec.Reasoning{Effort: "max"}}
	for model, want := range map[string]string{"gpt-7": "max", "gpt-5.6": "max", "gpt-5.2": "xhigh", "gpt-5": "high"} {
		body, err := Format{}.EncodeRequest(nil, q, model)
		if err != nil {
			t.Fatal(err)
		}
		rules := openai.NewRules(capability.Find(capability.Query{Host: "api.openai.com", Format: capability.Responses, Model: model}), "m")
		if sent := string(rules.EditResponses(body)); !strings.Contains(sent, `"effort":"`+want+`"`) {
			t.Errorf("%s: %s", model, sent)
		}
	}
}
