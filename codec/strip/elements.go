package strip

import (
	"slices"

	"uniapi/codec/rawjson"
)

// Elements returns a request without some elements of a conversation: of the list that a member of it is, or, where
// inner is not "", of the lists that this member of its elements is. An element of which nothing is left goes too.
// Everything else stays byte for byte; a request that has none of them is returned itself.
func Elements(body []byte, list, inner string, goes func(v rawjson.Value) bool) []byte {
	it := rawjson.MembersOf(body)
	for it.Next() {
		if it.Name() != list || it.Value.Kind != rawjson.Array {
			continue
		}
		edited, changed := without(body, it.Value, func(dst []byte, v rawjson.Value) ([]byte, bool) {
			if inner == "" {
				return nil, goes(v)
			}
			return withoutInner(dst, body, v, inner, goes)
		})
		if !changed {
			return body
		}
		return slices.Concat(body[:it.Value.Start], edited, body[it.Value.End:])
	}
	return body
}

// without is a list without some elements, and with others in the place of some. edit appends what stands for an
// element to the bytes that it is given, nothing for one that goes; changed is false for one that stays.
func without(body []byte, list rawjson.Value, edit func(dst []byte, v rawjson.Value) (out []byte, changed bool)) (out []byte, changed bool) {
	out = []byte{'['}
	for it := list.Elements(body); it.Next(); {
		edited, differs := edit(nil, it.Value)
		switch changed = changed || differs; {
		case !differs:
			out = append(rawjson.Comma(out), it.Value.Raw(body)...)
		case len(edited) > 0:
			out = append(rawjson.Comma(out), edited...)
		}
	}
	return append(out, ']'), changed
}

func withoutInner(dst, body []byte, v rawjson.Value, inner string, goes func(v rawjson.Value) bool) (out []byte, changed bool) {
	list := v.Get(body, inner)
	if list.Kind != rawjson.Array {
		return nil, false
	}
	left, changed := without(body, list, func(_ []byte, v rawjson.Value) ([]byte, bool) { return nil, goes(v) })
	if !changed || len(left) == len("[]") {
		return nil, changed
	}
	dst = append(dst, body[v.Start:list.Start]...)
	return append(append(dst, left...), body[list.End:v.End]...), true
}
