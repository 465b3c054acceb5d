package anthropic

import (
	"encoding/json"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
	"uniapi/codec/internal/golden"
)

var asked = &codec.Request{Model: "m", Body: []byte(`{"messages":[{"role":"user","content":"How many tokens is this, in round numbers?"}]}`)}

func TestAnswersAreWrittenForAnthropicsClients(t *testing.T) {
	golden.Run(t, "testdata/encode_response.txt", func(t *testing.T, _ string, in []byte) []byte {
		a, err := openai.Format{}.DecodeResponse(in)
		if err != nil {
			t.Fatal(err)
		}
		out := Format{}.EncodeResponse(nil, a, asked)
		if !json.Valid(out) {
			t.Error("not JSON")
		}
		return out
	})
}

func TestStreamsAreWrittenForAnthropicsClients(t *testing.T) {
	golden.Run(t, "testdata/encode_stream.txt", func(t *testing.T, _ string, in []byte) []byte {
		return translate(openai.Format{}.NewStreamDecoder(), Format{}.NewStreamEncoder(asked), in, len(in))
	})
}

func TestErrorsKeepTheirMeaning(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		class  codec.Class
		want   string // status, OpenAI's words, and what an Anthropic client gets
	}{
		{400, `{"type":"error","error":{"type":"invalid_request_error","message":"m"}}`, codec.ClientMistake, `400 invalid_request_error  invalid_request_error`},
		{400, `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}`, codec.TooLong, `400 invalid_request_error context_length_exceeded invalid_request_error`},
		{401, `{"type":"error","error":{"type":"authentication_error","message":"m"}}`, codec.Auth, `401 invalid_request_error invalid_api_key authentication_error`},
		{403, `{"type":"error","error":{"type":"permission_error","message":"m"}}`, codec.Auth, `403 permission_error  permission_error`},
		{404, `{"type":"error","error":{"type":"not_found_error","message":"model: x"}}`, codec.NotFound, `404 invalid_request_error model_not_found not_found_error`},
		{413, `{"type":"error","error":{"type":"request_too_large","message":"m"}}`, codec.TooLong, `413 invalid_request_error request_too_large request_too_large`},
		{429, `{"type":"error","error":{"type":"rate_limit_error","message":"m"}}`, codec.RateLimit, `429 rate_limit_error rate_limit_exceeded rate_limit_error`},
		{500, `{"type":"error","error":{"type":"api_error","message":"m"}}`, codec.Server, `500 server_error  api_error`},
		{529, `{"type":"error","error":{"type":"overloaded_error","message":"m"}}`, codec.Unready, `529 server_error overloaded overloaded_error`},
		{504, `{"type":"error","error":{"type":"timeout_error","message":"m"}}`, codec.Unready, `504 server_error timeout timeout_error`},
		{502, `<html>`, codec.Server, `502 server_error  api_error`},
	} {
		e := Format{}.DecodeError(c.status, "application/json", []byte(c.body))
		var back struct {
			Error struct{ Type, Message string }
		}
		if err := json.Unmarshal(Format{}.EncodeError(nil, e), &back); err != nil || back.Error.Message != e.Message {
			t.Errorf("%+v, %v", back, err)
		}
		got, _ := json.Marshal(e.Status)
		if s := string(got) + " " + e.Type + " " + e.Code + " " + back.Error.Type; s != c.want || e.Class != c.class {
			t.Errorf("%d %s\n got %s, %s\nwant %s, %s", c.status, c.body, s, e.Class, c.want, c.class)
		}
	}
}
