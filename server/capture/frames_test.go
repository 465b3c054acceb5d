package capture

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// framed is a stream of frames with these payloads.
func framed(t testing.TB, payloads ...string) string {
	t.Helper()
	var out bytes.Buffer
	to := eventstream.NewEncoder()
	for _, payload := range payloads {
		m := eventstream.Message{Payload: []byte(payload)}
		m.Headers.Set(":event-type", eventstream.StringValue("contentBlockDelta"))
		m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
		m.Headers.Set("note", eventstream.StringValue("planted words"))
		m.Headers.Set("planted words", eventstream.Int32Value(7))
		m.Headers.Set("bytes", eventstream.BytesValue("planted"))
		if err := to.Encode(&out, m); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func TestFramesAreShapedAndStayFrames(t *testing.T) {
	inner := base64.StdEncoding.EncodeToString([]byte(`{"type":"content_block_delta","delta":{"type":"text_delta","text":"planted"}}`))
	stream := framed(t, `{"contentBlockIndex":0,"delta":{"text":"planted"}}`, `{"bytes":"`+inner+`","p":"abcdef"}`, `no JSON, planted`)
	for _, cut := range []int{0, 20, len(stream) - 3} {
		_, f := fileOf(t, stream, cut)
		shaped := body(t, f.Client.Request)
		if len(shaped) != len(stream) || strings.Contains(shaped, "planted") {
			t.Fatalf("%d bytes became %d: %q", len(stream), len(shaped), shaped)
		}
		from, left := eventstream.NewDecoder(), strings.NewReader(shaped)
		var payloads []string
		for left.Len() > 0 {
			m, err := from.Decode(left, nil)
			if err != nil {
				t.Fatalf("frame %d: %v", len(payloads), err)
			}
			if kind, is := m.Headers.Get(":event-type").(eventstream.StringValue); !is || kind != "contentBlockDelta" {
				t.Errorf("headers are %v", m.Headers)
			}
			payloads = append(payloads, string(m.Payload))
		}
		decoded, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, strings.NewReader(strings.Split(payloads[1], `"`)[3])))
		if len(payloads) != 3 || payloads[0] != `{"contentBlockIndex":0,"delta":{"text":"xxxxxxx"}}` || err != nil ||
			string(decoded) != `{"type":"content_block_delta","delta":{"type":"text_delta","text":"xxxxxxx"}}` {
			t.Errorf("payloads are %q, %q: %v", payloads, decoded, err)
		}
		if was, is := told(stream, Exact), told(shaped, Exact); was != is || !strings.Contains(is, "event contentBlockDelta\n  delta.text: a text of 7 bytes") || !strings.Contains(is, "  delta.type: text_delta") {
			t.Errorf("it is told as\n%s\nand was\n%s", is, was)
		}
	}
	_, f := fileOf(t, stream[:len(stream)-5], 3) // the end is missing
	if shaped := body(t, f.Client.Request); strings.Contains(shaped, "planted") || !strings.Contains(told(shaped, Exact), "that are no frame") {
		t.Errorf("a stream that is cut: %q", shaped)
	}
}
