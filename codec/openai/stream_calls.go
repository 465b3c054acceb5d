package openai

import (
	"strconv"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// callState is a tool call that is under way in a stream.
type callState struct {
	place    int64 // among the calls of the choice
	id, name string
	started  bool
	held     []byte // arguments that came before the name
}

// toolDelta reads a piece of a tool call. Without an index an id that is new begins a call, and no id goes on with the last.
func (d *streamDecoder) toolDelta(dst []codec.Event, data []byte, v rawjson.Value, c *choiceState) []codec.Event {
	id, _ := rawjson.Text(data, v.Get(data, "id"))
	upstream, ok := rawjson.Int(data, v.Get(data, "index"))
	if !ok {
		upstream = c.unnumbered(id)
	}
	call := d.call(c, upstream, id)
	if d.err != nil {
		return dst
	}
	inner, custom := v.Get(data, "function"), false
	if inner.Kind != rawjson.Object {
		inner = v.Get(data, "custom")
		custom = inner.Kind == rawjson.Object
	}
	start := len(dst)
	dst = d.functionDelta(dst, data, inner, call, c.index)
	if len(dst) > start && dst[start].Kind == codec.EventToolStart {
		dst[start].Custom = custom
		google := v.Get(data, "extra_content").Get(data, "google")
		if s, _ := rawjson.Text(data, google.Get(data, "thought_signature")); s != "" {
			dst[start].Signature = codec.Signature{Provider: "google", Value: s}
		}
	}
	return dst
}

// functionDelta reads the name and arguments. A call starts when its name is known.
func (d *streamDecoder) functionDelta(dst []codec.Event, data []byte, v rawjson.Value, call *callState, choice int64) []codec.Event {
	index := call.place
	if !call.started {
		if name, _ := rawjson.Text(data, v.Get(data, "name")); name != "" {
			call.name = string([]byte(name))
			call.started = true
			dst = append(dst, codec.Event{Kind: codec.EventToolStart, Choice: choice, Index: index, ID: call.id, Name: call.name})
			if len(call.held) > 0 {
				dst = append(dst, codec.Event{Kind: codec.EventToolArguments, Choice: choice, Index: index, Text: call.held})
			}
		}
	}
	arguments := v.Get(data, "arguments")
	if !arguments.Present() {
		arguments = v.Get(data, "input")
	}
	text := rawjson.TextIn(&d.text, data, arguments)
	if arguments.Kind == rawjson.Object {
		text = arguments.Raw(data)
	}
	switch {
	case len(text) == 0:
	case !call.started:
		call.held = append(call.held, text...)
	default:
		dst = append(dst, codec.Event{Kind: codec.EventToolArguments, Choice: choice, Index: index, Text: text})
	}
	return dst
}

// call finds a call by the upstream's index, or takes it up.
func (d *streamDecoder) call(c *choiceState, upstream int64, id string) *callState {
	if known := c.calls.Find(upstream); known != nil {
		return known
	}
	if d.calls++; d.calls > codec.MaxCalls {
		d.err = codec.TooMany(codec.MaxCalls, "tool calls")
		return &callState{}
	}
	if id == "" {
		id = "call_" + strconv.Itoa(c.calls.Len())
	}
	c.last = upstream
	return c.calls.Add(upstream, callState{place: int64(c.calls.Len()), id: string([]byte(id))})
}

func (c *choiceState) unnumbered(id string) int64 {
	for upstream, known := range c.calls.All() {
		if known.id == id {
			return upstream
		}
	}
	if id == "" && c.calls.Len() > 0 {
		return c.last
	}
	return int64(c.calls.Len())
}
