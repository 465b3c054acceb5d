package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// errorTypes are Anthropic's words for errors: the status that belongs to each, and OpenAI's type and code.
var errorTypes = []struct {
	word   string
	status int
	class  codec.Class
	kind   string
	code   string
}{
	{"invalid_request_error", 400, codec.ClientMistake, "invalid_request_error", ""},
	{"authentication_error", 401, codec.Auth, "invalid_request_error", "invalid_api_key"},
	{"billing_error", 402, codec.Auth, "insufficient_quota", "insufficient_quota"},
	{"permission_error", 403, codec.Auth, "permission_error", ""},
	{"not_found_error", 404, codec.NotFound, "invalid_request_error", "model_not_found"},
	{"request_too_large", 413, codec.TooLong, "invalid_request_error", "request_too_large"},
	{"rate_limit_error", 429, codec.RateLimit, "rate_limit_error", "rate_limit_exceeded"},
	{"api_error", 500, codec.Server, "server_error", ""},
	{"overloaded_error", 503, codec.Unready, "server_error", "overloaded"},
	{"timeout_error", 504, codec.Unready, "server_error", "timeout"},
}

// DecodeError reads the error of an upstream's answer, whatever its shape: proxies and clouds before it write their
// own.
func (Format) DecodeError(status int, contentType string, body []byte) *codec.Error {
	return translated(codec.ReadError(status, contentType, body))
}

// translated says Anthropic's type of an error in OpenAI's words.
func translated(e *codec.Error) *codec.Error {
	for _, t := range errorTypes {
		if t.word == e.Type {
			e.Type = t.kind
			if e.Code == "" && (t.code != "model_not_found" || e.Status == 404) {
				e.Code = t.code
			}
		}
	}
	if e.Class == codec.TooLong && e.Status == 400 {
		e.Code = "context_length_exceeded"
	}
	return e
}

// streamError reads the object of an error event. Its type is all that tells the status, unless a relay says it by
// number.
func streamError(data []byte, v rawjson.Value) *codec.Error {
	e := &codec.Error{Status: 502, InAnswer: true, Message: "the upstream broke the stream off with an error"}
	if s, _ := rawjson.Text(data, v.Get(data, "message")); s != "" {
		e.Message = string([]byte(s))
	}
	word, _ := rawjson.Text(data, v.Get(data, "type"))
	e.KeepRaw(v.Raw(data))
	for _, t := range errorTypes {
		if t.word == word {
			e.Status, e.Type = t.status, t.word
		}
	}
	var said codec.Error
	if said.SaysError(data, v); said.Status != 0 {
		e.Status, e.Numbered = said.Status, true
	}
	e.Classify(nil)
	return translated(e)
}

// answerFailure is the error in what came where an answer was due.
func answerFailure(body []byte) *codec.Error {
	if e := codec.FailureIn(body); e != nil {
		return translated(e)
	}
	return codec.NoAnswer("the upstream answered in another format than Anthropic's")
}

// EncodeError writes the error as Anthropic's clients expect it.
func (Format) EncodeError(dst []byte, e *codec.Error) []byte {
	dst = append(dst, `{"type":"error","error":{`...)
	dst = rawjson.Str(dst, "type", errorWord(e))
	dst = rawjson.Str(dst, "message", e.Message)
	if e.Code == noThreads {
		dst = append(rawjson.Str(append(rawjson.Key(dst, "details"), '{'), "error_code", e.Code), '}')
	}
	return append(dst, "}}"...)
}

func errorWord(e *codec.Error) string {
	status := e.Status
	switch {
	case e.Class == codec.Unready && status != 504 && status != 408:
		status = 503
	case status == 408:
		status = 504
	}
	for _, t := range errorTypes {
		if t.status == status {
			return t.word
		}
	}
	if status < 500 {
		return "invalid_request_error"
	}
	return "api_error"
}
