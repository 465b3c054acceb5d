// Package fields reads the members of a client's request, in whichever format, and words what is wrong with one.
package fields

import (
	"encoding/json"
	"math"
	"strconv"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Reader reads values of a body and keeps the first complaint about one. A null is an absent value. Texts alias the
// body.
type Reader struct {
	Data []byte
	Err  *codec.Error

	elements int
	depth    int
}

const (
	// MaxElements is how many messages, parts, calls and tools a request may have together. Each takes some 200 bytes
	// here, however short it is. Anthropic takes as many messages.
	MaxElements = 100_000
	// MaxNested is how deep things may stand in each other that hold things of their kind: a tool's result in a tool's
	// result.
	MaxNested = 4
)

// More counts an element of a list, and says whether it is to be read: not behind a complaint, nor if there are too
// many.
func (r *Reader) More(path string) bool {
	if r.elements++; r.elements > MaxElements {
		r.Fail(path, "goes on beyond what is read: a request may have 100,000 messages, parts, calls and tools together")
	}
	return r.Err == nil
}

// Nested reads what stands in another thing of its kind, unless that is too deep.
func (r *Reader) Nested(path string, read func()) {
	if r.depth == MaxNested {
		r.Fail(path, "is nested deeper than 4 levels")
		return
	}
	r.depth++
	read()
	r.depth--
}

// Fail complains about the value at path, unless there is a complaint already.
func (r *Reader) Fail(path, message string) {
	if r.Err == nil {
		r.Err = codec.BadRequest(path, "'"+path+"' "+message)
	}
}

// Want says whether v is there and of the kind; one that is there and is not gets the complaint.
func (r *Reader) Want(v rawjson.Value, kind rawjson.Kind, path string) bool {
	if v.Kind != kind && v.Present() {
		r.Fail(path, "must be "+kind.String()+", not "+v.Kind.String())
	}
	return v.Kind == kind
}

// Text is a string, "" if it is absent.
func (r *Reader) Text(v rawjson.Value, path string) string {
	if !r.Want(v, rawjson.String, path) {
		return ""
	}
	s, ok := rawjson.Text(r.Data, v)
	if !ok {
		r.Fail(path, "is not a valid JSON string")
	}
	return s
}

// Raw is the JSON of a value, nil if it is absent.
func (r *Reader) Raw(v rawjson.Value) []byte {
	if !v.Present() {
		return nil
	}
	return v.Raw(r.Data)
}

// Schema is the JSON of an object that is a member of another, nil if it is absent.
func (r *Reader) Schema(v rawjson.Value, of, member string) []byte {
	if v.Kind == rawjson.Object {
		return v.Raw(r.Data)
	}
	if v.Present() { // only then is it worth putting the path together
		r.Want(v, rawjson.Object, of+"."+member)
	}
	return nil
}

// Number is a number as it is spelt, "" if it is absent.
func (r *Reader) Number(v rawjson.Value, path string) json.Number {
	if !r.Want(v, rawjson.Number, path) {
		return ""
	}
	return json.Number(v.Raw(r.Data))
}

// Integer takes 4096 and also 4096.0, which some clients' languages make of it.
func (r *Reader) Integer(v rawjson.Value, path string) *int64 {
	if !r.Want(v, rawjson.Number, path) {
		return nil
	}
	n, ok := rawjson.Int(r.Data, v)
	if !ok {
		f, err := strconv.ParseFloat(string(v.Raw(r.Data)), 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			r.Fail(path, "must be a whole number")
			return nil
		}
		n = int64(f)
	}
	return &n
}

// Boolean is true, false or absent.
func (r *Reader) Boolean(v rawjson.Value, path string) *bool {
	if !v.Present() {
		return nil
	}
	b := v.Kind == rawjson.True
	if !b && v.Kind != rawjson.False {
		r.Fail(path, "must be true or false, not "+v.Kind.String())
	}
	return &b
}

// Texts is a list of strings.
func (r *Reader) Texts(v rawjson.Value, path string) []string {
	if !r.Want(v, rawjson.Array, path) {
		return nil
	}
	var list []string
	for it := v.Elements(r.Data); it.Next(); {
		list = append(list, r.Text(it.Value, path))
	}
	return list
}

// Field keeps a member that the model has no place for.
func (r *Reader) Field(to *codec.Fields, name string, v rawjson.Value) {
	*to = append(*to, codec.Field{Name: name, Raw: v.Raw(r.Data)})
}
