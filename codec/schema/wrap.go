package schema

import (
	"bytes"
	"slices"

	"uniapi/codec/rawjson"
)

// AnswerMember is the only member of the object that an answer is wrapped in whose schema is none of an object.
const AnswerMember = "answer"

// combining are the members at the top of a schema for which providers do not take it for one of an object, whatever
// its type.
var combining = []string{"anyOf", "oneOf", "allOf", "not", "enum", "const", "$ref"}

// shared are the members by which the rest of a schema names parts of it: they stay at the top.
var shared = []string{"$defs", "definitions"}

// Wrap puts the schema of an answer that is no object, such as a list, a choice of words or of several objects, into
// one of an object with the answer as its only member: most providers take no other. False for a schema that is an
// object's, or none.
func Wrap(schema []byte) ([]byte, bool) {
	v, err := rawjson.One(schema)
	if err != nil || v.Kind != rawjson.Object || isObjectSchema(schema, v) {
		return nil, false
	}
	inner, kept := []byte{'{'}, []byte{'{'}
	for it := v.Members(schema); it.Next(); {
		switch name := it.Name(); {
		case slices.Contains(shared, name):
			kept = rawjson.Field(kept, name, moved(it.Value.Raw(schema)))
		case name != "$schema" && name != "$id":
			inner = rawjson.Field(inner, name, moved(it.Value.Raw(schema)))
		}
	}
	out := append([]byte(`{"type":"object","properties":{"`+AnswerMember+`":`), inner...)
	out = append(out, `}},"required":["`+AnswerMember+`"],"additionalProperties":false`...)
	if len(kept) > len(`{`) {
		out = append(append(out, ','), kept[1:]...)
	}
	return append(out, '}'), true
}

func isObjectSchema(schema []byte, v rawjson.Value) bool {
	object, properties, typed := false, false, false
	for it := v.Members(schema); it.Next(); {
		switch name := it.Name(); {
		case name == "type":
			typed = true
			word, _ := rawjson.Text(schema, it.Value)
			object = word == "object"
		case name == "properties":
			properties = true
		case slices.Contains(combining, name):
			return false
		}
	}
	return object || properties && !typed
}

var refMember = []byte(`"$ref"`)

// moved is a part of a schema with its references to the top, and to what stands there under no name of its own, where
// the answer is now.
func moved(part []byte) []byte {
	if !bytes.Contains(part, refMember) {
		return part
	}
	var out []byte
	for {
		at := bytes.Index(part, refMember)
		if at < 0 {
			return append(out, part...)
		}
		at += len(refMember)
		out, part = append(out, part[:at]...), part[at:]
		value := bytes.TrimLeft(part, " \t\r\n")
		if len(value) == 0 || value[0] != ':' {
			continue
		}
		value = bytes.TrimLeft(value[1:], " \t\r\n")
		rest, isTop := bytes.CutPrefix(value, []byte(`"#`))
		if !isTop || bytes.HasPrefix(rest, []byte("/$defs/")) || bytes.HasPrefix(rest, []byte("/definitions/")) ||
			!bytes.HasPrefix(rest, []byte("/")) && !bytes.HasPrefix(rest, []byte(`"`)) { // an anchor
			continue
		}
		out = append(out, `:"#/properties/`+AnswerMember...)
		part = rest
	}
}
