package anthropic

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
)

// seeds are the inputs of a golden file.
func seeds(f *testing.F, file string, add func(in []byte)) {
	f.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range strings.Split(string(data), "\n=== ")[1:] {
		_, c, _ = strings.Cut(c, "\n")
		in, _, _ := strings.Cut(c, "\n--- out")
		add([]byte(in + "\n\n"))
	}
}

func FuzzStream(f *testing.F) {
	seeds(f, "testdata/stream.txt", func(in []byte) { f.Add(in, 5) })
	q := &codec.Request{Model: "m", IncludeUsage: true}
	f.Fuzz(func(t *testing.T, stream []byte, n int) {
		encoder := func() codec.StreamEncoder { // with a head that is the same for both runs
			e := openai.Format{}.NewStreamEncoder(q)
			e.Append(nil, &codec.Event{Kind: codec.EventStart, ID: "x", Created: 1})
			return fixedHead{e}
		}
		whole := translate(Format{}.NewStreamDecoder(), encoder(), stream, len(stream)+1)
		pieces := translate(Format{}.NewStreamDecoder(), encoder(), stream, max(n%100, 1))
		if !bytes.Equal(whole, pieces) {
			t.Fatalf("whole\n%s\nin pieces\n%s", whole, pieces)
		}
		own := translate(Format{}.NewStreamDecoder(), Format{}.NewStreamEncoder(q), stream, len(stream)+1)
		if again := translate(Format{}.NewStreamDecoder(), encoder(), own, len(own)+1); len(again) == 0 {
			t.Fatal("nothing came back")
		}
	})
}

// fixedHead drops the event that gives a stream its id and time.
type fixedHead struct{ codec.StreamEncoder }

func (f fixedHead) Append(dst []byte, e *codec.Event) []byte {
	if e.Kind == codec.EventStart {
		return dst
	}
	return f.StreamEncoder.Append(dst, e)
}

func FuzzResponse(f *testing.F) {
	seeds(f, "testdata/response.txt", func(in []byte) { f.Add(in) })
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := Format{}.DecodeResponse(body)
		if err != nil {
			if e, ok := err.(*codec.Error); !ok || e.Message == "" {
				t.Fatalf("%v is no error for a client", err)
			}
			return
		}
		out := Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"})
		if json.Valid(body) && !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}

func FuzzRequest(f *testing.F) {
	seeds(f, "testdata/decode.txt", func(in []byte) { f.Add(in) })
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := Format{}.DecodeRequest(body)
		if err != nil {
			return
		}
		for _, model := range []string{"claude-3-haiku", "claude-sonnet-4-5", "claude-opus-5"} {
			out, err := Format{}.EncodeRequest(nil, q, model)
			if err == nil && json.Valid(body) && !json.Valid(out) {
				t.Fatalf("not JSON: %s", out)
			}
		}
	})
}
