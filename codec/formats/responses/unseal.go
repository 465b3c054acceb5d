package responses

import (
	"bytes"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/strip"
)

var _ codec.Sealer = Format{}

// MaySeal implements codec.Sealer.
func (Format) MaySeal(body []byte) bool { return bytes.Contains(body, []byte(`"`+envelope+`.`)) }

// Unsealed implements codec.Sealer. OpenAI answers that "The encrypted content could not be verified" to what it has
// not sealed.
func (Format) Unsealed(body []byte) []byte {
	return strip.Elements(body, "input", "", func(v rawjson.Value) bool {
		if v.Kind != rawjson.Object {
			return false
		}
		kind, _ := rawjson.Text(body, v.Get(body, "type"))
		value, _ := rawjson.Text(body, v.Get(body, "encrypted_content"))
		return kind == "reasoning" && strings.HasPrefix(value, envelope+".")
	})
}
