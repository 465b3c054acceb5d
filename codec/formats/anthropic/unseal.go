package anthropic

import (
	"bytes"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/strip"
)

var _ codec.Sealer = Format{}

// MaySeal implements codec.Sealer.
func (Format) MaySeal(body []byte) bool { return bytes.Contains(body, []byte(envelope)) }

// Unsealed implements codec.Sealer. Claude's hosts answer "Invalid `signature` in `thinking` block" to thinking that
// Claude has not signed.
func (Format) Unsealed(body []byte) []byte {
	out := strip.Elements(body, "messages", "content", func(v rawjson.Value) bool {
		if v.Kind != rawjson.Object {
			return false
		}
		member := map[string]string{"thinking": "signature", "redacted_thinking": "data"}
		kind, _ := rawjson.Text(body, v.Get(body, "type"))
		value, _ := rawjson.Text(body, v.Get(body, member[kind]))
		return member[kind] != "" && strings.HasPrefix(value, envelope)
	})
	if len(out) == len(body) {
		return body
	}
	return unthought(out)
}
