package front

import (
	"strings"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Asks takes the model and whether a stream is wanted from their members, and says what is wrong with them. A missing
// model is none yet.
func (h *Head) Asks(body []byte, model, stream rawjson.Value) error {
	switch model.Kind {
	case rawjson.Missing, rawjson.Null:
	case rawjson.String:
		name, ok := rawjson.Text(body, model)
		if !ok || !utf8.ValidString(name) { // of bytes that are no text every reader makes another name
			return codec.BadRequest("model", "'model' is not a valid JSON string")
		}
		if strings.TrimSpace(name) == "" {
			return codec.BadRequest("model", "'model' must not be empty")
		}
		h.Model = name
	default:
		return codec.BadRequest("model", "'model' must be a string, not "+model.Kind.String())
	}
	switch stream.Kind {
	case rawjson.True:
		h.Stream = true
	case rawjson.Missing, rawjson.Null, rawjson.False:
	default:
		return codec.BadRequest("stream", "'stream' must be true or false, not "+stream.Kind.String())
	}
	return nil
}

// Named says that a model is missing, if it is.
func Named(model rawjson.Value) error {
	if model.Present() {
		return nil
	}
	return codec.BadRequest("model", "you must provide a model parameter")
}

// NotAnObject words the error for a body that is not one good JSON object.
func NotAnObject(body []byte, cause error) error {
	v, err := rawjson.One(body)
	switch {
	case len(body) == 0:
		return codec.BadRequest("", "the request body is empty: send a JSON object with 'model' and 'messages'")
	case err == nil && v.Kind != rawjson.Object:
		return codec.BadRequest("", "the request body must be a JSON object, not "+v.Kind.String())
	}
	if err != nil {
		cause = err // it may have seen more than that there is no object
	}
	return codec.BadRequest("", "the request body is not valid JSON: "+cause.Error())
}
