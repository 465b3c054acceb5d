package openai

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// readMeta reads what Cohere's endpoints, and those who copied them, count.
func readMeta(data []byte, meta rawjson.Value) (codec.Usage, bool) {
	u, said := codec.ReadUsage(data, meta.Get(data, "tokens"))
	if !said {
		u, said = codec.ReadUsage(data, meta.Get(data, "billed_units"))
	}
	return u, said
}
