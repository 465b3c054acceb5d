// Package words says in plain text what stands in a part of a conversation that only its own format knows, such as the
// work of a provider's tools: another provider's model can read it, though it cannot be told in that form.
package words

import (
	"bytes"
	"slices"
	"strings"

	"uniapi/codec/rawjson"
)

// unread are members that say nothing to a reader: names of things at the provider, proofs, and what only the provider
// can open.
var unread = []string{"id", "status", "call_id", "tool_use_id", "item_id", "container_id", "signature", "cache_control", "thoughtSignature",
	"thought_signature", "logprobs", "encrypted_content", "encrypted_index", "encrypted_stdout", "encrypted_code", "page_age"}

const (
	// mostSolid is how long a text without a space may be: longer ones are images, files, or sealed.
	mostSolid = 1 << 10
	// deepest is how far values stand within one another at most.
	deepest = 64
)

// Of is what a JSON object says, under a name for what it is; "" if it says nothing.
func Of(name string, data []byte, v rawjson.Value) string {
	said := appendValue(nil, data, v, 0)
	if len(said) <= len(`{}`) {
		return ""
	}
	return "[" + name + ": " + string(said) + "]"
}

// appendValue writes a value without what nobody can read. Nothing is written of one that holds nothing else.
func appendValue(dst []byte, data []byte, v rawjson.Value, depth int) []byte {
	before := len(dst)
	switch {
	case depth > deepest || v.Kind == rawjson.Missing || v.Kind == rawjson.Null:
	case v.Kind == rawjson.String:
		if !solid(v.Raw(data)) {
			dst = append(dst, v.Raw(data)...)
		}
	case v.Kind == rawjson.Array:
		dst = append(dst, '[')
		for it := v.Elements(data); it.Next(); {
			at := len(dst)
			dst = rawjson.Comma(dst)
			mark := len(dst)
			if dst = appendValue(dst, data, it.Value, depth+1); len(dst) == mark {
				dst = dst[:at]
			}
		}
		dst = closed(append(dst, ']'), before)
	case v.Kind == rawjson.Object:
		dst = append(dst, '{')
		for it := v.Members(data); it.Next(); {
			name := it.Name()
			if slices.Contains(unread, name) || name == "type" && depth == 0 { // which the name of the whole tells
				continue
			}
			at := len(dst)
			dst = rawjson.Key(dst, name)
			mark := len(dst)
			if dst = appendValue(dst, data, it.Value, depth+1); len(dst) == mark {
				dst = dst[:at]
			}
		}
		dst = closed(append(dst, '}'), before)
	default:
		dst = append(dst, v.Raw(data)...)
	}
	return dst
}

// closed is dst without the list or object that begins at a place, if that is empty.
func closed(dst []byte, start int) []byte {
	if len(dst)-start <= len(`{}`) {
		return dst[:start]
	}
	return dst
}

// solid says whether a text is nothing that anybody reads.
func solid(text []byte) bool {
	return len(text) <= len(`""`) || len(text) > mostSolid && bytes.IndexByte(text[:mostSolid], ' ') < 0 && !bytes.Contains(text[:mostSolid], []byte(`\n`))
}

// Named is a text under a heading, either of which may be empty.
func Named(heading, text string) string {
	if heading == "" || text == "" {
		return heading + text
	}
	return heading + "\n\n" + text
}

// Joined are texts with an empty line between them, without those that are empty.
func Joined(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "\n\n")
}
