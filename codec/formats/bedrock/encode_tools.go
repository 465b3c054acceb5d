package bedrock

import (
	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/rawjson"
	"uniapi/codec/schema"
)

// tools are the tools to offer, in the client's order. A conversation that speaks of tools must offer some, even if
// none may be called.
func (w *writer) tools(list []alternation.Turn) []codec.Tool {
	choice := &w.q.ToolChoice
	allows := choice.Allows()
	out := make([]codec.Tool, 0, len(w.q.Tools)+1)
	for _, t := range w.q.Tools {
		switch {
		case t.Kind == codec.ToolHosted && !w.own:
		case !allows(t.Name):
		case choice.Mode == codec.ToolNamed && !w.can.name && t.Name != choice.Name:
		default:
			out = append(out, t)
		}
	}
	history := called(list)
	if choice.Mode == codec.ToolNone && len(history) == 0 {
		out = out[:0]
	}
	if len(out) == 0 {
		out = history
	}
	if w.emulates() {
		out = append(out, codec.Tool{Name: answerTool, Description: "Gives the answer to the user.", Schema: w.q.Output.Schema})
	}
	return out
}

// called are the tools that a history speaks of.
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
				tools = codec.Add(tools, codec.Tool{Kind: kind, Name: p.Call.Name})
			}
		}
	}
	return tools
}

var textInput = []byte(`{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`)

func (w *writer) appendTools(dst []byte, tools []codec.Tool) []byte {
	if len(tools) == 0 {
		return dst
	}
	dst = append(rawjson.Key(dst, "toolConfig"), `{"tools":[`...)
	for i := range tools {
		t := &tools[i]
		if t.Kind == codec.ToolHosted {
			dst = append(rawjson.Comma(dst), t.Raw...)
			continue
		}
		dst = append(rawjson.Comma(dst), `{"toolSpec":{`...)
		dst = rawjson.Str(dst, "name", t.Name)
		dst = rawjson.StrIf(dst, "description", t.Described())
		dst = append(rawjson.Key(dst, "inputSchema"), `{"json":`...)
		switch {
		case t.Kind == codec.ToolCustom:
			dst = append(dst, textInput...)
		case w.own && len(t.Schema) > 0:
			dst = append(dst, t.Schema...)
		default:
			clean, err := schema.Clean(dst, t.Schema, schema.Bedrock)
			if err != nil {
				w.fail("tools", "the parameters of the tool '"+t.Name+"' are not usable: "+err.Error())
			}
			dst = clean
		}
		dst = append(dst, '}')
		for _, f := range t.Extra {
			if w.own {
				dst = rawjson.Field(dst, f.Name, f.Raw)
			}
		}
		dst = append(dst, "}}"...)
		if w.can.cacheTools || w.own {
			dst = w.appendPoint(dst, t.Cache)
		}
	}
	dst = append(dst, ']')
	return append(w.appendToolChoice(dst), '}')
}

func (w *writer) appendToolChoice(dst []byte) []byte {
	c := &w.q.ToolChoice
	mode, name := c.Mode, c.Name
	if w.emulates() {
		if mode = codec.ToolRequired; len(w.q.Tools) == 0 && w.can.name {
			mode, name = codec.ToolNamed, answerTool
		}
	}
	if mode == codec.ToolNamed && !w.can.name { // the others are not offered then
		mode = codec.ToolRequired
	}
	if mode == codec.ToolRequired && !w.can.force {
		mode = codec.ToolAuto
	}
	switch {
	case mode == codec.ToolRequired:
		return append(rawjson.Key(dst, "toolChoice"), `{"any":{}}`...)
	case mode == codec.ToolNamed:
		dst = append(rawjson.Key(dst, "toolChoice"), `{"tool":{`...)
		return append(rawjson.Str(dst, "name", name), "}}"...)
	case mode == codec.ToolAuto && w.can.force:
		return append(rawjson.Key(dst, "toolChoice"), `{"auto":{}}`...)
	}
	return dst
}

// maxPoints is how many cache points a request may have. Of more the first go: the last ones cover the longest
// prefixes.
const maxPoints = 4

func (w *writer) countPoints(tools []codec.Tool, system []codec.Part, list []alternation.Turn) (n int) {
	for i := range tools {
		if tools[i].Cache != nil && (w.can.cacheTools || w.own) {
			n++
		}
	}
	count := func(parts []codec.Part) {
		for i := range parts {
			if parts[i].Cache != nil {
				n++
			}
		}
	}
	count(system)
	for i := range list {
		count(list[i].Parts)
	}
	return n
}

// appendPoint writes a cache point, which is an element of its own behind what it marks.
func (w *writer) appendPoint(dst []byte, c *codec.Cache) []byte {
	if c == nil || !w.can.cache && !w.own {
		return dst
	}
	if w.skip > 0 {
		w.skip--
		return dst
	}
	dst = append(rawjson.Comma(dst), `{"cachePoint":{"type":"default"`...)
	if c.TTL != "1h" || w.can.hour || w.own {
		dst = rawjson.StrIf(dst, "ttl", c.TTL)
	}
	return append(dst, "}}"...)
}
