package gemini

import (
	"encoding/json"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// tools reads the tools: an object has functions, one of Google's own tools, or both.
func (r *reader) tools(v rawjson.Value) []codec.Tool {
	if v.Kind == rawjson.Object { // which Google's parser takes for a list of one
		return r.toolObject(nil, v, "tools")
	}
	if !r.Want(v, rawjson.Array, "tools") {
		return nil
	}
	var list []codec.Tool
	n := 0
	for it := v.Elements(r.Data); it.Next() && r.More("tools"); n++ {
		list = r.toolObject(list, it.Value, "tools["+strconv.Itoa(n)+"]")
	}
	return list
}

func (r *reader) toolObject(list []codec.Tool, v rawjson.Value, path string) []codec.Tool {
	if !r.Want(v, rawjson.Object, path) {
		return list
	}
	for it := v.Members(r.Data); it.Next() && r.More(path); {
		name := camel(it.Name())
		if name != "functionDeclarations" {
			raw := append(rawjson.Key([]byte{'{'}, name), it.Value.Raw(r.Data)...)
			list = codec.Add(list, codec.Tool{Kind: codec.ToolHosted, Name: name, Raw: append(raw, '}')})
			continue
		}
		at := path + ".functionDeclarations"
		if !r.Want(it.Value, rawjson.Array, at) {
			return list
		}
		n := 0
		for functions := it.Value.Elements(r.Data); functions.Next() && r.More(at); n++ {
			list = codec.Add(list, r.function(functions.Value, at+"["+strconv.Itoa(n)+"]"))
		}
	}
	return list
}

func (r *reader) function(v rawjson.Value, path string) codec.Tool {
	var t codec.Tool
	if !r.Want(v, rawjson.Object, path) {
		return t
	}
	for it := v.Members(r.Data); it.Next(); {
		switch name := camel(it.Name()); name {
		case "name":
			t.Name = r.Text(it.Value, path+".name")
		case "description":
			t.Description = r.Text(it.Value, path+".description")
		case "parameters":
			t.Schema = r.schema(it.Value, path+".parameters")
		case "parametersJsonSchema":
			if r.Want(it.Value, rawjson.Object, path+".parametersJsonSchema") {
				t.Schema = it.Value.Raw(r.Data)
			}
		default:
			t.Extra = append(t.Extra, codec.Field{Name: name, Raw: it.Value.Raw(r.Data)})
		}
	}
	if t.Name == "" {
		r.Fail(path, "needs a name")
	}
	return t
}

// toolConfig reads how functions may be called.
func (r *reader) toolConfig(q *codec.Request, v rawjson.Value) {
	if !r.Want(v, rawjson.Object, "toolConfig") {
		return
	}
	for it := v.Members(r.Data); it.Next(); {
		name := camel(it.Name())
		if name != "functionCallingConfig" {
			q.Extra = append(q.Extra, codec.Field{Name: "toolConfig." + name, Raw: it.Value.Raw(r.Data)})
			continue
		}
		const path = "toolConfig.functionCallingConfig"
		names := r.texts(member(r.Data, it.Value, "allowedFunctionNames"), path+".allowedFunctionNames")
		c := &q.ToolChoice
		switch mode := r.Text(it.Value.Get(r.Data, "mode"), path+".mode"); strings.ToUpper(mode) {
		case "AUTO":
			c.Mode = codec.ToolAuto
		case "NONE":
			c.Mode = codec.ToolNone
		case "ANY":
			if c.Mode = codec.ToolRequired; len(names) == 1 {
				c.Mode, c.Name = codec.ToolNamed, names[0]
			} else if len(names) > 1 {
				c.Allowed = names
			}
		case "VALIDATED":
			if c.Mode = codec.ToolAuto; len(names) > 0 {
				c.Allowed = names
			}
		case "", "MODE_UNSPECIFIED":
		default:
			r.Fail(path+".mode", "must be AUTO, ANY, NONE or VALIDATED, not '"+mode+"'")
		}
	}
}

// maxSchemaDepth is how deep a client's schema may be nested.
const maxSchemaDepth = 64

// schema makes JSON schema of Google's: types in upper case, nullable, and counts that its JSON writes as strings. JSON
// schema stays as it is.
func (r *reader) schema(v rawjson.Value, path string) json.RawMessage {
	if !r.Want(v, rawjson.Object, path) {
		return nil
	}
	return r.appendSchema(nil, v, path, 0)
}

func (r *reader) appendSchema(dst []byte, v rawjson.Value, path string, depth int) []byte {
	if v.Kind != rawjson.Object {
		return append(dst, v.Raw(r.Data)...)
	}
	if depth == maxSchemaDepth {
		r.Fail(path, "is nested deeper than "+strconv.Itoa(maxSchemaDepth)+" levels")
		return append(dst, "{}"...)
	}
	nullable := v.Get(r.Data, "nullable").Kind == rawjson.True && v.Get(r.Data, "type").Kind == rawjson.String
	dst = append(dst, '{')
	for it := v.Members(r.Data); it.Next(); {
		v, name := it.Value, camel(it.Name())
		if name == "nullable" && (nullable || v.Kind == rawjson.False) {
			continue
		}
		dst = append(rawjson.AppendString(rawjson.Comma(dst), name), ':')
		switch name {
		case "type":
			word, ok := rawjson.Text(r.Data, v)
			switch {
			case !ok:
				dst = append(dst, v.Raw(r.Data)...)
			case nullable:
				dst = append(rawjson.AppendString(append(dst, '['), strings.ToLower(word)), `,"null"]`...)
			default:
				dst = rawjson.AppendString(dst, strings.ToLower(word))
			}
		case "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties":
			if n := r.integer(v, path+"."+name); n != nil {
				dst = strconv.AppendInt(dst, *n, 10)
			} else {
				dst = append(dst, "null"...)
			}
		case "properties", "$defs", "defs", "definitions":
			if v.Kind != rawjson.Object {
				dst = append(dst, v.Raw(r.Data)...)
				break
			}
			dst = append(dst, '{')
			for inner := v.Members(r.Data); inner.Next(); {
				dst = append(rawjson.AppendString(rawjson.Comma(dst), inner.Name()), ':')
				dst = r.appendSchema(dst, inner.Value, path, depth+1)
			}
			dst = append(dst, '}')
		case "items", "additionalProperties":
			dst = r.appendSchema(dst, v, path, depth+1)
		case "anyOf", "oneOf", "allOf", "prefixItems":
			dst = append(dst, '[')
			for inner := v.Elements(r.Data); inner.Next(); {
				dst = r.appendSchema(rawjson.Comma(dst), inner.Value, path, depth+1)
			}
			dst = append(dst, ']')
		default:
			dst = append(dst, v.Raw(r.Data)...)
		}
	}
	return append(dst, '}')
}
