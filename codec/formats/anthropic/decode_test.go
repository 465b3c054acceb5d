package anthropic

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/formats/openai"
	"uniapi/codec/internal/golden"
)

func TestMessagesRequestsAreReadForChatUpstreams(t *testing.T) {
	golden.Run(t, "testdata/decode.txt", func(t *testing.T, _ string, in []byte) []byte {
		q, err := Format{}.DecodeRequest(in)
		if err != nil {
			return []byte("error " + err.Error())
		}
		if q, _, err = alternation.Repair(q, Format{}, openai.Format{}, nil); err != nil {
			return []byte("error " + err.Error())
		}
		out, err := openai.Format{}.EncodeRequest(nil, q, "up")
		if err != nil || !json.Valid(out) {
			t.Errorf("%s, %v", out, err)
		}
		return out
	})
}

func TestAnswersAreReadForChatClients(t *testing.T) {
	created := regexp.MustCompile(`"created":\d+`)
	golden.Run(t, "testdata/response.txt", func(t *testing.T, _ string, in []byte) []byte {
		a, err := Format{}.DecodeResponse(in)
		if err != nil {
			return openai.AppendError(nil, err.(*codec.Error))
		}
		out := openai.Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"})
		if !json.Valid(out) {
			t.Error("not JSON")
		}
		return created.ReplaceAll(out, []byte(`"created":1`))
	})
}

// translate feeds a stream to a decoder in pieces of n bytes and writes it with an encoder.
func translate(d codec.StreamDecoder, e codec.StreamEncoder, stream []byte, n int) []byte {
	var out []byte
	var events []codec.Event
	var err error
	for i := 0; i < len(stream) && err == nil; i += n {
		piece := bytes.Clone(stream[i:min(i+n, len(stream))])
		events, err = d.Push(events[:0], piece)
		for j := range events {
			out = e.Append(out, &events[j])
		}
		for j := range piece {
			piece[j] = 'x' // events are valid until the next Push only
		}
	}
	if err == nil {
		events, err = d.End(events[:0])
		for j := range events {
			out = e.Append(out, &events[j])
		}
	}
	if err != nil {
		return e.Fail(out, err.(*codec.Error))
	}
	return e.End(out)
}

func TestStreamsAreReadForChatClients(t *testing.T) {
	head := regexp.MustCompile(`"id":"chatcmpl-[^"]*","object":"chat.completion.chunk","created":\d+,"model":"m",`)
	golden.Run(t, "testdata/stream.txt", func(t *testing.T, _ string, in []byte) []byte {
		q := &codec.Request{Model: "m", IncludeUsage: true}
		read := func(n int) []byte {
			return head.ReplaceAll(translate(Format{}.NewStreamDecoder(), openai.Format{}.NewStreamEncoder(q), in, n), nil)
		}
		whole := read(len(in))
		for _, n := range []int{1, 2, 7, 50, 333} {
			if pieces := read(n); !bytes.Equal(pieces, whole) {
				t.Errorf("in pieces of %d\n%s", n, pieces)
			}
		}
		return whole
	})
}

func TestOnlyAMessagesOwnEventsAreText(t *testing.T) {
	for text, stream := range map[string]string{
		"":    vertexs + unknown + opening + finishing("max_tokens") + stopped,
		"a":   vertexs + before + vertexs + delta("a") + unknown + behind,
		"ab":  before + delta("a") + delta("b") + behind + delta("b") + counted,
		"abc": before + delta("a") + delta("b") + behind + opening + block + delta("c") + behind,
	} {
		d := Format{}.NewStreamDecoder()
		var got []byte
		take := func(events []codec.Event, err error) {
			for _, e := range events {
				if e.Kind == codec.EventText {
					got = append(got, e.Text...)
				}
			}
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
		take(d.Push(nil, []byte(stream)))
		take(d.End(nil))
		if string(got) != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
}
