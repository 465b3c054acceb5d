package bedrock

import (
	"bytes"
	"encoding/json"
	"testing"

	"uniapi/codec"
)

// FuzzStream takes lines as in testdata/stream.txt, so that the checksums are right and what is behind them is tried.
func FuzzStream(f *testing.F) {
	f.Add([]byte("messageStart {}\ncontentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"a\"}}\nmessageStop {\"stopReason\":\"end_turn\"}\nmetadata {\"usage\":{\"inputTokens\":1}}"), 5)
	f.Add([]byte("contentBlockStart {\"contentBlockIndex\":1,\"start\":{\"toolUse\":{\"toolUseId\":\"t\",\"name\":\"f\"}}}\n!throttlingException {\"message\":\"m\"}"), 1)
	f.Add([]byte("chunk {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\nchunk {\"messageStart\":{}}\nchunk x"), 3)
	f.Add([]byte("chunk {\""), 3)
	f.Fuzz(func(t *testing.T, lines []byte, n int) {
		if len(lines) > 10_000 {
			return
		}
		stream := frames(lines)
		if whole, pieces := toChat(stream, len(stream)+1), toChat(stream, max(n%100, 1)); !bytes.Equal(whole, pieces) {
			t.Fatalf("whole\n%s\nin pieces\n%s", whole, pieces)
		}
	})
}

func FuzzRawStream(f *testing.F) {
	f.Add(frames([]byte("messageStart {}\ncontentBlockStop {}")), 5)
	f.Fuzz(func(t *testing.T, stream []byte, n int) {
		if whole, pieces := toChat(stream, len(stream)+1), toChat(stream, max(n%100, 1)); !bytes.Equal(whole, pieces) {
			t.Fatalf("whole\n%s\nin pieces\n%s", whole, pieces)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"output":{"message":{"role":"assistant","content":[{"text":"a"},{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":2}}`))
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
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"text":"q"},{"cachePoint":{"type":"default"}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"f"}}]}}`))
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

func BenchmarkTextEvent(b *testing.B) {
	d := Format{}.NewStreamDecoder()
	events, err := d.Push(nil, frames([]byte("messageStart {}")))
	if err != nil {
		b.Fatal(err)
	}
	frame := frames([]byte(`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":" some words of an answer\n"},"p":"abcdefghij"}`))
	b.ReportAllocs()
	for b.Loop() {
		if events, err = d.Push(events[:0], frame); err != nil || len(events) != 1 {
			b.Fatal(len(events), err)
		}
	}
}
