package gemini

import (
	"strconv"
	"strings"

	"uniapi/codec/rawjson"
)

const (
	maxArgDepth = 64     // of nested arguments
	maxArgIndex = 10_000 // in one of their arrays
	maxArgGap   = 16     // elements that are named before those in front of them
	fewNames    = 16     // members up to which a list is faster than a map
)

// partialCall collects the arguments of a function call that come in pieces: values, each with the path of its place.
type partialCall struct {
	whole []byte // arguments that came in one piece
	root  arg
}

// arg is a value in the making: an object, an array, a text, or another one as it is written.
type arg struct {
	kind  rawjson.Kind    // Missing until something is known of it
	names []string        // of members
	items []*arg          // members or elements
	named map[string]*arg // the members, where they are many
	text  []byte          // of a text the decoded pieces, of a number or literal the JSON
}

// add takes a piece like {"jsonPath":"$.a.b[0]","stringValue":"x"}. Pieces of one text follow each other with the same
// path.
func (p *partialCall) add(data []byte, v rawjson.Value) {
	path, _ := rawjson.Text(data, v.Get(data, "jsonPath"))
	place := p.root.find(path)
	if place == nil {
		return
	}
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "stringValue":
			place.kind = rawjson.String
			place.text, _ = rawjson.AppendText(place.text, data, it.Value)
		case "numberValue":
			place.kind, place.text = rawjson.Number, append([]byte(nil), it.Value.Raw(data)...)
		case "boolValue":
			place.kind, place.text = it.Value.Kind, append([]byte(nil), it.Value.Raw(data)...)
		case "nullValue":
			place.kind, place.text = rawjson.Null, []byte("null")
		}
	}
}

// find walks a JSON path of names and indexes, and makes what is not there. Nil for a path that is none.
func (a *arg) find(path string) *arg {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil
	}
	for depth := 0; rest != ""; depth++ {
		if depth == maxArgDepth {
			return nil
		}
		var name string
		index := -1
		switch {
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			name, rest = rest[1:1+end], rest[1+end:]
		case strings.HasPrefix(rest, "['"), strings.HasPrefix(rest, `["`):
			end := strings.Index(rest[2:], rest[1:2]+"]")
			if end < 0 {
				return nil
			}
			name, rest = rest[2:2+end], rest[2+end+2:]
		default:
			inner, behind, closed := strings.Cut(rest[1:], "]")
			n, err := strconv.Atoi(inner)
			if rest[0] != '[' || !closed || err != nil || n < 0 || n > maxArgIndex {
				return nil
			}
			index, rest = n, behind
		}
		if a = a.child(name, index); a == nil {
			return nil
		}
	}
	return a
}

func (a *arg) child(name string, index int) *arg {
	kind := rawjson.Object
	if index >= 0 {
		kind = rawjson.Array
	}
	if a.kind == rawjson.Missing {
		a.kind = kind
	}
	if a.kind != kind {
		return nil
	}
	if kind == rawjson.Array {
		if index > len(a.items)+maxArgGap { // a few bytes must not make room for thousands
			return nil
		}
		for len(a.items) <= index {
			a.items = append(a.items, &arg{})
		}
		return a.items[index]
	}
	if known := a.member(name); known != nil {
		return known
	}
	name = strings.Clone(name)
	made := &arg{}
	a.names, a.items = append(a.names, name), append(a.items, made)
	if a.named != nil {
		a.named[name] = made
	}
	return made
}

// member is the member of that name, nil if there is none yet.
func (a *arg) member(name string) *arg {
	if a.named == nil && len(a.names) > fewNames {
		a.named = make(map[string]*arg, 2*fewNames)
		for i, known := range a.names {
			a.named[known] = a.items[i]
		}
	}
	if a.named != nil {
		return a.named[name]
	}
	for i, known := range a.names {
		if known == name {
			return a.items[i]
		}
	}
	return nil
}

// arguments is the JSON of all of them.
func (p *partialCall) arguments() []byte {
	switch {
	case p.whole != nil:
		return p.whole
	case p.root.kind != rawjson.Object:
		return []byte("{}")
	}
	return p.root.append(nil)
}

func (a *arg) append(dst []byte) []byte {
	switch a.kind {
	case rawjson.Missing:
		return append(dst, "null"...)
	case rawjson.String:
		return rawjson.AppendString(dst, a.text)
	case rawjson.Object:
		dst = append(dst, '{')
		for i, item := range a.items {
			dst = item.append(append(rawjson.AppendString(rawjson.Comma(dst), a.names[i]), ':'))
		}
		return append(dst, '}')
	case rawjson.Array:
		dst = append(dst, '[')
		for _, item := range a.items {
			dst = item.append(rawjson.Comma(dst))
		}
		return append(dst, ']')
	}
	return append(dst, a.text...)
}
