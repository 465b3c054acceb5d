package bedrock

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/eventstream"
	"uniapi/codec/formats/openai"
	"uniapi/codec/internal/golden"
)

func TestChatRequestsAreWrittenForBedrock(t *testing.T) {
	golden.Run(t, "testdata/encode.txt", func(t *testing.T, model string, in []byte) []byte {
		q, err := openai.Format{}.DecodeRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		var f codec.Format = Format{}
		if rest, ok := strings.CutPrefix(model, "invoke "); ok {
			f, model = Invoke.WithBetas([]string{"context-1m-2025-08-07", "no-such-beta", "context-1m-2025-08-07"}, capability.Find(capability.Query{Place: "bedrock", Format: capability.Messages, Model: rest})), rest
		}
		out, err := f.EncodeRequest(nil, q, model)
		if err != nil {
			return []byte("error " + err.Error())
		}
		if !json.Valid(out) {
			t.Errorf("not JSON: %s", out)
		}
		if again, _ := f.EncodeRequest(nil, q, model); !bytes.Equal(out, again) {
			t.Errorf("the second attempt differs: %s", again)
		}
		return out
	})
}

func TestConverseRequestsAreReadForChatUpstreams(t *testing.T) {
	golden.Run(t, "testdata/decode.txt", func(t *testing.T, _ string, in []byte) []byte {
		q, err := Format{}.DecodeRequest(in)
		if err != nil {
			return []byte("error " + err.Error())
		}
		out, err := openai.Format{}.EncodeRequest(nil, q, "up")
		if err != nil {
			t.Fatal(err)
		}
		return out
	})
}

func TestAnswersAreReadForChatClients(t *testing.T) {
	head := regexp.MustCompile(`"id":"chatcmpl-[^"]*","object":"chat.completion","created":\d+,"model":"m",`)
	golden.Run(t, "testdata/response.txt", func(t *testing.T, _ string, in []byte) []byte {
		a, err := Format{}.DecodeResponse(in)
		if err != nil {
			return openai.AppendError(nil, err.(*codec.Error))
		}
		return head.ReplaceAll(openai.Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"}), nil)
	})
}

// frames makes a stream of lines as in testdata/stream.txt.
func frames(lines []byte) (stream []byte) {
	for line := range bytes.Lines(lines) {
		name, payload, _ := bytes.Cut(bytes.TrimSpace(line), []byte{' '})
		switch {
		case len(name) == 0:
		case name[0] == '!':
			stream = eventstream.AppendException(stream, string(name[1:]), payload)
		case string(name) == "chunk":
			payload = []byte(`{"bytes":"` + base64.StdEncoding.EncodeToString(payload) + `","p":"abcd"}`)
			fallthrough
		default:
			stream = eventstream.AppendEvent(stream, string(name), payload)
		}
	}
	return stream
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

var chunkHead = regexp.MustCompile(`"id":"chatcmpl-[^"]*","object":"chat.completion.chunk","created":\d+,"model":"m",`)

func toChat(stream []byte, n int) []byte {
	q := &codec.Request{Model: "m", IncludeUsage: true}
	return chunkHead.ReplaceAll(translate(Format{}.NewStreamDecoder(), openai.Format{}.NewStreamEncoder(q), stream, n), nil)
}

func TestStreamsAreReadForChatClients(t *testing.T) {
	golden.Run(t, "testdata/stream.txt", func(t *testing.T, _ string, in []byte) []byte {
		stream := frames(in)
		whole := toChat(stream, len(stream)+1)
		for _, n := range []int{1, 2, 7, 50, 333} {
			if pieces := toChat(stream, n); !bytes.Equal(pieces, whole) {
				t.Errorf("in pieces of %d\n%s", n, pieces)
			}
		}
		return whole
	})
}

func TestWhatIsNoStreamIsAnError(t *testing.T) {
	damaged := frames([]byte("messageStart {}"))
	damaged[len(damaged)-1]++
	for in, want := range map[string]string{
		`{"message":"no such thing"}`:                  "no such thing",
		`<html><title>Down</title></html>`:             "HTML page: Down",
		string(damaged):                                "checksum",
		string(frames([]byte("messageStart {}"))[:20]): "before its answer was complete",
	} {
		if out := string(toChat([]byte(in), 9)); !strings.Contains(out, want) || strings.Contains(out, "[DONE]") {
			t.Errorf("%q gave %s", in, out)
		}
	}
}

func TestErrorsKeepTheirMeaning(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   int
		class  codec.Class
		code   string
	}{
		{400, `{"message":"Malformed input"}`, 400, codec.ClientMistake, ""},
		{400, `{"message":"The provided model identifier is invalid."}`, 400, codec.NotFound, "model_not_found"},
		{400, `{"message":"Invocation of model ID x with on-demand throughput isn’t supported."}`, 400, codec.NotFound, "model_not_found"},
		{400, `{"message":"Input is too long for requested model."}`, 400, codec.TooLong, "context_length_exceeded"},
		{403, `{"Message":"The security token included in the request is expired"}`, 403, codec.Auth, ""},
		{424, `{"message":"the model failed"}`, 502, codec.Server, ""},
		{429, `{"message":"Too many requests"}`, 429, codec.RateLimit, ""},
		{503, `{"message":"busy"}`, 503, codec.Unready, ""},
	} {
		e := Format{}.DecodeError(c.status, "application/json", []byte(c.body))
		if e.Status != c.want || e.Class != c.class || e.Code != c.code || e.Message == "" {
			t.Errorf("%d %s: %+v", c.status, c.body, e)
		}
	}
}
