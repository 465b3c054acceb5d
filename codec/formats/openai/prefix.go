package openai

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

var _ codec.Prefixer = Format{}

// Prefixes implements codec.Prefixer. Mistral does, but not with tools (github.com/mistralai/client-python/issues/186;
// docs.mistral.ai/guides/prefix), and DeepSeek at the address of its beta
// (api-docs.deepseek.com/guides/chat_prefix_completion).
func (Format) Prefixes(host, path string, q *codec.Request) bool {
	if len(q.Tools) > 0 {
		return false
	}
	switch strings.ToLower(host) {
	case "api.mistral.ai", "codestral.mistral.ai":
		return true
	case "api.deepseek.com":
		return strings.HasPrefix(path, "/beta")
	}
	return false
}

// MarkPrefix implements codec.Prefixer.
func (Format) MarkPrefix(body []byte) []byte {
	top, err := rawjson.One(body)
	if err != nil {
		return body
	}
	end, marked := 0, false
	for list := top.Get(body, "messages").Elements(body); list.Next(); {
		end = 0
		if list.Value.Kind == rawjson.Object {
			end = list.Value.End - len("}")
			marked = list.Value.Get(body, "prefix").Present()
		}
	}
	if end == 0 || marked {
		return body
	}
	return slices.Concat(body[:end], []byte(`,"prefix":true`), body[end:])
}
