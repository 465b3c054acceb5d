package anthropic

import (
	"encoding/json"
	"math"
	"strconv"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// reader reads values of a body and keeps the first complaint about one. A null is an absent value. Texts alias the body.
type reader struct {
	data []byte
	err  *codec.Error
}

func (r *reader) fail(path, message string) {
	if r.err == nil {
		r.err = codec.BadRequest(path, "'"+path+"' "+message)
	}
}

// want says whether v is there and of the kind; one that is there and is not gets the complaint.
func (r *reader) want(v rawjson.Value, kind rawjson.Kind, path string) bool {
	if v.Kind != kind && v.Present() {
		r.fail(path, "must be "+kind.String()+", not "+v.Kind.String())
	}
	return v.Kind == kind
}

func (r *reader) text(v rawjson.Value, path string) string {
	if !r.want(v, rawjson.String, path) {
		return ""
	}
	s, ok := rawjson.Text(r.data, v)
	if !ok {
		r.fail(path, "is not a valid JSON string")
	}
	return s
}

func (r *reader) raw(v rawjson.Value) []byte {
	if !v.Present() {
		return nil
	}
	return v.Raw(r.data)
}

func (r *reader) number(v rawjson.Value, path string) json.Number {
	if !r.want(v, rawjson.Number, path) {
		return ""
	}
	return json.Number(v.Raw(r.data))
}

// integer takes 4096 and also 4096.0, which some clients' languages make of it.
func (r *reader) integer(v rawjson.Value, path string) *int64 {
	if !r.want(v, rawjson.Number, path) {
		return nil
	}
	n, ok := rawjson.Int(r.data, v)
	if !ok {
		f, err := strconv.ParseFloat(string(v.Raw(r.data)), 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			r.fail(path, "must be a whole number")
			return nil
		}
		n = int64(f)
	}
	return &n
}

func (r *reader) boolean(v rawjson.Value, path string) *bool {
	if !v.Present() {
		return nil
	}
	b := v.Kind == rawjson.True
	if !b && v.Kind != rawjson.False {
		r.fail(path, "must be true or false, not "+v.Kind.String())
	}
	return &b
}

func (r *reader) texts(v rawjson.Value, path string) []string {
	if !r.want(v, rawjson.Array, path) {
		return nil
	}
	var list []string
	for it := v.Elements(r.data); it.Next(); {
		list = append(list, r.text(it.Value, path))
	}
	return list
}

// field keeps a member that the model has no place for.
func (r *reader) field(to *codec.Fields, name string, v rawjson.Value) {
	*to = append(*to, codec.Field{Name: name, Raw: v.Raw(r.data)})
}

func (r *reader) cache(v rawjson.Value) *codec.Cache {
	if v.Kind != rawjson.Object {
		return nil
	}
	ttl, _ := rawjson.Text(r.data, v.Get(r.data, "ttl"))
	return &codec.Cache{TTL: ttl}
}
