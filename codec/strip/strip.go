// Package strip takes out of requests what a provider does not take.
package strip

import (
	"bytes"
	"slices"

	"uniapi/codec/rawjson"
)

// toolFields are the members of a request that speak of tools.
var toolFields = []string{"tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"}

// imageRemoved stands where a message would have nothing left: providers refuse empty content.
const imageRemoved = `[{"type":"text","text":"[image removed: this provider takes none]"}]`

// Request returns the request without what a provider does not take: tools (tools: false in api.yaml), and images in
// messages (image: false). Everything else stays byte for byte; a body that has none of it is returned as it is.
func Request(body []byte, tools, images bool) []byte {
	var s rawjson.Splicer
	changed := false
	it := rawjson.MembersOf(body)
	for it.Next() {
		switch name := it.Name(); {
		case tools && slices.Contains(toolFields, name):
			s.Remove(name)
			changed = true
		case images && name == "messages":
			if without, found := withoutImages(body, it.Value); found {
				s.Set("messages", without)
				changed = true
			}
		}
	}
	if !changed || it.Err() != nil {
		return body
	}
	parts, err := s.Parts(nil, body)
	if err != nil {
		return body
	}
	return slices.Concat(parts...)
}

// withoutImages rebuilds the messages that have image parts.
func withoutImages(body []byte, messages rawjson.Value) (out []byte, found bool) {
	if messages.Kind != rawjson.Array || !bytes.Contains(messages.Raw(body), []byte("image")) {
		return nil, false
	}
	out = []byte{'['}
	for list := messages.Elements(body); list.Next(); {
		if len(out) > 1 {
			out = append(out, ',')
		}
		content := list.Value.Get(body, "content")
		left, removed := textParts(body, content)
		if !removed {
			out = append(out, list.Value.Raw(body)...)
			continue
		}
		found = true
		out = append(out, body[list.Value.Start:content.Start]...)
		out = append(out, left...)
		out = append(out, body[content.End:list.Value.End]...)
	}
	return append(out, ']'), found
}

// textParts is a message's content without its images.
func textParts(body []byte, content rawjson.Value) (left []byte, removed bool) {
	if content.Kind != rawjson.Array {
		return nil, false
	}
	left = []byte{'['}
	for parts := content.Elements(body); parts.Next(); {
		kind, _ := rawjson.Text(body, parts.Value.Get(body, "type"))
		if kind == "image_url" || kind == "input_image" || kind == "image" {
			removed = true
			continue
		}
		if len(left) > 1 {
			left = append(left, ',')
		}
		left = append(left, parts.Value.Raw(body)...)
	}
	if len(left) == 1 {
		return []byte(imageRemoved), removed
	}
	return append(left, ']'), removed
}
