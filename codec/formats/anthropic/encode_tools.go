package anthropic

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/rawjson"
	"uniapi/codec/schema"
)

// tools are the tools to offer, in the client's order.
func (w *writer) tools(list []alternation.Turn) []codec.Tool {
	q, choice := w.q, &w.q.ToolChoice
	allows := choice.Allows()
	out := make([]codec.Tool, 0, len(q.Tools)+1)
	for _, t := range q.Tools {
		switch {
		case !allows(t.Name):
		case choice.Mode == codec.ToolNamed && !choice.Hosted && !w.mayForce() && t.Name != choice.Name:
			// What cannot be forced is left alone to choose from.
		case w.own && isAdded(&t):
			// The block that adds it is sent.
		case t.Kind == codec.ToolHosted && !w.own:
			if strings.HasPrefix(t.Name, "web_search") && !w.format.hosted() {
				out = append(out, webSearch)
			}
		default:
			out = append(out, t)
		}
	}
	if q.Extra.Get("web_search_options") != nil && !w.own && !w.format.hosted() {
		out = append(out, webSearch)
	}
	if len(out) == 0 && !w.own {
		out = called(list)
	}
	if w.emulates() {
		out = append(out, codec.Tool{Name: AnswerTool, Description: "Gives the answer to the user.", Schema: w.q.Output.Schema})
	}
	return out
}

var webSearch = codec.Tool{Kind: codec.ToolHosted, Raw: []byte(`{"type":"web_search_20250305","name":"web_search"}`)}

// called are the tools that a history speaks of, for requests that offer none: both ends are refused otherwise.
func called(list []alternation.Turn) (tools []codec.Tool) {
	seen := make(map[string]bool)
	for _, t := range list {
		for _, p := range t.Parts {
			if p.Kind == codec.PartToolCall && !seen[p.Call.Name] {
				seen[p.Call.Name] = true
				kind := codec.ToolFunction
				if p.Call.Custom {
					kind = codec.ToolCustom
				}
				tools = append(tools, codec.Tool{Kind: kind, Name: p.Call.Name})
			}
		}
	}
	return tools
}

// mayForce says whether the model can be made to call a tool. A client of this format knows itself what it asks for.
func (w *writer) mayForce() bool {
	return w.can.Choice("required", w.plan.thinks()) == "required" && (w.own || !w.plan.thinks())
}

func (w *writer) appendTools(dst []byte, tools []codec.Tool) []byte {
	if len(tools) == 0 {
		return dst
	}
	dst = append(rawjson.Key(dst, "tools"), '[')
	for i := range tools {
		t := &tools[i]
		if t.Kind == codec.ToolHosted || t.Raw != nil && w.own {
			dst = append(rawjson.Comma(dst), t.Raw...)
			continue
		}
		dst = append(rawjson.Comma(dst), '{')
		dst = rawjson.Str(dst, "name", t.Name)
		dst = w.appendSchema(dst, t)
		dst = w.appendMark(dst, t.Cache)
		for _, f := range t.Extra {
			if w.own && !w.format.hosted() { // other hosts refuse members that they do not know
				dst = rawjson.Field(dst, f.Name, f.Raw)
			}
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendSchema writes description, schema and strict. A tool that takes text takes it as the one member of an object.
func (w *writer) appendSchema(dst []byte, t *codec.Tool) []byte {
	if t.Kind == codec.ToolCustom {
		dst = rawjson.StrIf(dst, "description", t.Described())
		return append(rawjson.Key(dst, "input_schema"), `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`...)
	}
	dst = rawjson.StrIf(dst, "description", t.Description)
	strict := w.can.schema && t.Strict != nil && *t.Strict
	dst = rawjson.Key(dst, "input_schema")
	dialect := schema.AnthropicTool
	if strict {
		dialect = schema.AnthropicStrict
	}
	if w.own && len(t.Schema) > 0 || !strict && plainObject(t.Schema) {
		dst = append(dst, t.Schema...)
	} else if clean, err := schema.Clean(dst, t.Schema, dialect); err != nil {
		w.fail("tools", "the parameters of the tool '"+t.Name+"' are not usable: "+err.Error())
	} else {
		dst = clean
	}
	if strict {
		dst = append(rawjson.Key(dst, "strict"), "true"...)
	}
	return dst
}

// plainObject says whether a schema can be sent as it is: an object without combinators at the top.
func plainObject(raw []byte) bool {
	v, err := rawjson.One(raw)
	if err != nil {
		return false
	}
	object, properties := false, false
	for it := v.Members(raw); it.Next(); {
		switch it.Name() {
		case "anyOf", "oneOf", "allOf", "$ref":
			return false
		case "type":
			s, _ := rawjson.Text(raw, it.Value)
			object = s == "object"
		case "properties":
			properties = it.Value.Kind == rawjson.Object
		}
	}
	return object && properties
}

// appendToolChoice writes the wish about calls. With thinking none can be forced.
func (w *writer) appendToolChoice(dst []byte, tools []codec.Tool) []byte {
	if len(tools) == 0 {
		return dst
	}
	c := &w.q.ToolChoice
	one := w.q.ParallelToolCalls != nil && !*w.q.ParallelToolCalls
	kind := ""
	switch c.Mode {
	case codec.ToolAuto:
		kind = "auto"
	case codec.ToolNone:
		kind = "none"
	case codec.ToolRequired:
		kind = "any"
	case codec.ToolNamed:
		kind = "tool"
	}
	switch {
	case w.emulates() && w.mayForce():
		if kind = "tool"; len(tools) > 1 {
			kind = "any"
		}
		c = &codec.ToolChoice{Name: AnswerTool}
	case len(w.q.Tools) == 0 && !w.own && !w.emulates() && w.q.Extra.Get("web_search_options") == nil:
		kind = "none" // the tools are those of the history
	case kind == "any" || kind == "tool":
		if !w.mayForce() {
			kind = "auto"
		}
	case kind == "" && one:
		kind = "auto"
	}
	if kind == "" {
		return dst
	}
	dst = append(rawjson.Key(dst, "tool_choice"), '{')
	dst = rawjson.Str(dst, "type", kind)
	if kind == "tool" {
		dst = rawjson.Str(dst, "name", c.Name)
	}
	if kind != "none" && w.q.ParallelToolCalls != nil && (one || w.own) {
		dst = rawjson.BoolIf(dst, "disable_parallel_tool_use", &one)
	}
	return append(dst, '}')
}
