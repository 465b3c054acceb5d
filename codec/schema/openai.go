package schema

import (
	"slices"

	"uniapi/codec/rawjson"
)

// withItems gives items to an array that does not say of what it is.
func withItems(members []member) []member {
	if !isArray(find(members, "type")) || find(members, "items") != nil || find(members, "prefixItems") != nil {
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

// FitsOpenAI says whether OpenAI takes a schema as that of a function's parameters as it is, so that nothing need be changed. It is false for
// what is no schema.
func FitsOpenAI(raw []byte) bool {
	root, err := parse(raw)
	if err != nil || root.kind != rawjson.Object {
		return false
	}
	for _, name := range []string{"anyOf", "oneOf", "allOf", "enum", "not", "$ref"} {
		if root.get(name) != nil {
			return false
		}
	}
	return root.get("type").text() == "object" && root.get("properties") != nil && fitsBelow(root)
}

// fitsBelow says whether each array in a schema says of what it is.
func fitsBelow(n *node) bool {
	switch n.kind {
	case rawjson.Array:
		return !slices.ContainsFunc(n.items, func(item *node) bool { return !fitsBelow(item) })
	case rawjson.Object:
		if isArray(n.get("type")) && n.get("items") == nil && n.get("prefixItems") == nil {
			return false
		}
		return !slices.ContainsFunc(n.members, func(m member) bool { return !fitsBelow(m.value) })
	}
	return true
}
