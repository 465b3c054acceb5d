// Package openai is the chat completions format: the passthrough path, which touches only the few bytes that must change, and
// the full translation to and from the neutral model.
package openai

import (
	"strings"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/choice"
	"uniapi/codec/fields"
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

	// Choosing is whether the request may name other models, or leave the choice to the provider: see choice.Names.
	Choosing bool

	model, stream, streamOptions rawjson.Value
	includeUsage                 rawjson.Value // inside streamOptions
	input                        bool          // there is one
}

// IsResponses says whether this is a Responses request: it has an input in the place of messages.
func (h *Head) IsResponses() bool { return h.Messages.Kind == rawjson.Missing && h.input }

// ReadHead finds in one pass what routing needs, and checks that the body is one JSON object in which each member that the gateway reads is
// there once. An error is a *codec.Error with status 400. It does not allocate.
func ReadHead(body []byte) (h Head, err error) {
	if err = h.read(body); err == nil {
		err = h.named()
	}
	return h, err
}

// ReadUnnamed is ReadHead for an endpoint that has a model for requests without one: Model is "" then.
func ReadUnnamed(body []byte) (h Head, err error) {
	err = h.read(body)
	return h, err
}

func (h *Head) read(body []byte) error {
	var seen fields.Seen
	it := rawjson.MembersOf(body)
	for it.Step() {
		n, err := Known.Take(&seen, &it)
		if err != nil {
			return err
		}
		switch n {
		case knownModel:
			h.model = it.Value
		case knownStream:
			h.stream = it.Value
		case knownMessages:
			h.Messages = it.Whole()
		case knownTools:
			tools := it.Elements()
			h.Choosing = choice.Hosted(body, &tools, false) || h.Choosing
			it.Leave(&tools.Walk)
			h.Tools = it.Whole()
		case knownInput:
			h.input = it.Value.Present()
		case knownStreamOptions:
			h.streamOptions = it.Whole()
			fallthrough
		default:
			choosing, err := Known.Enter(n, body, it.Whole())
			if err != nil {
				return err
			}
			h.Choosing = h.Choosing || choosing || n == knownToolChoice && choice.Chosen(body, it.Whole())
		}
	}
	if err := it.Err(); err != nil {
		return notAnObject(body, err)
	}
	h.Choosing = h.Choosing || seen.Marked
	return h.check(body)
}

// named says that a model is missing, if it is.
func (h *Head) named() error {
	if h.model.Present() {
		return nil
	}
	return codec.BadRequest("model", "you must provide a model parameter")
}

// check reads the values that were found.
func (h *Head) check(body []byte) error {
	switch h.model.Kind {
	case rawjson.Missing, rawjson.Null:
	case rawjson.String:
		model, ok := rawjson.Text(body, h.model)
		if !ok || !utf8.ValidString(model) { // of bytes that are no text every reader makes another name
			return codec.BadRequest("model", "'model' is not a valid JSON string")
		}
		if strings.TrimSpace(model) == "" {
			return codec.BadRequest("model", "'model' must not be empty")
		}
		h.Model = model
	default:
		return codec.BadRequest("model", "'model' must be a string, not "+h.model.Kind.String())
	}

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
