package gemini

import (
	"bytes"
	"encoding/hex"
	"encoding/json"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// functionCall reads a call, whole or, as Vertex streams them on demand, a piece of one.
func (a *answer) functionCall(dst []codec.Event, data []byte, v rawjson.Value, signature string, c *candidate) []codec.Event {
	var id, name string
	var args, pieces rawjson.Value
	more := false
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "id":
			id = a.keep(data, it.Value)
		case "name":
			name = a.keep(data, it.Value)
		case "args":
			args = it.Value
		case "partialArgs":
			pieces = it.Value
		case "willContinue":
			more = it.Value.Kind == rawjson.True
		}
	}
	if name != "" {
		dst = a.closeCall(dst, c)
		if a.calls++; a.calls > codec.MaxCalls {
			a.err = codec.TooMany(codec.MaxCalls, "tool calls")
			return dst
		}
		dst = a.say(dst, c, codec.Event{Kind: codec.EventToolStart, Index: c.calls, Name: name,
			ID: toolid.Join(a.callID(id), codec.Signature{Provider: provider, Value: signature})})
		if signature != "" {
			dst[len(dst)-1].Signature = codec.Signature{Provider: provider, Value: signature}
		}
		c.open = &partialCall{}
		c.calls++
	}
	if c.open == nil {
		return dst
	}
	if args.Kind == rawjson.Object {
		c.open.whole = compact(args.Raw(data))
	}
	for it := pieces.Elements(data); it.Next(); {
		c.open.add(data, it.Value)
	}
	if more {
		return dst
	}
	return a.closeCall(dst, c)
}

// compact takes the line breaks out of JSON, which some answers are indented with. Decoded texts may be in use, so it
// makes a copy.
func compact(raw []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return bytes.Clone(raw)
	}
	return b.Bytes()
}

// closeCall says the arguments of the open call, if there is one.
func (a *answer) closeCall(dst []codec.Event, c *candidate) []codec.Event {
	if c.open == nil {
		return dst
	}
	text := c.open.arguments()
	c.open = nil
	dst = a.say(dst, c, codec.Event{Kind: codec.EventToolArguments, Index: c.calls - 1, Text: text})
	return a.say(dst, c, codec.Event{Kind: codec.EventToolEnd, Index: c.calls - 1})
}

// callID is the id of a call: the upstream's, or else one made of the answer's. Both are made to be new in this answer.
func (a *answer) callID(given string) string {
	if a.ids == nil {
		a.ids = toolid.Used{}
	}
	return a.ids.Take(given, "call_"+hex.EncodeToString(a.seed[:8])+"_")
}
