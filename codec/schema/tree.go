package schema

import (
	"slices"

	"uniapi/codec/rawjson"
)

// node is a JSON value whose objects keep the order of their members. Nodes are shared between the places a $ref puts them, so they
// are never changed once they are made.
type node struct {
	kind    rawjson.Kind
	raw     []byte // of a scalar
	members []member
	items   []*node
}

type member struct {
	name  string
	value *node
}

// parse reads the value at v, nil if it has more than budget nodes. The depth is bounded by rawjson's.
func parse(data []byte, v rawjson.Value, budget *int) *node {
	if *budget--; *budget < 0 {
		return nil
	}
	n := &node{kind: v.Kind}
	switch v.Kind {
	case rawjson.Object:
		for it := v.Members(data); it.Next(); {
			n.members = set(n.members, it.Name(), parse(data, it.Value, budget))
			if *budget < 0 {
				return nil
			}
		}
	case rawjson.Array:
		for it := v.Elements(data); it.Next(); {
			n.items = append(n.items, parse(data, it.Value, budget))
			if *budget < 0 {
				return nil
			}
		}
	default:
		n.raw = v.Raw(data)
	}
	return n
}

func (n *node) append(dst []byte) []byte {
	switch n.kind {
	case rawjson.Object:
		dst = append(dst, '{')
		for _, m := range n.members {
			dst = append(rawjson.AppendString(rawjson.Comma(dst), m.name), ':')
			dst = m.value.append(dst)
		}
		return append(dst, '}')
	case rawjson.Array:
		dst = append(dst, '[')
		for _, item := range n.items {
			dst = item.append(rawjson.Comma(dst))
		}
		return append(dst, ']')
	}
	return append(dst, n.raw...)
}

func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	return find(n.members, name)
}

// text is a string node's text, "" for any other.
func (n *node) text() string {
	if n == nil || n.kind != rawjson.String {
		return ""
	}
	s, _ := rawjson.Text(n.raw, rawjson.Value{End: len(n.raw), Kind: rawjson.String})
	return s
}

func find(members []member, name string) *node {
	for _, m := range members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// set gives the member of that name a value, in its place or at the end.
func set(members []member, name string, value *node) []member {
	for i := range members {
		if members[i].name == name {
			members[i].value = value
			return members
		}
	}
	return append(members, member{name, value})
}

func remove(members []member, name string) []member {
	return slices.DeleteFunc(members, func(m member) bool { return m.name == name })
}

func object(members ...member) *node { return &node{kind: rawjson.Object, members: members} }

func array(items ...*node) *node { return &node{kind: rawjson.Array, items: items} }

func str(s string) *node { return &node{kind: rawjson.String, raw: rawjson.AppendString(nil, s)} }

var (
	trueNode  = &node{kind: rawjson.True, raw: []byte("true")}
	falseNode = &node{kind: rawjson.False, raw: []byte("false")}
)
