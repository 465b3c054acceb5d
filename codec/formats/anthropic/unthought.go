package anthropic

import (
	"slices"
	"strings"

	"uniapi/codec/rawjson"
)

// unthought is a request, from which thinking of other providers has been taken, as Claude takes it. With a budget for
// thinking the turn that goes on must begin with a thought, "Expected `thinking` or `redacted_thinking`, but found
// `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block … To avoid this
// requirement, disable `thinking`" (https://docs.claude.com/en/docs/build-with-claude/extended-thinking), so where
// another provider has begun to call tools Claude goes on without. Edits of the context that clear thoughts are refused
// then, too.
func unthought(body []byte) []byte {
	top, err := rawjson.One(body)
	if err != nil {
		return body
	}
	if kind, _ := rawjson.Text(body, top.Get(body, "thinking").Get(body, "type")); kind != "enabled" || !goesOnUnthought(body, top.Get(body, "messages")) {
		return body
	}
	var s rawjson.Splicer
	s.Set("thinking", []byte(`{"type":"disabled"}`))
	if managed := top.Get(body, "context_management"); managed.Kind == rawjson.Object {
		s.Set("context_management", keepingThoughts(managed.Raw(body)))
	}
	parts, err := s.Parts(nil, body)
	if err != nil {
		return body
	}
	return slices.Concat(parts...)
}

// goesOnUnthought says whether a conversation ends with what tools came to, in a turn of the model's that begins with
// no thought.
func goesOnUnthought(body []byte, messages rawjson.Value) bool {
	begins, open := "", false // with which block the turn does; whether results are the last that there is
	for list := messages.Elements(body); list.Next(); {
		content := list.Value.Get(body, "content")
		first, results := blocksOf(body, content)
		switch role, _ := rawjson.Text(body, list.Value.Get(body, "role")); {
		case role == "assistant":
			if begins == "" {
				begins = first
			}
			open = false
		case results:
			open = begins != ""
		default: // with words of the user's own another turn begins
			begins, open = "", false
		}
	}
	return open && begins != "thinking" && begins != "redacted_thinking"
}

// blocksOf is the kind of a message's first block, "text" if it is a text, and whether some are results of tools:
// agents write beside these what the user did not say.
func blocksOf(body []byte, content rawjson.Value) (first string, results bool) {
	if content.Kind != rawjson.Array {
		return "text", false
	}
	for list := content.Elements(body); list.Next(); {
		kind, _ := rawjson.Text(body, list.Value.Get(body, "type"))
		if first == "" {
			first = kind
		}
		results = results || kind == "tool_result"
	}
	return first, results
}

// keepingThoughts is the management of a context without edits that clear thoughts; nil if it has no others.
func keepingThoughts(managed []byte) []byte {
	top, err := rawjson.One(managed)
	if err != nil {
		return managed
	}
	edits, left := top.Get(managed, "edits"), []byte{'['}
	for list := edits.Elements(managed); list.Next(); {
		if kind, _ := rawjson.Text(managed, list.Value.Get(managed, "type")); strings.HasPrefix(kind, "clear_thinking") {
			continue
		}
		if len(left) > 1 {
			left = append(left, ',')
		}
		left = append(left, list.Value.Raw(managed)...)
	}
	if len(left) == 1 {
		return nil
	}
	var s rawjson.Splicer
	s.Set("edits", append(left, ']'))
	parts, err := s.Parts(nil, managed)
	if err != nil {
		return managed
	}
	return slices.Concat(parts...)
}
