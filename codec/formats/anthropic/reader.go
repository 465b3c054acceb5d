package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// reader reads a request of this format.
type reader struct{ fields.Reader }

func (r *reader) cache(v rawjson.Value) *codec.Cache {
	if v.Kind != rawjson.Object {
		return nil
	}
	ttl, _ := rawjson.Text(r.Data, v.Get(r.Data, "ttl"))
	return &codec.Cache{TTL: ttl}
}
