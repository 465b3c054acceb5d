package cohere

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// DecodeError reads an upstream's error: a message, and a status of which two are Cohere's own.
func (Format) DecodeError(status int, contentType string, body []byte) *codec.Error {
	e := codec.ReadError(status, contentType, body)
	switch status {
	case 498: // a token that it does not know
		e.Status, e.Class, e.Code = 401, codec.Auth, "invalid_api_key"
	case 499: // it has given up; no mistake of the client's
		e.Status, e.Class, e.Type = 502, codec.Server, "server_error"
	}
	return settled(e)
}

// settled finds in Cohere's words what OpenAI has a code for.
func settled(e *codec.Error) *codec.Error {
	switch {
	case e.Status == 400 && strings.Contains(e.Message, "too many tokens"):
		e.Class, e.Code = codec.TooLong, "context_length_exceeded"
	case e.Status == 404 && strings.Contains(e.Message, "model"):
		e.Code = "model_not_found"
	}
	return e
}

// answerFailure is the error in what came where an answer was due.
func answerFailure(body []byte) *codec.Error {
	if e := codec.FailureIn(body); e != nil {
		return settled(e)
	}
	return codec.NoAnswer("the upstream answered in another format than Cohere's")
}

// finishFailure is the error that an answer of that finish_reason is, nil if it is an answer.
func finishFailure(word, message string) *codec.Error {
	if finishes[word] != codec.FinishError {
		return nil
	}
	e := codec.NoAnswer("the upstream could not finish its answer: " + strings.Clone(word))
	if message != "" {
		e.Message = strings.Clone(message)
	}
	if word == "TIMEOUT" {
		e.Status, e.Class = 504, codec.Unready
	}
	return e
}

// EncodeError implements codec.Format.
func (Format) EncodeError(dst []byte, e *codec.Error) []byte {
	return append(rawjson.Str(append(dst, '{'), "message", e.Message), '}')
}
