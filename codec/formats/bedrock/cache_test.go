package bedrock

import (
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/anthropic"
)

func TestWhatIsCachedIsKeptForAnHourWhereThatIsKnown(t *testing.T) {
	q, err := anthropic.Format{}.DecodeRequest([]byte(`{"model":"m","max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}],
"messages":[{"role":"user","content":[{"type":"text","text":"q","cache_control":{"type":"ephemeral","ttl":"5m"}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for model, hour := range map[string]bool{"us.amazon.nova-pro-v1:0": false, "anthropic.claude-3-7-sonnet-20250219-v1:0": false, "global.anthropic.claude-sonnet-4-5-20250929-v1:0": true, "anthropic.claude-opus-6-v1:0": true} {
		sent, err := codec.Format(Format{}).EncodeRequest(nil, q, model)
		if err != nil || strings.Contains(string(sent), `"ttl":"1h"`) != hour || strings.Count(string(sent), "cachePoint") != 2 || !strings.Contains(string(sent), `"ttl":"5m"`) {
			t.Errorf("%s: %v: %s", model, err, sent)
		}
	}
}
