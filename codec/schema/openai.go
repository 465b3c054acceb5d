package schema

import (
	"slices"

	"uniapi/codec/rawjson"
)

// withItems gives items to an array that does not say of what it is.
func withItems(members []member) []member {
	if !isArray(find(members, "type")) || find(members, "items") != nil {
		return members
	}
	return append(slices.Clone(members), member{"items", object()})
}

func isArray(kind *node) bool {
	if kind != nil && kind.kind == rawjson.Array {
		return slices.ContainsFunc(kind.items, func(n *node) bool { return n.text() == "array" })
	}
	return kind.text() == "array"
}

// FitsOpenAI says whether OpenAI takes a schema as that of a function's parameters as it is, so that nothing need be
// changed. It is false for what is no schema. It keeps nothing of it: it is asked of each tool of each request that
// passes.
func FitsOpenAI(raw []byte) bool {
	it := rawjson.MembersOf(raw)
	object, properties, fits := false, false, true
	for fits && it.Step() {
		switch it.Name() {
		case "anyOf", "oneOf", "allOf", "enum", "not", "$ref":
			return false
		case "type":
			word, _ := rawjson.Text(raw, it.Value)
			object = word == "object"
		case "properties":
			properties = true
		}
		fits = fitsBelow(raw, it.Value, &it.Walk, 1)
	}
	return fits && it.Err() == nil && object && properties
}

// fitsBelow goes through the value that a walk is at, and says whether each array in it says of what it is.
func fitsBelow(raw []byte, v rawjson.Value, w *rawjson.Walk, depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch v.Kind {
	case rawjson.Array:
		it := w.Elements()
		for it.Step() {
			if !fitsBelow(raw, it.Value, &it.Walk, depth+1) {
				return false
			}
		}
		w.Leave(&it.Walk)
	case rawjson.Object:
		it := w.Members()
		array, items := false, false
		for it.Step() {
			switch it.Name() {
			case "type":
				if it.Value.Kind == rawjson.Array {
					list := it.Elements()
					for list.Step() {
						word, _ := rawjson.Text(raw, list.Value)
						array = array || word == "array"
					}
					it.Leave(&list.Walk)
					continue
				}
				word, _ := rawjson.Text(raw, it.Value)
				array = word == "array"
			case "items":
				items = true
			}
			if !fitsBelow(raw, it.Value, &it.Walk, depth+1) {
				return false
			}
		}
		if array && !items {
			return false
		}
		w.Leave(&it.Walk)
	}
	return true
}
