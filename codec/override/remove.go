package override

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"uniapi/codec/rawjson"
)

// removal takes out a field, or the items of a list that meet a condition.
type removal struct {
	path      []string
	any       []condition // one of them must hold; none is no condition
	dropEmpty bool        // a list with nothing left goes too
}

// condition holds for a value that equals want, or for an object that has all the wanted values at their paths.
type condition struct {
	want   []byte
	fields []field
}

type field struct {
	path []string
	want []byte
}

// compileRemovals reads what __remove__ may be: a field's name, or a list of names and of {path, where, where_any,
// drop_empty}.
func compileRemovals(value []byte) ([]step, error) {
	v, err := rawjson.One(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Remove, err)
	}
	var steps []step
	one := func(v rawjson.Value) error {
		r, err := compileRemoval(value, v)
		if err == nil {
			steps = append(steps, step{removal: r})
		}
		return err
	}
	if v.Kind != rawjson.Array {
		err := one(v)
		return steps, err
	}
	for items := v.Elements(value); items.Next(); {
		if err := one(items.Value); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

func compileRemoval(data []byte, v rawjson.Value) (*removal, error) {
	if name, ok := rawjson.Text(data, v); ok && name != "" {
		return &removal{path: []string{strings.Clone(name)}}, nil // a name of its own: dots are part of it
	}
	if v.Kind != rawjson.Object {
		return nil, fmt.Errorf("%s takes field names and maps with a path, not %s", Remove, v.Kind)
	}
	var r removal
	for it := v.Members(data); it.Next(); {
		switch name := it.Name(); name {
		case "path":
			text, ok := rawjson.Text(data, it.Value)
			if !ok || text == "" {
				return nil, fmt.Errorf("%s: path must be a dotted name, as in a.b.c", Remove)
			}
			r.path = strings.Split(strings.Clone(text), ".")
		case "where":
			r.any = append(r.any, compileCondition(data, it.Value))
		case "where_any":
			if it.Value.Kind != rawjson.Array {
				return nil, fmt.Errorf("%s: where_any must be a list of conditions", Remove)
			}
			for items := it.Value.Elements(data); items.Next(); {
				r.any = append(r.any, compileCondition(data, items.Value))
			}
		case "drop_empty":
			// As anywhere in the file: where YAML does not make a truth value of yes and on, they come as texts.
			word := strings.ToLower(strings.Trim(string(it.Value.Raw(data)), `"`))
			r.dropEmpty = slices.Contains([]string{"true", "yes", "on", "1"}, word)
		default:
			return nil, fmt.Errorf("%s knows path, where, where_any and drop_empty, not %q", Remove, name)
		}
	}
	if len(r.path) == 0 {
		return nil, fmt.Errorf("%s: a map needs a path", Remove)
	}
	return &r, nil
}

func compileCondition(data []byte, v rawjson.Value) condition {
	if v.Kind != rawjson.Object {
		return condition{want: v.Raw(data)}
	}
	c := condition{fields: []field{}}
	for it := v.Members(data); it.Next(); {
		c.fields = append(c.fields, field{strings.Split(strings.Clone(it.Name()), "."), it.Value.Raw(data)})
	}
	return c
}

// maxLists is how deep lists in lists are gone through, which no format has.
const maxLists = 4

// from takes out what stands at path below value. Lists on the way are gone through item by item. Nil if nothing is
// left of value itself. lists is how many lists value is an item of, one in the other.
func (r *removal) from(value []byte, path []string, lists int) []byte {
	v, err := rawjson.One(value)
	if err != nil {
		return value
	}
	switch {
	case len(path) == 0:
		return r.here(value, v)
	case v.Kind == rawjson.Array && lists < maxLists:
		return list(value, v, func(item []byte) []byte { return r.from(item, path, lists+1) })
	case v.Kind == rawjson.Object:
		inner := v.Get(value, path[0])
		if inner.Kind == rawjson.Missing {
			return value
		}
		var s rawjson.Splicer
		s.Set(path[0], r.from(inner.Raw(value), path[1:], 0))
		return splice(&s, v.Raw(value))
	}
	return value
}

// here decides on the value at the end of the path: a list loses the items that meet a condition, anything else goes as
// a whole.
func (r *removal) here(value []byte, v rawjson.Value) []byte {
	switch {
	case len(r.any) == 0:
		return nil
	case v.Kind == rawjson.Array:
		left := list(value, v, func(item []byte) []byte {
			if r.meets(item) {
				return nil
			}
			return item
		})
		if r.dropEmpty && string(left) == "[]" {
			return nil
		}
		return left
	case r.meets(value):
		return nil
	}
	return value
}

// list rebuilds a list of what keep returns for each item; nil is left out.
func list(data []byte, v rawjson.Value, keep func(item []byte) []byte) []byte {
	out := []byte{'['}
	for items := v.Elements(data); items.Next(); {
		item := keep(items.Value.Raw(data))
		if item == nil {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, item...)
	}
	return append(out, ']')
}

func (r *removal) meets(value []byte) bool {
	v, err := rawjson.One(value)
	if err != nil {
		return false
	}
	for _, c := range r.any {
		if c.holds(value, v) {
			return true
		}
	}
	return false
}

func (c *condition) holds(data []byte, v rawjson.Value) bool {
	if c.fields == nil {
		return equal(v.Raw(data), c.want)
	}
	for _, f := range c.fields {
		at := v
		for _, name := range f.path {
			if at.Kind != rawjson.Object {
				return false
			}
			at = at.Get(data, name)
		}
		if at.Kind == rawjson.Missing || !equal(at.Raw(data), f.want) {
			return false
		}
	}
	return len(c.fields) > 0
}

// equal compares two scalars: strings by what they say, the rest by their spelling.
func equal(a, b []byte) bool {
	va, errA := rawjson.One(a)
	vb, errB := rawjson.One(b)
	if errA != nil || errB != nil || va.Kind != vb.Kind {
		return false
	}
	if va.Kind == rawjson.String {
		ta, okA := rawjson.Text(a, va)
		tb, okB := rawjson.Text(b, vb)
		return okA && okB && ta == tb
	}
	return bytes.Equal(va.Raw(a), vb.Raw(b))
}
