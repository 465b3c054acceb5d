// Package openai is the chat completions format: the passthrough path, which touches only the few bytes that must
// change, and the full translation to and from the neutral model.
package openai

import (
	"uniapi/codec"
	"uniapi/codec/choice"
	"uniapi/codec/fields"
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
)

// Head is what routing needs to know of a chat request, and where it stands in the body. What it watches are the
// members below.
type Head front.Head

// The members that Head.Watched has.
const (
	watchedModel   = iota
	watchedOptions // stream_options
	watchedUsage   // include_usage, inside them
	watchedInput
)

func (h *Head) model() rawjson.Value         { return h.Watched[watchedModel] }
func (h *Head) streamOptions() rawjson.Value { return h.Watched[watchedOptions] }
func (h *Head) includeUsage() rawjson.Value  { return h.Watched[watchedUsage] }

// IsResponses says whether this is a Responses request: it has an input in the place of messages.
func (h *Head) IsResponses() bool {
	return h.Messages.Kind == rawjson.Missing && h.Watched[watchedInput].Present()
}

// ReadHead finds in one pass what routing needs, and checks that the body is one JSON object in which each member that
// the gateway reads is there once. An error is a *codec.Error with status 400. It does not allocate.
func ReadHead(body []byte) (h Head, err error) {
	if err = h.read(body); err == nil {
		err = front.Named(h.model())
	}
	return h, err
}

func (h *Head) read(body []byte) error {
	var seen fields.Seen
	var stream rawjson.Value
	it := rawjson.MembersOf(body)
	for it.Step() {
		n, err := Known.Take(&seen, &it)
		if err != nil {
			return err
		}
		switch n {
		case knownModel:
			h.Watched[watchedModel] = it.Value
		case knownStream:
			stream = it.Value
		case knownMessages:
			h.Messages = it.Whole()
		case knownTools:
			tools := it.Elements()
			h.Choosing = choice.Hosted(body, &tools, false) || h.Choosing
			it.Leave(&tools.Walk)
			h.Tools = it.Whole()
		case knownInput:
			h.Watched[watchedInput] = it.Value
		case knownStreamOptions:
			h.Watched[watchedOptions] = it.Whole()
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
		return front.NotAnObject(body, err)
	}
	h.Choosing = h.Choosing || seen.Marked
	return h.check(body, stream)
}

// check reads the values that were found.
func (h *Head) check(body []byte, stream rawjson.Value) error {
	if err := (*front.Head)(h).Asks(body, h.model(), stream); err != nil {
		return err
	}
	if !h.Stream {
		return nil
	}
	switch options := h.streamOptions(); options.Kind {
	case rawjson.Object:
		h.Watched[watchedUsage] = options.Get(body, "include_usage")
		h.IncludeUsage = h.includeUsage().Kind == rawjson.True
	case rawjson.Missing, rawjson.Null:
	default:
		return codec.BadRequest("stream_options", "'stream_options' must be an object, not "+options.Kind.String())
	}
	return nil
}
