package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// reader reads a request of this format.
type reader struct {
	fields.Reader
	added   []codec.Tool    // by blocks of the conversation
	places  map[string]int  // of those, by their names
	removed map[string]bool // by them, and not added again
}

func (r *reader) cache(v rawjson.Value) *codec.Cache {
	if v.Kind != rawjson.Object {
		return nil
	}
	ttl, _ := rawjson.Text(r.Data, v.Get(r.Data, "ttl"))
	return &codec.Cache{TTL: ttl}
}
