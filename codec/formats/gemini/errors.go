package gemini

import (
	"bytes"
	"strings"
	"time"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// DecodeError reads Google's error object, bare or in an array. What else may stand in its place (pages of proxies,
// plain text, nothing) is the same for all providers.
func (Format) DecodeError(status int, contentType string, body []byte) *codec.Error {
	e := codec.ReadError(status, contentType, body)
	text := bytes.TrimSpace(body)
	if v, err := rawjson.One(text); err == nil {
		readDetails(e, text, errorObject(text, v))
	}
	return e
}

// errorObject finds the object that has message and status.
func errorObject(data []byte, v rawjson.Value) rawjson.Value {
	if it := v.Elements(data); it.Next() {
		v = it.Value
	}
	return v.Get(data, "error")
}

// readDetails adds what only Google's errors tell: the status as a word, and how long to wait.
func readDetails(e *codec.Error, data []byte, v rawjson.Value) {
	if word, _ := rawjson.Text(data, v.Get(data, "status")); word != "" {
		e.Code = strings.Clone(word)
		e.Bound()
	}
	for it := v.Get(data, "details").Elements(data); it.Next(); {
		if delay, ok := rawjson.Text(data, it.Value.Get(data, "retryDelay")); ok {
			if wait, err := time.ParseDuration(delay); err == nil && wait > 0 {
				e.RetryAfter = wait
			}
		}
	}
}

// answerError is the error of an object that came where an answer was due.
func answerError(data []byte, v rawjson.Value) *codec.Error {
	inner := errorObject(data, v)
	var said codec.Error
	said.SaysError(data, inner)
	status, numbered := said.Status, said.Status != 0 && said.Status != 499 // which is their connection cut, not our client
	if !numbered {
		status = 502
	}
	e := codec.ReadError(status, "", v.Raw(data))
	readDetails(e, data, inner)
	e.InAnswer, e.Numbered = true, numbered
	return e
}

// notAnAnswer is the error for bytes that are no answer in this format.
func notAnAnswer(body []byte) *codec.Error {
	text := bytes.TrimSpace(body)
	if len(text) == 0 {
		return codec.Empty()
	}
	e := codec.ReadError(502, "", text)
	e.InAnswer, e.Class = true, codec.Semantic
	return e
}

// foreignError is the error for text among the events of a stream: one of Google's as bare JSON, or something else.
func foreignError(text []byte) *codec.Error {
	text = bytes.TrimSpace(text)
	if v, err := rawjson.One(text); err == nil && errorObject(text, v).Present() {
		return answerError(text, v)
	}
	return notAnAnswer(text)
}

// errBlocked is the error for a prompt or an answer of which a filter left nothing.
func errBlocked(reason, message string) *codec.Error {
	text := "the upstream refused the request: " + reason
	if message != "" {
		text += ": " + message
	}
	return &codec.Error{Status: 400, Class: codec.ContentPolicy, Type: "invalid_request_error", Code: "content_filter", InAnswer: true,
		Message: text}
}

// statusWords are Google's names for statuses.
var statusWords = map[int]string{400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 402: "PERMISSION_DENIED", 403: "PERMISSION_DENIED",
	404: "NOT_FOUND", 408: "DEADLINE_EXCEEDED", 409: "ABORTED", 413: "INVALID_ARGUMENT", 422: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
	499: "CANCELLED", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED", 529: "UNAVAILABLE"}

// EncodeError writes the error as Google's clients know it.
func (Format) EncodeError(dst []byte, e *codec.Error) []byte {
	word := statusWords[e.Status]
	switch {
	case word != "":
	case e.Status >= 400 && e.Status < 500:
		word = "FAILED_PRECONDITION"
	default:
		word = "INTERNAL"
	}
	dst = append(dst, `{"error":{`...)
	dst = rawjson.Num(dst, "code", int64(e.Status))
	dst = rawjson.Str(dst, "message", e.Message)
	return append(rawjson.Str(dst, "status", word), "}}"...)
}

// Fail implements codec.StreamEncoder.
func (s *streamEncoder) Fail(dst []byte, e *codec.Error) []byte {
	frame := s.format.EncodeError(nil, e)
	if !s.format.Array {
		return sse.AppendData(dst, frame)
	}
	return append(append(s.separate(dst), frame...), ']')
}
