package adversarial

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"uniapi/codec/rawjson"
)

// Case is a way to make a document bad.
type Case struct {
	// Kind is the way, and Name says where in which document as well.
	Kind, Name string
	// Make makes it so many bytes larger, about: what is bad in it grows in proportion.
	Make func(size int) []byte
}

// deepest is how deep a case nests what may be nested: nearly as deep as the scanner lets pass.
const deepest = 4000

// Cases are the ways to make documents of a format bad.
func Cases(documents [][]byte) []Case {
	var cases []Case
	for i, d := range documents {
		casesOf(parse(d), func(p place, behind, how string, make func(size int) []byte) {
			cases = append(cases, Case{how, fmt.Sprintf("%s at %s%s of document %d", how, p.path, behind, i), make})
		})
	}
	return cases
}

// Sample takes one case in so many of each kind, and of each one at least. The same seed takes the same.
func Sample(cases []Case, each int, seed uint64) []Case {
	random := rand.New(rand.NewPCG(seed, 0))
	cases = slices.Clone(cases)
	random.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
	of := make(map[string]int)
	var some []Case
	for _, c := range cases {
		if of[c.Kind]%each == 0 {
			some = append(some, c)
		}
		of[c.Kind]++
	}
	return some
}

// casesOf calls add with each way to make one document bad.
func casesOf(top *node, add func(p place, behind, how string, make func(size int) []byte)) {
	for _, p := range top.places("") {
		n := p.node
		put := func(value func(room int) []byte) func(size int) []byte {
			return func(size int) []byte { return top.with(nil, map[*node][]byte{n: value(size)}) }
		}
		switch n.kind {
		case rawjson.Object:
			add(p, "", "other members", put(n.wide))
			for _, m := range n.members {
				add(p, "."+m.name, "the same member", put(func(room int) []byte { return n.repeating(m, room) }))
			}
			if p.path != "" {
				add(p, "", "objects", put(func(room int) []byte { return deep(`{"a":`, `}`, room) }))
			}
			for _, inner := range n.lists() {
				if in := inner.node; p.path != "" {
					add(p, inner.path, "the whole in itself", put(func(room int) []byte { return n.inside(in, room) }))
				}
			}
		case rawjson.Array:
			if len(n.items) > 0 {
				add(p, "", "the same elements", put(func(room int) []byte { return n.filled(room, same) }))
				add(p, "", "other elements", put(func(room int) []byte { return n.filled(room, rising) }))
			}
			add(p, "", "empty objects", put(func(room int) []byte { return list("{}", room) }))
			add(p, "", "arrays", put(func(room int) []byte { return deep("[", "]", room) }))
		case rawjson.String:
			add(p, "", "a long text", put(func(room int) []byte { return text("a", room) }))
			add(p, "", "a text of escapes", put(func(room int) []byte { return text(`\"\u00e9\\`, room) }))
			add(p, "", "a text of other letters", put(func(room int) []byte { return text("Ü -_\u2028", room) }))
		}
	}
	lists := top.lists()
	add(place{node: top}, "", "all lists", func(size int) []byte { return top.everywhere(lists, size) })
	for i, a := range lists {
		for _, b := range lists[i+1:] {
			if a.node.contains(b.node) {
				continue
			}
			for _, o := range []struct {
				how           string
				first, second order
			}{{"the same elements of both", same, same}, {"other elements of both", rising, rising}, {"elements in the other order", rising, falling}} {
				add(a, " and "+b.path, o.how, func(size int) []byte {
					return top.with(nil, map[*node][]byte{a.node: a.node.filled(size/2, o.first), b.node: b.node.filled(size/2, o.second)})
				})
			}
		}
	}
}

// order is how the copies of elements are numbered.
type order func(i, n int) int

func same(int, int) int    { return -1 }
func rising(i, _ int) int  { return i }
func falling(i, n int) int { return n - 1 - i }

// filled is a list with copies of its elements up to a size.
func (n *node) filled(room int, number order) []byte {
	var once int
	for _, item := range n.items {
		once += len(item.text()) + len(`_12345,`)
	}
	copies := max(1, room/max(once, 1))
	out := []byte{'['}
	for i := range copies {
		for _, item := range n.items {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = item.append(out, number(i, copies), "name") // a text in a list has a number too
		}
	}
	return append(out, ']')
}

// wide is an object with members that nobody knows.
func (n *node) wide(room int) []byte {
	out := bytes.TrimSuffix(n.text(), []byte{'}'})
	for i := 0; len(out) < room; i++ {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, `"x%d":%d`, i, i)
	}
	return append(out, '}')
}

// repeating is an object with one of its members many times.
func (n *node) repeating(m member, room int) []byte {
	out := bytes.TrimSuffix(n.text(), []byte{'}'})
	one := append(append(append([]byte(`,"`), m.name...), `":`...), m.value.text()...)
	for len(out) < room {
		out = append(out, one...)
	}
	return append(out, '}')
}

// inside is a value with itself in one of its lists, again and again.
func (n *node) inside(in *node, room int) []byte {
	shell := n.with(nil, map[*node][]byte{in: []byte("[\x00]")})
	before, behind, _ := bytes.Cut(shell, []byte{0})
	levels := min(deepest, max(1, room/len(shell)))
	out := bytes.Repeat(before, levels)
	out = append(out, n.text()...)
	fill := levels * len(behind)
	for len(out)+fill < room { // what is left goes to the deepest level
		out = append(append(out, ','), n.text()...)
	}
	return append(out, bytes.Repeat(behind, levels)...)
}

func list(item string, room int) []byte {
	return append(append([]byte("["+item), bytes.Repeat([]byte(","+item), max(0, room/(len(item)+1)-1))...), ']')
}

func text(of string, room int) []byte {
	return append(append([]byte{'"'}, bytes.Repeat([]byte(of), max(1, room/len(of)))...), '"')
}

// deep is nested as deep as the scanner takes it, several times over.
func deep(open, shut string, room int) []byte {
	levels := min(deepest, max(1, room/(len(open)+len(shut))))
	one := append(append(bytes.Repeat([]byte(open), levels), '1'), bytes.Repeat([]byte(shut), levels)...)
	out := append([]byte{'['}, one...)
	for len(out) < room {
		out = append(append(out, ','), one...)
	}
	return append(out, ']')
}

// everywhere is the document with all lists longer by the same number of copies.
func (n *node) everywhere(lists []place, size int) []byte {
	outer := slices.DeleteFunc(slices.Clone(lists), func(p place) bool {
		return slices.ContainsFunc(lists, func(o place) bool { return o.node != p.node && o.node.contains(p.node) })
	})
	room := size / max(1, len(outer))
	other := make(map[*node][]byte)
	for _, p := range outer {
		other[p.node] = p.node.filled(room, rising)
	}
	return n.with(nil, other)
}

// Words are the names of members and the texts in documents.
func Words(documents ...[]byte) map[string]bool {
	words := make(map[string]bool)
	for _, d := range documents {
		parse(d).words(words)
	}
	return words
}
