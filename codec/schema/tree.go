package schema

import (
	"fmt"
	"slices"

	"uniapi/codec/rawjson"
)

// node is a JSON value whose objects keep the order of their members. Nodes are shared between the places a $ref puts
// them, so they are never changed once they are made.
type node struct {
	kind    rawjson.Kind
	raw     []byte // of a scalar
	members []member
	items   []*node
	size    int // of its text; 0 for one that was made here
	values  int // in it, with itself; 0 for one that was made here
}

type member struct {
	name  string
	value *node
}

// parser reads a schema in one pass.
type parser struct {
	data  []byte
	nodes int
	depth int
	err   error
}

// parse reads a schema, which is an object. The error says that it is too large or too deep.
func parse(schema []byte) (*node, error) {
	p := parser{data: schema}
	it := rawjson.MembersOf(schema)
	root := p.object(&it)
	return root, p.err
}

// enter counts a value, and says whether it is one too many or too deep.
func (p *parser) enter() bool {
	if p.nodes++; p.nodes > MaxNodes {
		p.err = fmt.Errorf("it has more than %d values", MaxNodes)
	}
	if p.depth++; p.depth > maxDepth {
		p.err = fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	return p.err == nil
}

func (p *parser) object(it *rawjson.Members) *node {
	n := &node{kind: rawjson.Object, size: len(`{}`), values: 1}
	if !p.enter() {
		return n
	}
	places := make(map[string]int)
	for p.err == nil && it.Step() {
		name := it.Name()
		value := p.value(&it.Walk, it.Value)
		n.add(len(name)+len(`"":,`), value)
		if i, twice := places[name]; twice {
			n.members[i].value = value
			continue
		}
		places[name] = len(n.members)
		n.members = append(n.members, member{name, value})
	}
	p.depth--
	return n
}

// value reads the value that a walk stands on.
func (p *parser) value(w *rawjson.Walk, v rawjson.Value) *node {
	switch v.Kind {
	case rawjson.Object:
		it := w.Members()
		n := p.object(&it)
		w.Leave(&it.Walk)
		return n
	case rawjson.Array:
		it := w.Elements()
		n := &node{kind: rawjson.Array, size: len(`[]`), values: 1}
		if !p.enter() {
			return n
		}
		for p.err == nil && it.Step() {
			item := p.value(&it.Walk, it.Value)
			n.add(len(`,`), item)
			n.items = append(n.items, item)
		}
		w.Leave(&it.Walk)
		p.depth--
		return n
	}
	p.enter()
	p.depth--
	return &node{kind: v.Kind, raw: v.Raw(p.data), size: v.End - v.Start, values: 1}
}

// add counts a node below, and what stands around it.
func (n *node) add(around int, below *node) {
	n.size += around + below.size
	n.values += below.values
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
