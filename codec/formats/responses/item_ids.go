package responses

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"uniapi/codec/rawjson"
)

// OpenAI gives every kind of item ids with a beginning of its own, and refuses a request in which an item has
// another's. Servers that speak Responses beside it do not all keep to that, and what they have answered comes back in
// the next request, which may go to one that does.

// idPrefixes are how the ids of items begin, by their type. Ids of other types are left as they are.
var idPrefixes = map[string]string{
	"message": "msg", "reasoning": "rs", "function_call": "fc", "function_call_output": "fco", "custom_tool_call": "ctc", "custom_tool_call_output": "ctco",
	"tool_search_call": "tsc",
}

const (
	longestID = 64
	hashedID  = 40 // hexadecimal digits in the place of what cannot be kept of an id
)

// canonicalID is the id that OpenAI takes for an item of a type, the same for the same id wherever it stands; "" if id
// is one, or nothing is known of the type.
func canonicalID(kind, id string) string {
	prefix := idPrefixes[kind]
	if prefix == "" || id == "" {
		return ""
	}
	begins, rest, cut := strings.Cut(id, "_")
	if cut && alphanumeric(begins) && alphanumeric(rest) && len(prefix)+1+len(rest) <= longestID {
		if begins == prefix {
			return ""
		}
		return prefix + "_" + rest
	}
	sum := sha256.Sum256([]byte(id))
	return prefix + "_" + hex.EncodeToString(sum[:])[:hashedID]
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return s != ""
}

// idEdit is an id that is to be another one.
type idEdit struct {
	at rawjson.Value
	id string
}

// WithItemIDs is a request, an answer or an event with the ids of its items as OpenAI has them. If they are, or nothing
// of it can be read, it is the same slice. What is inside of items stays as it is, as do the ids by which calls and
// their results belong together.
func WithItemIDs(body []byte) []byte {
	edits := idEdits(body)
	if len(edits) == 0 {
		return body
	}
	out, from := make([]byte, 0, len(body)+len(edits)*longestID), 0
	for _, e := range edits {
		out = append(append(append(append(out, body[from:e.at.Start]...), '"'), e.id...), '"')
		from = e.at.End
	}
	return append(out, body[from:]...)
}

// idEdits are what is to be changed, in its order.
func idEdits(body []byte) (edits []idEdit) {
	top, err := rawjson.One(body)
	if err != nil {
		return nil
	}
	var kind, part string
	if it, _ := rawjson.Text(body, top.Get(body, "type")); it != "" {
		part, _ = rawjson.Text(body, top.Get(body, "part").Get(body, "type"))
		kind = itemOfEvent(it, part)
	}
	for it := top.Members(body); it.Next(); {
		switch it.Name() {
		case "item_id":
			edits = appendIDEdit(edits, body, kind, it.Value)
		case "item":
			edits = appendItemEdits(edits, body, it.Value)
		case "input", "output":
			edits = appendListEdits(edits, body, it.Value)
		case "response":
			for inner := it.Value.Members(body); inner.Next(); {
				if inner.Name() == "output" {
					edits = appendListEdits(edits, body, inner.Value)
				}
			}
		}
	}
	return edits
}

// itemOfEvent is the type of the item that an event is of, which may be about a part of it; "" if that cannot be told.
func itemOfEvent(event, part string) string {
	event, is := strings.CutPrefix(event, "response.")
	if !is {
		return ""
	}
	of, _, _ := strings.Cut(event, ".")
	switch of {
	case "output_text", "refusal":
		return "message"
	case "content_part":
		if part == "reasoning_text" {
			return "reasoning"
		}
		return "message"
	case "reasoning_text", "reasoning_summary_text", "reasoning_summary_part":
		return "reasoning"
	case "function_call_arguments":
		return "function_call"
	case "custom_tool_call_input":
		return "custom_tool_call"
	}
	return ""
}

func appendListEdits(edits []idEdit, body []byte, list rawjson.Value) []idEdit {
	if list.Kind != rawjson.Array {
		return edits
	}
	for items := list.Elements(body); items.Next(); {
		edits = appendItemEdits(edits, body, items.Value)
	}
	return edits
}

// appendItemEdits looks at an item. A message of a request may leave its type out.
func appendItemEdits(edits []idEdit, body []byte, item rawjson.Value) []idEdit {
	if item.Kind != rawjson.Object {
		return edits
	}
	kind, _ := rawjson.Text(body, item.Get(body, "type"))
	if kind == "" && item.Get(body, "role").Kind == rawjson.String {
		kind = "message"
	}
	if idPrefixes[kind] == "" {
		return edits
	}
	for it := item.Members(body); it.Next(); {
		if it.Name() == "id" {
			edits = appendIDEdit(edits, body, kind, it.Value)
		}
	}
	return edits
}

func appendIDEdit(edits []idEdit, body []byte, kind string, v rawjson.Value) []idEdit {
	if v.Kind != rawjson.String {
		return edits
	}
	id, _ := rawjson.Text(body, v)
	if other := canonicalID(kind, id); other != "" {
		edits = append(edits, idEdit{v, other})
	}
	return edits
}
