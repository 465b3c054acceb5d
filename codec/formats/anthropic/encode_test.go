package anthropic

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
	"uniapi/codec/internal/golden"
	"uniapi/codec/modifier"
)

func TestChatRequestsAreWrittenForAnthropic(t *testing.T) {
	golden.Run(t, "testdata/encode.txt", func(t *testing.T, model string, in []byte) []byte {
		q, err := openai.Format{}.DecodeRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		f := Format{}
		if rest, ok := strings.CutPrefix(model, "vertex "); ok {
			f, model = Vertex, rest
		}
		out, err := f.EncodeRequest(nil, modifier.Apply(q, model), model)
		if e, ok := err.(*codec.Error); ok {
			return []byte("error " + e.Message)
		}
		if !json.Valid(out) {
			t.Errorf("not JSON: %s", out)
		}
		again, _ := f.EncodeRequest([]byte("x"), modifier.Apply(q, model), model)
		if !bytes.Equal(out, again[1:]) {
			t.Errorf("the second attempt differs: %s", again)
		}
		return out
	})
}
