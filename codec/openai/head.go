// Package openai is the chat completions format: the passthrough path, which touches only the few bytes that must change, and
// the full translation to and from the neutral model.
package openai

import (
	"strings"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Head is what routing needs to know of a chat request, and where it stands in the body.
type Head struct {
	// Model is the name the client asked for, decoded. It aliases the body unless it held an escape: clone it to keep it longer
	// than the body.
	Model string
	// Stream is whether the client wants events.
	Stream bool
	// IncludeUsage is whether the client itself asked for the usage chunk.
	IncludeUsage bool
	// Messages and Tools are offsets for those who look closer; Kind Missing if absent.
	Messages, Tools rawjson.Value

	model, stream, streamOptions rawjson.Value
	includeUsage                 rawjson.Value // inside streamOptions
	// earlier holds the values of model, stream and stream_options that a later one of the same name overrules, in body order.
	// Nil in every sane request.
	earlier []overruled
}

type overruled struct {
	name  byte // 'm', 's' or 'o'
	value rawjson.Value
}

// ReadHead finds in one pass what routing needs, and checks that the body is one JSON object. Of a member that occurs twice the
// last one counts. An error is a *codec.Error with status 400. It does not allocate.
func ReadHead(body []byte) (Head, error) {
	var h Head
	it := rawjson.MembersOf(body)
	for it.Next() {
		switch name := it.Name(); name {
		case "model":
			h.overrule('m', &h.model, it.Value)
		case "stream":
			h.overrule('s', &h.stream, it.Value)
		case "stream_options":
			h.overrule('o', &h.streamOptions, it.Value)
		case "messages":
			h.Messages = it.Value
		case "tools":
			h.Tools = it.Value
		default:
			// Readers that ignore case (Go's among them) would take this for the model, past the check that the key may use it.
			if len(name) == len("model") && strings.EqualFold(name, "model") {
				return h, codec.BadRequest(strings.Clone(name), "unknown field '"+name+"': did you mean 'model'?")
			}
		}
	}
	if err := it.Err(); err != nil {
		return h, notAnObject(body, err)
	}
	return h, h.check(body)
}

func (h *Head) overrule(name byte, slot *rawjson.Value, v rawjson.Value) {
	if slot.Kind != rawjson.Missing {
		h.earlier = append(h.earlier, overruled{name, *slot})
	}
	*slot = v
}

// check reads the values that were found.
func (h *Head) check(body []byte) error {
	switch h.model.Kind {
	case rawjson.Missing, rawjson.Null:
		return codec.BadRequest("model", "you must provide a model parameter")
	case rawjson.String:
	default:
		return codec.BadRequest("model", "'model' must be a string, not "+h.model.Kind.String())
	}
	model, ok := rawjson.Text(body, h.model)
	if !ok || !utf8.ValidString(model) { // of bytes that are no text every reader makes another name
		return codec.BadRequest("model", "'model' is not a valid JSON string")
	}
	if strings.TrimSpace(model) == "" {
		return codec.BadRequest("model", "'model' must not be empty")
	}
	h.Model = model

	switch h.stream.Kind {
	case rawjson.True:
		h.Stream = true
	case rawjson.Missing, rawjson.Null, rawjson.False:
	default:
		return codec.BadRequest("stream", "'stream' must be true or false, not "+h.stream.Kind.String())
	}
	if !h.Stream {
		return nil
	}
	switch h.streamOptions.Kind {
	case rawjson.Object:
		h.includeUsage = h.streamOptions.Get(body, "include_usage")
		h.IncludeUsage = h.includeUsage.Kind == rawjson.True
	case rawjson.Missing, rawjson.Null:
	default:
		return codec.BadRequest("stream_options", "'stream_options' must be an object, not "+h.streamOptions.Kind.String())
	}
	return nil
}

// notAnObject words the error for a body that is not one good JSON object.
func notAnObject(body []byte, cause error) error {
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
