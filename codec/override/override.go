// Package override changes the JSON that a channel sends, as post_body_parameter_overrides of api.yaml says: fields set
// or merged, for all models or for one, and fields and list items removed. It works on raw bytes and on any format:
// what is not touched stays byte for byte as it was.
package override

import (
	"bytes"
	"fmt"
	"slices"

	"uniapi/codec/rawjson"
)

// Entry is one entry of post_body_parameter_overrides in its order: a body field with its value, a model with a block
// of entries of its own, or Remove. Value is JSON.
type Entry struct {
	Name  string
	Value []byte
}

// Remove is the name of the entry that takes fields out.
const Remove = "__remove__"

// Edits is what one channel changes in the body of a request for one model.
type Edits struct {
	// Stream is what the stream field is set to, nil if it is left to the client.
	Stream *bool

	steps []step
}

// step sets the top-level field name to value, merging objects, or if it has a removal, does that.
type step struct {
	name    string
	value   []byte
	removal *removal
}

// Compile prepares the entries for a model: first what holds for all models, then the model's own block, each followed
// by what it removes. isModel tells which entries are blocks of other models, which this one leaves out. Nil if nothing
// is changed. An error says which entry is wrong.
func Compile(entries []Entry, model string, isModel func(name string) bool) (*Edits, error) {
	var r Edits
	if err := r.add(entries, func(name string) bool { return name != model && !isModel(name) }); err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name != model {
			continue
		}
		block, err := members(e.Value)
		if err != nil {
			return nil, fmt.Errorf("the block of model %s must be a map of fields: %w", model, err)
		}
		if err := r.add(block, func(string) bool { return true }); err != nil {
			return nil, fmt.Errorf("the block of model %s: %w", model, err)
		}
	}
	if len(r.steps) == 0 {
		return nil, nil
	}
	return &r, nil
}

// CompileBlock is Compile for entries that stand as one JSON object.
func CompileBlock(block []byte, model string, isModel func(name string) bool) (*Edits, error) {
	entries, err := members(block)
	if err != nil {
		return nil, fmt.Errorf("it must be a map of fields: %w", err)
	}
	return Compile(entries, model, isModel)
}

func (r *Edits) add(entries []Entry, wanted func(name string) bool) error {
	var removals []step
	for _, e := range entries {
		switch {
		case e.Name == Remove:
			list, err := compileRemovals(e.Value)
			if err != nil {
				return err
			}
			removals = append(removals, list...)
		case wanted(e.Name):
			r.steps = append(r.steps, step{name: e.Name, value: e.Value})
			if e.Name == "stream" {
				on := string(bytes.TrimSpace(e.Value)) == "true"
				r.Stream = &on
			}
		}
	}
	r.steps = append(r.steps, removals...)
	return nil
}

func members(object []byte) ([]Entry, error) {
	var list []Entry
	it := rawjson.MembersOf(object)
	for it.Next() {
		list = append(list, Entry{it.Name(), it.Value.Raw(object)})
	}
	return list, it.Err()
}

// Touches says whether a top-level field is set or removed.
func (r *Edits) Touches(name string) bool {
	return slices.ContainsFunc(r.steps, func(s step) bool {
		return s.name == name || s.removal != nil && s.removal.path[0] == name
	})
}

// Sets says whether a top-level field is set.
func (r *Edits) Sets(name string) bool {
	return slices.ContainsFunc(r.steps, func(s step) bool { return s.removal == nil && s.name == name })
}

// Edit puts the changes of a body into s. Nothing is changed in a body that is not one JSON object.
func (r *Edits) Edit(s *rawjson.Splicer, body []byte) {
	now := r.values(body)
	if now == nil {
		return
	}
	changed := make(map[string][]byte) // nil is removed
	for _, step := range r.steps {
		name := step.name
		if step.removal != nil {
			name = step.removal.path[0]
		}
		value, touched := changed[name]
		if !touched {
			value = now[name]
		}
		if step.removal == nil {
			changed[name] = merge(value, step.value)
		} else if value != nil {
			changed[name] = step.removal.from(value, step.removal.path[1:], 0)
		}
	}
	for _, step := range r.steps { // in their order: the same request gives the same bytes
		name := step.name
		if step.removal != nil {
			name = step.removal.path[0]
		}
		value, touched := changed[name]
		switch {
		case !touched:
		case value == nil:
			s.Remove(name)
		default:
			s.Set(name, value)
		}
	}
}

// values are the members that the rules change, as they are in a body; nil if that is no object. Of one that is there
// twice the last counts.
func (r *Edits) values(body []byte) map[string][]byte {
	values := make(map[string][]byte, len(r.steps))
	for _, step := range r.steps {
		if step.removal != nil {
			values[step.removal.path[0]] = nil
		} else {
			values[step.name] = nil
		}
	}
	it := rawjson.MembersOf(body)
	for it.Next() {
		name := it.Name()
		if _, changes := values[name]; changes {
			values[name] = it.Value.Raw(body)
		}
	}
	if it.Err() != nil {
		return nil
	}
	return values
}

// merge lays patch over a value: objects member by member, everything else whole.
func merge(value, patch []byte) []byte {
	v, err := rawjson.One(value)
	p, perr := rawjson.One(patch)
	if err != nil || perr != nil || v.Kind != rawjson.Object || p.Kind != rawjson.Object {
		return patch
	}
	var s rawjson.Splicer
	for it := p.Members(patch); it.Next(); {
		name, inner := it.Name(), it.Value.Raw(patch)
		if old := v.Get(value, name); old.Kind == rawjson.Object {
			inner = merge(old.Raw(value), inner)
		}
		s.Set(name, inner)
	}
	return splice(&s, v.Raw(value))
}

// splice is the changed object in one piece.
func splice(s *rawjson.Splicer, object []byte) []byte {
	parts, err := s.Parts(nil, object)
	if err != nil { // it has been read before: never
		return object
	}
	return slices.Concat(parts...)
}
