package openai

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// callState is a tool call that is under way in a stream.
type callState struct {
	place     int64  // among the calls of the choice
	given, id string // the upstream's id, and the one that it has for the client
	name      string
	started   bool
	held      []byte // arguments that came before the name
}

// toolDelta reads a piece of a tool call.
func (d *streamDecoder) toolDelta(dst []codec.Event, data []byte, v rawjson.Value, c *choiceState) []codec.Event {
	members := v.Members(data)
	parts := readCall(&members)
	start := len(dst)
	dst = d.callDelta(dst, data, &parts, parts.piece(data, c.index), c)
	if len(dst) > start && dst[start].Kind == codec.EventToolStart {
		dst[start].Custom = parts.custom
		if s, _ := rawjson.Text(data, parts.extra.Get(data, "google").Get(data, "thought_signature")); s != "" {
			dst[start].Signature = codec.Signature{Provider: "google", Value: s}
		}
	}
	return dst
}

// functionDelta reads a piece of a function_call, of which there is one in a choice.
func (d *streamDecoder) functionDelta(dst []codec.Event, data []byte, v rawjson.Value, c *choiceState) []codec.Event {
	members := v.Members(data)
	var parts callParts
	parts.name, parts.arguments = readFunction(&members)
	return d.callDelta(dst, data, &parts, callPiece{choice: c.index, numbered: true, index: legacyCall}, c)
}

// callDelta goes on with the call that a piece belongs to. A call starts when its name is known.
func (d *streamDecoder) callDelta(dst []codec.Event, data []byte, parts *callParts, p callPiece, c *choiceState) []codec.Event {
	if len(d.open) == codec.MaxCalls && d.calls.find(&p) < 0 {
		d.err = codec.TooMany(codec.MaxCalls, "tool calls")
		return dst
	}
	at, begins := d.calls.take(&p)
	if begins {
		d.open = append(d.open, callState{place: c.calls})
		c.calls++
	}
	call := &d.open[at]
	if call.given == "" {
		id, _ := rawjson.Text(data, parts.id)
		call.given = string([]byte(id))
	}
	if !call.started {
		if name, _ := rawjson.Text(data, parts.name); name != "" {
			if call.id = call.given; call.id == "" || d.calls.list[at].twin {
				call.id = codec.NewID("call_")
			}
			call.name = string([]byte(name))
			call.started = true
			dst = append(dst, codec.Event{Kind: codec.EventToolStart, Choice: c.index, Index: call.place, ID: call.id, Name: call.name})
			if len(call.held) > 0 {
				dst = append(dst, codec.Event{Kind: codec.EventToolArguments, Choice: c.index, Index: call.place, Text: call.held})
			}
		}
	}
	text := rawjson.TextIn(&d.text, data, parts.arguments)
	if parts.arguments.Kind == rawjson.Object {
		text = parts.arguments.Raw(data)
	}
	switch {
	case len(text) == 0:
	case !call.started:
		call.held = append(call.held, text...)
	default:
		dst = append(dst, codec.Event{Kind: codec.EventToolArguments, Choice: c.index, Index: call.place, Text: text})
	}
	return dst
}
