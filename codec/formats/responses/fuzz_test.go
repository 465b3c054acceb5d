package responses

import (
	"bytes"
	"encoding/json"
	"testing"

	"uniapi/codec"
)

func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"type":"response.created","response":{"id":"resp_1"}}`+"\n"+`{"type":"response.output_text.delta","output_index":0,"delta":"a"}`+"\n"+`{"type":"response.completed","response":{"status":"completed","output":[]}}`), 3)
	f.Add([]byte(`{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}}`), 1)
	f.Add([]byte(`{"type":"error","code":"x","message":"m"}`), 9)
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
	f.Add([]byte(`{"id":"resp_1","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"a"}]},{"type":"reasoning","encrypted_content":"uniapi1.s.x.y"}],"usage":{"input_tokens":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := Format{}.DecodeResponse(body)
		if err != nil {
			if e, ok := err.(*codec.Error); !ok || e.Message == "" {
				t.Fatalf("%v is no error for a client", err)
			}
			return
		}
		if out := (Format{}).EncodeResponse(nil, a, &codec.Request{}); json.Valid(body) && !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","input":[{"role":"user","content":"q"},{"type":"reasoning","summary":[]},{"type":"custom_tool_call","call_id":"c","name":"f","input":"x"}],"tools":[{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := Format{}.DecodeRequest(body)
		if err != nil {
			return
		}
		if out, err := (Format{}).EncodeRequest(nil, q.WithoutCustom(), "m"); err == nil && json.Valid(body) && !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}
