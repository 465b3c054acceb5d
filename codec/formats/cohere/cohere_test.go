package cohere

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
	"uniapi/codec/internal/golden"
)

func TestChatBecomesARequest(t *testing.T) {
	golden.Run(t, "testdata/encode.txt", func(t *testing.T, model string, in []byte) []byte {
		q, err := openai.Format{}.DecodeRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Format{}.EncodeRequest(nil, q, model)
		if err != nil {
			return []byte("error: " + err.Error())
		}
		if !json.Valid(out) {
			t.Errorf("not JSON: %s", out)
		}
		if again, _ := (Format{}).EncodeRequest(nil, q, model); !bytes.Equal(out, again) {
			t.Errorf("the second attempt differs: %s", again)
		}
		return out
	})
}

func TestRequestsBecomeChat(t *testing.T) {
	golden.Run(t, "testdata/decode.txt", func(t *testing.T, _ string, in []byte) []byte {
		q, err := Format{}.DecodeRequest(in)
		if err != nil {
			return []byte("error: " + err.Error())
		}
		out, err := openai.Format{}.EncodeRequest(nil, q, "up")
		if err != nil {
			return []byte("error: " + err.Error())
		}
		return out
	})
}

func TestAnswersBecomeChat(t *testing.T) {
	golden.Run(t, "testdata/response.txt", func(t *testing.T, _ string, in []byte) []byte {
		a, err := Format{}.DecodeResponse(bytes.TrimSpace(in))
		if err != nil {
			return []byte("error: " + err.Error())
		}
		return head.ReplaceAll(openai.Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"}), nil)
	})
}

// head is what every answer begins with, and what differs from run to run.
var head = regexp.MustCompile(`"id":"[^"]*","object":"chat.completion(?:.chunk)?","created":\d+,"model":"m",`)

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

// toChat is what a chat client gets of a stream.
func toChat(stream []byte, n int) []byte {
	q := &codec.Request{Model: "m", IncludeUsage: true}
	return head.ReplaceAll(translate(Format{}.NewStreamDecoder(), openai.Format{}.NewStreamEncoder(q), stream, n), nil)
}

// events makes a stream of lines, each the data of an event.
func events(lines []byte) (stream []byte) {
	for line := range bytes.Lines(lines) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			stream = fmt.Appendf(stream, "data: %s\n\n", line)
		}
	}
	return stream
}

func TestStreamsBecomeChat(t *testing.T) {
	golden.Run(t, "testdata/stream.txt", func(t *testing.T, _ string, in []byte) []byte {
		stream := events(in)
		whole := toChat(stream, len(stream))
		for _, n := range []int{1, 7, 100} {
			if got := toChat(stream, n); !bytes.Equal(got, whole) {
				t.Errorf("in pieces of %d:\n%s\nwhole:\n%s", n, got, whole)
			}
		}
		return whole
	})
}

func TestAnswersAreWrittenForCoheresClients(t *testing.T) {
	golden.Run(t, "testdata/encode_response.txt", func(t *testing.T, _ string, in []byte) []byte {
		a, err := openai.Format{}.DecodeResponse(in)
		if err != nil {
			t.Fatal(err)
		}
		return Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"})
	})
}

func TestStreamsAreWrittenForCoheresClients(t *testing.T) {
	golden.Run(t, "testdata/encode_stream.txt", func(t *testing.T, _ string, in []byte) []byte {
		stream := events(in)
		return translate(openai.Format{}.NewStreamDecoder(), Format{}.NewStreamEncoder(&codec.Request{Model: "m"}), stream, len(stream))
	})
}

func TestWhatIsNoStreamIsAnError(t *testing.T) {
	for in, want := range map[string]string{
		`{"message":"invalid api token"}`:                      "invalid api token",
		"<html><title>Down</title></html>":                     "HTML page: Down",
		"event: error\ndata: {\"message\":\"overloaded\"}\n\n": "overloaded",
		"event: error\n\n":                                     "broke the stream off",
		"":                                                     "empty response",
	} {
		if out := string(toChat([]byte(in), 9)); !strings.Contains(out, want) || strings.Contains(out, "[DONE]") {
			t.Errorf("%q gave %s", in, out)
		}
	}
}

func TestErrorsSayWhoseMistakeItWas(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		class  codec.Class
		told   int
		code   string
	}{
		{400, `{"message":"invalid request: k must be between 0 and 500"}`, codec.ClientMistake, 400, ""},
		{400, `{"message":"too many tokens: the prompt and max_tokens must not exceed 128000"}`, codec.TooLong, 400, "context_length_exceeded"},
		{401, `{"message":"invalid api token"}`, codec.Auth, 401, ""},
		{404, `{"message":"model 'x' not found"}`, codec.NotFound, 404, "model_not_found"},
		{498, `{"message":"invalid token"}`, codec.Auth, 401, "invalid_api_key"},
		{499, `{"message":"request cancelled"}`, codec.Server, 502, ""},
		{429, `{"message":"trial key limit"}`, codec.RateLimit, 429, ""},
	} {
		e := Format{}.DecodeError(test.status, "application/json", []byte(test.body))
		if e.Class != test.class || e.Status != test.told || e.Code != test.code || e.Message == "" {
			t.Errorf("%d %s: %+v", test.status, test.body, e)
		}
	}
	if out := string(Format{}.EncodeError(nil, codec.NoAnswer("no"))); out != `{"message":"no"}` {
		t.Error(out)
	}
}
