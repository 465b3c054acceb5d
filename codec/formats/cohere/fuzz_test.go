package cohere

import (
	"bytes"
	"encoding/json"
	"testing"

	"uniapi/codec"
)

func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"type":"message-start","id":"1"}`+"\n"+`{"type":"content-delta","delta":{"message":{"content":{"text":"a"}}}}`+"\n"+`{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}`), 3)
	f.Add([]byte(`{"type":"tool-call-start","delta":{"message":{"tool_calls":{"id":"c","function":{"name":"f","arguments":"null"}}}}}`+"\n"+`{"type":"tool-call-end"}`), 1)
	f.Fuzz(func(t *testing.T, lines []byte, n int) {
		if len(lines) > 10_000 {
			return
		}
		stream := events(lines)
		if whole, pieces := toChat(stream, len(stream)+1), toChat(stream, max(n%100, 1)); !bytes.Equal(whole, pieces) {
			t.Fatalf("whole\n%s\nin pieces\n%s", whole, pieces)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"id":"1","message":{"content":[{"type":"text","text":"a"}],"tool_calls":[{"id":"c","function":{"name":"f"}}]},"usage":{"tokens":{"input_tokens":1.0}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := Format{}.DecodeResponse(body)
		if err != nil {
			if e, ok := err.(*codec.Error); !ok || e.Message == "" {
				t.Fatalf("%v is no error for a client", err)
			}
			return
		}
		if out := (Format{}).EncodeResponse(nil, a, nil); json.Valid(body) && !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"tool","tool_call_id":"c","content":[{"type":"document","document":{"data":{}}}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := Format{}.DecodeRequest(body)
		if err != nil {
			return
		}
		if out, err := (Format{}).EncodeRequest(nil, q, "m"); err == nil && json.Valid(body) && !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}
