package schema

import (
	"slices"
	"strings"

	"uniapi/codec/rawjson"
)

// combine merges allOf and renames oneOf.
func (c *cleaner) combine(members []member) []member {
	for depth := 0; ; depth++ {
		all := find(members, "allOf")
		if all == nil || depth > MaxRefDepth {
			break
		}
		merged := merging(remove(slices.Clone(members), "allOf"))
		for _, branch := range all.items {
			if c.Inline {
				merged.branch(c.inline(branch.members))
			} else {
				merged.branch(branch.members)
			}
		}
		members = merged.members
	}
	one := find(members, "oneOf")
	if one == nil {
		return members
	}
	members = remove(slices.Clone(members), "oneOf")
	if have := find(members, "anyOf"); have != nil {
		return members // both at once is an and, which cannot be said; the looser half stays
	}
	return append(members, member{"anyOf", one})
}

// nullable takes the null out of a list of types and of the branches of anyOf. A branch that is then alone is put in
// its place.
func (c *cleaner) nullable(members []member) []member {
	null := false
	if t := find(members, "type"); t != nil && t.kind == rawjson.Array {
		kinds := slices.DeleteFunc(slices.Clone(t.items), func(n *node) bool { return n.text() == "null" })
		null = len(kinds) < len(t.items)
		members = slices.Clone(members)
		switch {
		case len(kinds) == 1:
			members = set(members, "type", kinds[0])
		case len(kinds) == 0 || find(members, "anyOf") != nil:
			members = remove(members, "type")
		default:
			branches := array()
			for _, k := range kinds {
				branches.items = append(branches.items, object(member{"type", k}))
			}
			members = append(remove(members, "type"), member{"anyOf", branches})
		}
	}
	if any := find(members, "anyOf"); any != nil {
		branches := slices.DeleteFunc(slices.Clone(any.items), func(n *node) bool { return n.get("type").text() == "null" })
		null = null || len(branches) < len(any.items)
		members = remove(slices.Clone(members), "anyOf")
		switch {
		case len(branches) == 1:
			alone := branches[0].members
			if c.Inline {
				alone = c.inline(alone)
			}
			if alone = overlay(alone, members); c.AnyOf {
				alone = c.combine(alone)
			}
			members = c.nullable(alone)
		case len(branches) > 1:
			members = append(members, member{"anyOf", array(branches...)})
		}
	}
	if null {
		members = set(slices.Clone(members), "nullable", trueNode)
		if values := find(members, "enum"); values != nil {
			members = set(members, "enum", array(withoutNull(values.items)...))
		}
	}
	return members
}

func withoutNull(values []*node) []*node {
	return slices.DeleteFunc(slices.Clone(values), func(n *node) bool { return n.kind == rawjson.Null })
}

// enums leaves only enums of strings.
func (c *cleaner) enums(members []member) []member {
	if value := find(members, "const"); value != nil {
		members = remove(slices.Clone(members), "const")
		if find(members, "enum") == nil {
			members = append(members, member{"enum", array(value)})
		}
	}
	members = c.choices(members)
	values := find(members, "enum")
	if values == nil {
		return members
	}
	members = slices.Clone(members)
	list := slices.DeleteFunc(withoutNull(values.items), func(n *node) bool { return n.kind == rawjson.String && n.text() == "" })
	strange := slices.ContainsFunc(list, func(n *node) bool { return n.kind != rawjson.String })
	kind := find(members, "type").text()
	switch {
	case len(list) == 0:
		return remove(members, "enum")
	case strange || kind != "" && !strings.EqualFold(kind, "string"):
		return tell(remove(members, "enum"), []string{"one of: " + string(array(list...).append(nil))})
	}
	if kind == "" {
		members = set(members, "type", str("string"))
	}
	return set(members, "enum", array(list...))
}

// choices makes one enum of branches that are each a single string.
func (c *cleaner) choices(members []member) []member {
	any := find(members, "anyOf")
	if any == nil || find(members, "enum") != nil {
		return members
	}
	var list []*node
	for _, branch := range any.items {
		value := branch.get("const")
		if one := branch.get("enum"); value == nil && one != nil && len(one.items) == 1 {
			value = one.items[0]
		}
		if value == nil || value.kind != rawjson.String {
			return members
		}
		list = append(list, value)
	}
	return append(remove(slices.Clone(members), "anyOf"), member{"enum", array(list...)})
}

// typed fills in types that can be told, and the items of arrays. The items of a tuple may be any of its elements.
func typed(members []member) []member {
	kind := find(members, "type")
	if kind == nil {
		switch {
		case find(members, "properties") != nil:
			kind = str("object")
		case find(members, "items") != nil || find(members, "prefixItems") != nil:
			kind = str("array")
		default:
			return members
		}
		members = append([]member{{"type", kind}}, members...)
	}
	if !strings.EqualFold(kind.text(), "array") {
		return members
	}
	items := find(members, "items")
	tuple := find(members, "prefixItems")
	if items != nil && items.kind == rawjson.Array {
		tuple = items
	}
	switch {
	case tuple != nil && len(tuple.items) > 0:
		items = object(member{"anyOf", tuple})
		if len(tuple.items) == 1 {
			items = tuple.items[0]
		}
	case items == nil || items.kind != rawjson.Object:
		items = object(member{"type", str("string")})
	}
	return set(remove(slices.Clone(members), "prefixItems"), "items", items)
}
