package passthrough

import (
	"uniapi/codec/rawjson"
)

// HasID says whether an answer has an id, by which clients tell answers apart. It stands near the beginning, where it
// is found at once.
func HasID(data []byte, answer rawjson.Value) bool {
	for it := answer.Members(data); it.Next(); {
		if it.Name() == "id" && it.Value.Kind == rawjson.String && it.Value.End-it.Value.Start > len(`""`) {
			return true
		}
	}
	return false
}

// WithID is an answer with an id. What cannot be read stays as it is.
func WithID(answer []byte, id string) []byte {
	return rawjson.With(answer, "id", rawjson.AppendString(nil, id))
}

// AppendWithID appends an event whose member holds an answer, with an id in that.
func AppendWithID(dst, name, data []byte, member, id string) []byte {
	if v, err := rawjson.One(data); err == nil {
		if answer := v.Get(data, member); answer.Kind == rawjson.Object {
			data = rawjson.With(data, member, WithID(answer.Raw(data), id))
		}
	}
	return AppendEvent(dst, name, data)
}

// AppendEvent appends an event whose data is JSON, which may have come in several lines, in one.
func AppendEvent(dst, name, data []byte) []byte {
	if len(name) > 0 {
		dst = append(append(append(dst, "event: "...), name...), '\n')
	}
	dst = append(dst, "data: "...)
	from := len(dst)
	dst = append(dst, data...)
	for i, c := range dst[from:] {
		if c == '\n' || c == '\r' { // a space between values: in a text it would be escaped
			dst[from+i] = ' '
		}
	}
	return append(dst, "\n\n"...)
}
