package schema

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"uniapi/codec/rawjson"
)

// The bounds of a schema. The largest tools of real clients have some hundreds of values in less than twenty levels.
// References add to it what they stand for: ten levels that each name the next one twice are a thousand copies.
const (
	MaxNodes    = 10_000 // values in a schema, and as many that references may add
	maxDepth    = 100
	leastRoom   = 32 << 10 // bytes that references may add, however short the schema is
	roomPerByte = 16       // and how many more for each byte of it
)

// refSpellings are what one of stands in each spelling of "$ref": as it is, or with letters as their numbers.
var refSpellings = [...][]byte{[]byte(`$ref"`), []byte(`\u002`), []byte(`\u006`), []byte(`\u007`)}

// Inlined is how many bytes references may add to a schema at the most.
func Inlined(schema []byte) int {
	for _, spelling := range refSpellings {
		if bytes.Contains(schema, spelling) {
			return leastRoom + roomPerByte*len(schema)
		}
	}
	return 0
}

type cleaner struct {
	*Dialect
	root   *node
	refs   []*node // targets that the schema at hand is inside of
	room   int     // bytes that references may still add
	values int     // and values
}

// Clean appends the schema as the dialect has it. An empty schema counts as {}. The error says that it is not a JSON
// object, has more than 10,000 values in it, or is nested deeper than 100 levels. What references add is bounded too:
// one that there is no room for becomes an object.
func Clean(dst, schema []byte, d *Dialect) ([]byte, error) {
	if len(schema) == 0 {
		schema = []byte("{}")
	}
	v, err := rawjson.One(schema)
	if err != nil {
		return dst, fmt.Errorf("reading the schema: %w", err)
	}
	if v.Kind != rawjson.Object {
		return dst, fmt.Errorf("reading the schema: it must be an object, not %s", v.Kind)
	}
	root, err := parse(schema)
	if err != nil {
		return dst, fmt.Errorf("reading the schema: %w", err)
	}
	c := &cleaner{Dialect: d, root: root, room: Inlined(schema), values: MaxNodes}
	top := c.root.members
	if d.ObjectTop {
		top = c.objectTop(top)
	}
	n := c.schema(object(top...))
	if d.ObjectTop && n.get("properties") == nil {
		n = object(append(n.members, member{"properties", object()})...)
	}
	return n.append(dst), nil
}

// objectTop merges combinators at the top and makes it an object. Of several branches all properties are taken and none
// is required that is not required outside: a call may follow any of them.
func (c *cleaner) objectTop(top []member) []member {
	entered := len(c.refs)
	top = slices.Clone(c.inline(top))
	for _, name := range []string{"allOf", "anyOf", "oneOf"} {
		branches := find(top, name)
		if branches == nil {
			continue
		}
		merged := merging(remove(top, name))
		for _, b := range branches.items {
			members := c.inline(b.members)
			if name != "allOf" {
				members = remove(slices.Clone(members), "required")
			}
			merged.branch(members)
		}
		top = merged.members
	}
	c.refs = c.refs[:entered]
	top = remove(remove(top, "enum"), "not") // which no object of arguments needs, and nobody takes
	if find(top, "type").text() != "object" {
		top = slices.Insert(remove(top, "type"), 0, member{"type", str("object")})
	}
	return top
}

// schema cleans one schema and those in it; nil for one that nothing fits.
func (c *cleaner) schema(n *node) *node {
	switch n.kind {
	case rawjson.True:
		return object()
	case rawjson.Object:
	default:
		return nil
	}
	entered := len(c.refs)
	defer func() { c.refs = c.refs[:entered] }()
	members := n.members
	if c.Inline {
		members = remove(remove(slices.Clone(c.inline(members)), "$defs"), "definitions")
	}
	if c.AnyOf {
		members = c.combine(members)
	}
	if c.Nullable {
		members = c.nullable(members)
	}
	if c.StringEnums {
		members = c.enums(members)
	}
	if c.Typed {
		members = typed(members)
	}
	if c.Items {
		members = withItems(members)
	}
	if c.Closed && isObject(members) {
		members = set(slices.Clone(members), "additionalProperties", falseNode)
	}
	return c.required(c.keywords(members))
}

// keywords drops what the dialect does not have and cleans the schemas below.
func (c *cleaner) keywords(members []member) []member {
	out := make([]member, 0, len(members))
	var told []string
	for _, m := range members {
		switch {
		case c.Keep != nil && !c.Keep[m.name] || c.Drop[m.name]:
			if c.Describe[m.name] && m.value.kind != rawjson.Object {
				told = append(told, m.name+": "+string(m.value.append(nil)))
			}
		case m.name == "format" && c.Formats != nil && !c.Formats[m.value.text()]:
			told = append(told, "format: "+m.value.text())
		case m.name == "type" && c.Capitals && m.value.kind == rawjson.String:
			out = append(out, member{m.name, str(strings.ToUpper(m.value.text()))})
		default:
			if value := c.below(m); value != nil {
				out = append(out, member{m.name, value})
			}
		}
	}
	return tell(out, told)
}

// tell adds lines to the description.
func tell(members []member, lines []string) []member {
	if len(lines) == 0 {
		return members
	}
	text := strings.Join(lines, "\n")
	if d := find(members, "description").text(); d != "" {
		text = d + "\n" + text
	}
	return set(slices.Clone(members), "description", str(text))
}

// below cleans the schemas in the value of a keyword; nil if nothing is left of it.
func (c *cleaner) below(m member) *node {
	switch m.name {
	case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas":
		if m.value.kind != rawjson.Object {
			return nil
		}
		out := object()
		for _, p := range m.value.members {
			if s := c.schema(p.value); s != nil {
				out.members = append(out.members, member{p.name, s})
			}
		}
		return out
	case "items", "additionalProperties", "additionalItems", "contains", "propertyNames", "not", "if", "then", "else",
		"unevaluatedProperties", "unevaluatedItems":
		if m.value.kind == rawjson.Object {
			return c.schema(m.value)
		}
		if m.value.kind != rawjson.Array {
			return m.value // a boolean is good in all of them
		}
		fallthrough
	case "anyOf", "oneOf", "allOf", "prefixItems":
		out := array()
		for _, item := range m.value.items {
			if s := c.schema(item); s != nil {
				out.items = append(out.items, s)
			}
		}
		if len(out.items) == 0 {
			return nil
		}
		return out
	}
	return m.value
}

// required takes the names out of required that are no properties any more. A branch that only requires what the schema
// around it has is nothing where a schema must have what it requires.
func (c *cleaner) required(members []member) *node {
	required, properties := find(members, "required"), find(members, "properties")
	if properties == nil && c.Capitals {
		members = remove(members, "required")
	}
	if any := find(members, "anyOf"); c.Capitals && any != nil && !slices.ContainsFunc(any.items, func(n *node) bool { return len(n.members) > 0 }) {
		members = remove(members, "anyOf")
	}
	if required != nil && properties != nil && required.kind == rawjson.Array {
		there := make(map[string]bool, len(properties.members))
		for _, m := range properties.members {
			there[m.name] = true
		}
		list := slices.DeleteFunc(slices.Clone(required.items), func(n *node) bool { return !there[n.text()] })
		if len(list) == 0 {
			members = remove(members, "required")
		} else {
			members = set(members, "required", array(list...))
		}
	}
	return object(members...)
}

func isObject(members []member) bool {
	t := find(members, "type")
	if t != nil && t.kind == rawjson.Array {
		return slices.ContainsFunc(t.items, func(n *node) bool { return n.text() == "object" })
	}
	return t.text() == "object" || t == nil && find(members, "properties") != nil
}
