package fit_test

import (
	"slices"
	"testing"

	"uniapi/codec/fit"
	"uniapi/codec/formats"
)

func TestSettingsThatATargetIsNotToldAreNamed(t *testing.T) {
	for _, c := range []struct {
		from, to, body string
		want           []string
	}{
		{"openai", "anthropic", `{"temperature":0.5,"seed":7,"frequency_penalty":0.5,"logit_bias":{"1":1},"n":1}`, []string{"seed", "frequency_penalty", "logit_bias"}},
		{"openai", "anthropic", `{"temperature":0.5,"stop":["x"],"user":"u","frequency_penalty":0,"presence_penalty":0.0}`, nil},
		{"openai", "gemini", `{"temperature":0.5,"top_p":0.9,"seed":7,"frequency_penalty":0.5,"presence_penalty":1,"stop":"x","n":2}`, nil},
		{"openai", "gemini", `{"logit_bias":{"1":1},"verbosity":"low"}`, []string{"verbosity", "logit_bias"}},
		{"anthropic", "openai", `{"max_tokens":10,"top_k":5,"stop_sequences":["x"],"metadata":{"user_id":"u"}}`, nil},
		{"gemini", "responses", `{"generationConfig":{"topK":5,"seed":1,"temperature":0.1}}`, []string{"top_k", "seed"}},
		{"openai", "responses", `{"temperature":0.5,"logit_bias":null}`, nil},
		{"gemini", "gemini-vertex", `{"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"},"labels":{"a":"b"}}`, nil},
		{"gemini", "anthropic", `{"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"},"safetySettings":[]}`, []string{"generationConfig.mediaResolution"}},
		{"openai", "anthropic", `{"stream":true,"stream_options":{"include_usage":true},"service_tier":"auto","store":false,"verbosity":"low"}`, []string{"verbosity"}},
	} {
		member := `"messages":[{"role":"user","content":"hi"}],"model":"m",`
		if c.from == "gemini" {
			member = `"contents":[{"role":"user","parts":[{"text":"hi"}]}],`
		}
		body := []byte(`{` + member + c.body[1:])
		q, err := formats.All[c.from].DecodeRequest(body)
		if err != nil {
			t.Fatal(c.body, err)
		}
		sent, err := formats.All[c.to].EncodeRequest(nil, q, "m")
		if err != nil {
			t.Fatal(c.body, err)
		}
		if got := fit.SettingsLeftOut(q, sent); !slices.Equal(got, c.want) {
			t.Errorf("%s to %s: %s: %q, want %q; sent %s", c.from, c.to, c.body, got, c.want, sent)
		}
	}
}
