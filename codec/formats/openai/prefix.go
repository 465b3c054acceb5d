package openai

import (
	"slices"
	"strings"

	"uniapi/codec/rawjson"
)

// Prefixes says whether an upstream goes on with the assistant's words at the end of a conversation where they are marked as a prefix. Mistral does
// (docs.mistral.ai/guides/prefix), and DeepSeek at the address of its beta (api-docs.deepseek.com/guides/chat_prefix_completion).
func Prefixes(host, path string) bool {
	switch strings.ToLower(host) {
	case "api.mistral.ai", "codestral.mistral.ai":
		return true
	case "api.deepseek.com":
		return strings.HasPrefix(path, "/beta")
	}
	return false
}

// MarkPrefix returns a request whose last message is marked as a prefix, in memory of its own; the request itself if it has no messages.
func MarkPrefix(body []byte) []byte {
	top, err := rawjson.One(body)
	if err != nil {
		return body
	}
	end := 0
	for list := top.Get(body, "messages").Elements(body); list.Next(); {
		end = 0
		if list.Value.Kind == rawjson.Object {
			end = list.Value.End - len("}")
		}
	}
	if end == 0 {
		return body
	}
	return slices.Concat(body[:end], []byte(`,"prefix":true`), body[end:])
}
