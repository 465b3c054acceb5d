package bedrock

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// exceptions are AWS's names for errors, without Exception behind them and in lower case.
var exceptions = []struct {
	name   string
	status int
}{
	{"validation", 400}, {"accessdenied", 403}, {"expiredtoken", 403}, {"unrecognizedclient", 403}, {"invalidsignature", 403},
	{"resourcenotfound", 404}, {"unknownoperation", 404}, {"throttling", 429}, {"modelnotready", 429}, {"servicequotaexceeded", 429},
	{"modelstreamerror", 502}, {"modelerror", 502}, {"internalserver", 500}, {"serviceunavailable", 503}, {"modeltimeout", 504},
}

// modelTexts are messages of a 400 that say that the model cannot be had here. Another channel may have it.
var modelTexts = []string{"model identifier is invalid", "on-demand throughput isn", "doesn't support the model", "not authorized to invoke"}

// DecodeError reads an upstream's error: a message, whose kind the status tells.
func (Format) DecodeError(status int, contentType string, body []byte) *codec.Error {
	e := codec.ReadError(status, contentType, body)
	if e.Status == 424 { // the model failed, not the client
		e.Status, e.Class, e.Type = 502, codec.Server, "server_error"
	}
	return settled(e)
}

func settled(e *codec.Error) *codec.Error {
	for _, text := range modelTexts {
		if e.Status == 400 && strings.Contains(e.Message, text) {
			e.Class, e.Code = codec.NotFound, "model_not_found"
		}
	}
	if e.Class == codec.TooLong && e.Status == 400 {
		e.Code = "context_length_exceeded"
	}
	return e
}

// exceptionError makes an error of an exception's name and its payload.
func exceptionError(name string, payload []byte) *codec.Error {
	e := &codec.Error{Status: 502, InAnswer: true, Message: "the upstream broke the stream off: " + name}
	if v, err := rawjson.One(payload); err == nil {
		for _, member := range []string{"message", "Message", "originalMessage"} {
			if s, _ := rawjson.Text(payload, v.Get(payload, member)); s != "" {
				e.Message = string([]byte(s))
				break
			}
		}
		e.KeepRaw(payload)
	}
	low := strings.ToLower(name)
	for _, x := range exceptions {
		if strings.HasPrefix(low, x.name) {
			e.Status = x.status
		}
	}
	e.Classify(nil)
	return settled(e)
}

// answerFailure is the error in what came where an answer was due.
func answerFailure(body []byte) *codec.Error {
	if v, err := rawjson.One(body); err == nil {
		for _, inner := range []rawjson.Value{v, v.Get(body, "Output")} {
			if kind, _ := rawjson.Text(body, inner.Get(body, "__type")); kind != "" {
				_, name, found := strings.Cut(kind, "#")
				if !found {
					name = kind
				}
				e := exceptionError(name, inner.Raw(body))
				e.Message = strings.Replace(e.Message, "broke the stream off", "answered", 1)
				return e
			}
		}
	}
	if e := codec.FailureIn(body); e != nil {
		return e
	}
	return codec.NoAnswer("the upstream answered in another format than Bedrock's")
}

// EncodeError writes the error as AWS's clients expect it; the kind they read from a header.
func (Format) EncodeError(dst []byte, e *codec.Error) []byte {
	dst = append(dst, '{')
	return append(rawjson.Str(dst, "message", e.Message), '}')
}

// exceptionOf is the name of the exception for a stream that has begun.
func exceptionOf(e *codec.Error) string {
	switch {
	case e.Status == 429:
		return "throttlingException"
	case e.Status == 503:
		return "serviceUnavailableException"
	case e.Status == 504 || e.Status == 408:
		return "modelTimeoutException"
	case e.Status < 500:
		return "validationException"
	case e.Class == codec.Cut:
		return "modelStreamErrorException"
	}
	return "internalServerException"
}
