package openai

import (
	"strconv"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// callState is a tool call that is under way in a stream.
type callState struct {
	upstream int64 // the index that the upstream gave it
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
	call := c.call(upstream, id)
	inner, custom := v.Get(data, "function"), false
	if inner.Kind != rawjson.Object {
		inner = v.Get(data, "custom")
		custom = inner.Kind == rawjson.Object
	}
	start := len(dst)
	dst = d.functionDelta(dst, data, inner, call, c.index, c.position(call))
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
func (d *streamDecoder) functionDelta(dst []codec.Event, data []byte, v rawjson.Value, call *callState, choice, index int64) []codec.Event {
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
	text := d.decode(data, arguments)
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

func (c *choiceState) call(upstream int64, id string) *callState {
	for i := range c.calls {
		if c.calls[i].upstream == upstream {
			return &c.calls[i]
		}
	}
	if id == "" {
		id = "call_" + strconv.Itoa(len(c.calls))
	}
	c.calls = append(c.calls, callState{upstream: upstream, id: string([]byte(id))})
	return &c.calls[len(c.calls)-1]
}

func (c *choiceState) position(call *callState) int64 {
	for i := range c.calls {
		if &c.calls[i] == call {
			return int64(i)
		}
	}
	return 0
}

func (c *choiceState) unnumbered(id string) int64 {
	for _, known := range c.calls {
		if known.id == id {
			return known.upstream
		}
	}
	if id == "" && len(c.calls) > 0 {
		return c.calls[len(c.calls)-1].upstream
	}
	return int64(len(c.calls))
}
