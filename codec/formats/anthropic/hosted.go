package anthropic

import (
	"bytes"
	"slices"

	"uniapi/codec/rawjson"
)

// eagerInput is a member of tools that Anthropic's own API has and Bedrock refuses. SDKs send it with every stream.
const eagerInput = "eager_input_streaming"

// WithoutEagerInput returns a request without it, for Bedrock. A body that has none is returned as it is.
func WithoutEagerInput(body []byte) []byte {
	if !bytes.Contains(body, []byte(eagerInput)) {
		return body
	}
	top, err := rawjson.One(body)
	if err != nil {
		return body
	}
	tools := []byte{'['}
	for list := top.Get(body, "tools").Elements(body); list.Next(); {
		raw := list.Value.Raw(body)
		var s rawjson.Splicer
		s.Remove(eagerInput)
		if parts, err := s.Parts(nil, raw); err == nil {
			raw = slices.Concat(parts...)
		}
		tools = append(rawjson.Comma(tools), raw...)
	}
	if len(tools) == 1 {
		return body // the words are elsewhere
	}
	var s rawjson.Splicer
	s.Set("tools", append(tools, ']'))
	parts, err := s.Parts(nil, body)
	if err != nil {
		return body
	}
	return slices.Concat(parts...)
}
