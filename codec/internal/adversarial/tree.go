// Package adversarial makes inputs for tests that say that work costs time and memory in proportion to its input. Out
// of a good document of a format it makes others that are as large as one likes and as bad as they can be: each list
// longer, each object wider, each member repeated, each text longer, each value deeper, and two lists at once, whose
// names are the same or all different.
package adversarial

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"uniapi/codec/rawjson"
)

// node is a JSON value whose members keep their order and may come twice.
type node struct {
	kind    rawjson.Kind
	scalar  string
	members []member
	items   []*node
}

type member struct {
	name  string
	value *node
}

func parse(data []byte) *node {
	v, err := rawjson.One(data)
	if err != nil {
		panic("adversarial: a document that is not JSON: " + err.Error())
	}
	return read(data, v)
}

func read(data []byte, v rawjson.Value) *node {
	n := &node{kind: v.Kind}
	switch v.Kind {
	case rawjson.Object:
		for it := v.Members(data); it.Next(); {
			n.members = append(n.members, member{it.Name(), read(data, it.Value)})
		}
	case rawjson.Array:
		for it := v.Elements(data); it.Next(); {
			n.items = append(n.items, read(data, it.Value))
		}
	default:
		n.scalar = string(v.Raw(data))
	}
	return n
}

// append writes the value. A copy that is numbered has the number in all its names, if it is not negative.
func (n *node) append(dst []byte, number int, name string) []byte {
	switch n.kind {
	case rawjson.Object:
		dst = append(dst, '{')
		for i, m := range n.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, '"'), m.name...), `":`...)
			dst = m.value.append(dst, number, m.name)
		}
		return append(dst, '}')
	case rawjson.Array:
		dst = append(dst, '[')
		for i, item := range n.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.append(dst, number, name)
		}
		return append(dst, ']')
	case rawjson.String:
		if number >= 0 && named(name) {
			dst = append(dst, n.scalar[:len(n.scalar)-1]...)
			return append(strconv.AppendInt(append(dst, '_'), int64(number), 10), '"')
		}
	}
	return append(dst, n.scalar...)
}

// named says whether a member of that name says what something is called, so that it has another value in each copy.
func named(name string) bool {
	low := strings.ToLower(name)
	return strings.HasSuffix(low, "id") || strings.HasSuffix(low, "name") || strings.HasSuffix(low, "names") || strings.HasPrefix(low, "stop") ||
		low == "required" || low == "enum" || low == "uri" || low == "url" || low == "title"
}

// place is a value in a document, by the way to it.
type place struct {
	path string
	node *node
}

// places are all values of the document, itself the first.
func (n *node) places(path string) (all []place) {
	all = append(all, place{path, n})
	switch n.kind {
	case rawjson.Object:
		for _, m := range n.members {
			all = append(all, m.value.places(path+"."+m.name)...)
		}
	case rawjson.Array:
		for i, item := range n.items {
			all = append(all, item.places(path+"["+strconv.Itoa(i)+"]")...)
		}
	}
	return all
}

// lists are the places of lists.
func (n *node) lists() []place {
	return slices.DeleteFunc(n.places(""), func(p place) bool { return p.node.kind != rawjson.Array || len(p.node.items) == 0 })
}

// with writes the document with other bytes in the place of some nodes.
func (n *node) with(dst []byte, other map[*node][]byte) []byte {
	if bytes, is := other[n]; is {
		return append(dst, bytes...)
	}
	switch n.kind {
	case rawjson.Object:
		dst = append(dst, '{')
		for i, m := range n.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, '"'), m.name...), `":`...)
			dst = m.value.with(dst, other)
		}
		return append(dst, '}')
	case rawjson.Array:
		dst = append(dst, '[')
		for i, item := range n.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.with(dst, other)
		}
		return append(dst, ']')
	}
	return append(dst, n.scalar...)
}

// text is the value as it stands.
func (n *node) text() []byte { return n.append(nil, -1, "") }

// contains says whether inner is n or stands in it.
func (n *node) contains(inner *node) bool {
	if n == inner {
		return true
	}
	return slices.ContainsFunc(n.items, func(i *node) bool { return i.contains(inner) }) ||
		slices.ContainsFunc(n.members, func(m member) bool { return m.value.contains(inner) })
}

// words are the names of members and the short texts in a document.
func (n *node) words(into map[string]bool) {
	switch n.kind {
	case rawjson.Object:
		for _, m := range n.members {
			into[m.name] = true
			m.value.words(into)
		}
	case rawjson.Array:
		for _, item := range n.items {
			item.words(into)
		}
	case rawjson.String:
		into[string(bytes.Trim([]byte(n.scalar), `"`))] = true
	}
}
