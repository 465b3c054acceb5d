package openai

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// searchTool is what Google's OpenAI-compatible endpoint takes for its web search.
const (
	searchTool     = `{"type":"function","function":{"name":"googleSearch","description":"googleSearch"}}`
	searchToolName = "googleSearch"
)

var _ codec.Searcher = Format{}

// WithSearch implements codec.Searcher. It is a chat request that has Google's web search among its tools, in their
// format. One that has it is returned as it is.
func (Format) WithSearch(body []byte) []byte {
	var tools rawjson.Value
	for it := rawjson.MembersOf(body); it.Next(); {
		if it.Name() == "tools" {
			tools = it.Value
		}
	}
	list := []byte{'['}
	if tools.Kind == rawjson.Array {
		for all := tools.Elements(body); all.Next(); {
			if name, _ := rawjson.Text(body, all.Value.Get(body, "function").Get(body, "name")); name == searchToolName {
				return body
			}
			list = append(append(list, all.Value.Raw(body)...), ',')
		}
	}
	var s rawjson.Splicer
	s.Set("tools", append(append(list, searchTool...), ']'))
	parts, err := s.Parts(nil, body)
	if err != nil {
		return body // it is not an object: the provider says so
	}
	return slices.Concat(parts...)
}
