package gemini

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// customInput is the argument that carries the text for a custom tool, of which Google knows none: it becomes a
// function.
const customInput = "input"

const customSchema = `{"type":"object","properties":{"` + customInput + `":{"type":"string"}},"required":["` + customInput + `"]}`

// hostedNames are Google's own tools by the words that other formats have for them.
var hostedNames = []struct{ word, name string }{
	{"web_search", "googleSearch"}, {"google_search", "googleSearch"}, {"googlesearch", "googleSearch"},
	{"code_interpreter", "codeExecution"}, {"code_execution", "codeExecution"}, {"url_context", "urlContext"}, {"web_fetch", "urlContext"},
}

// appendTools writes tools and toolConfig.
func (f Format) appendTools(dst []byte, q *codec.Request, t capabilities, search bool) ([]byte, error) {
	if !t.has("tools") {
		return dst, nil
	}
	hosted, functions := hostedTools(q, search)
	if functions > 0 && !t.has("hosted_with_functions") {
		hosted = nil // refused together with functions
	}
	if functions == 0 && len(hosted) == 0 {
		return dst, nil
	}
	dst = append(rawjson.Key(dst, "tools"), '[')
	if functions > 0 {
		dst = append(dst, `{"functionDeclarations":[`...)
		for i := range q.Tools {
			tool := &q.Tools[i]
			if !isFunction(tool) {
				continue
			}
			dst = append(rawjson.Comma(dst), '{')
			dst = rawjson.Str(dst, "name", tool.Name)
			dst = rawjson.Str(dst, "description", tool.Described())
			var err error
			if dst, err = appendParameters(dst, tool, t); err != nil {
				return dst, codec.BadRequest("tools", "the parameters of the tool '"+tool.Name+"' cannot be read: "+err.Error())
			}
			if q.Format == formatName {
				for _, x := range tool.Extra {
					dst = rawjson.Field(dst, x.Name, x.Raw)
				}
			}
			dst = append(dst, '}')
		}
		dst = append(dst, "]}"...)
	}
	for _, raw := range hosted {
		dst = append(rawjson.Comma(dst), raw...)
	}
	dst = append(dst, ']')
	return f.appendToolConfig(dst, q, functions > 0, functions > 0 && len(hosted) > 0), nil
}

// isFunction says whether the tool is declared as a function. One called googleSearch is what clients of uni-api ask
// for search with.
func isFunction(t *codec.Tool) bool { return t.Kind != codec.ToolHosted && t.Name != "googleSearch" }

// hostedTools lists the tools that Google runs, each once, and counts the functions.
func hostedTools(q *codec.Request, search bool) (hosted []string, functions int) {
	seen := make(map[string]bool)
	add := func(raw string) {
		if !seen[raw] {
			seen[raw] = true
			hosted = append(hosted, raw)
		}
	}
	for i := range q.Tools {
		t := &q.Tools[i]
		if isFunction(t) {
			functions++
			continue
		}
		if t.Kind == codec.ToolHosted && q.Format == formatName {
			add(string(t.Raw))
			continue
		}
		for _, h := range hostedNames {
			if strings.HasPrefix(strings.ToLower(t.Name), h.word) {
				add(`{"` + h.name + `":{}}`)
				break
			}
		}
	}
	if search || q.Extra.Get("web_search_options") != nil && q.Format != formatName {
		add(`{"googleSearch":{}}`)
	}
	return hosted, functions
}

func appendParameters(dst []byte, tool *codec.Tool, t capabilities) ([]byte, error) {
	raw := []byte(tool.Schema)
	if tool.Kind == codec.ToolCustom {
		raw = []byte(customSchema)
	}
	if len(raw) == 0 || !t.has("empty_parameters") && !hasProperties(raw) { // older models refuse an object without properties
		return dst, nil
	}
	return appendSchema(dst, "parametersJsonSchema", "parameters", raw, t)
}

func hasProperties(raw []byte) bool {
	v, err := rawjson.One(raw)
	if err != nil {
		return true // to be complained about
	}
	p := v.Get(raw, "properties")
	it := p.Members(raw)
	return it.Next() || v.Get(raw, "$ref").Present()
}

// appendToolConfig writes how functions may be called. combined is for functions beside Google's own tools, whose use
// AI Studio must be told to show.
func (f Format) appendToolConfig(dst []byte, q *codec.Request, functions, combined bool) []byte {
	before := len(dst)
	dst = append(rawjson.Key(dst, "toolConfig"), '{')
	empty := len(dst)
	mode := ""
	names := q.ToolChoice.Allowed
	switch q.ToolChoice.Mode {
	case codec.ToolAuto:
		mode = "AUTO"
		if names != nil {
			mode = "VALIDATED" // AUTO takes no names
		}
	case codec.ToolNone:
		mode = "NONE"
	case codec.ToolRequired:
		mode = "ANY"
	case codec.ToolNamed:
		mode, names = "ANY", []string{q.ToolChoice.Name}
	}
	if mode != "" && functions {
		dst = append(rawjson.Key(dst, "functionCallingConfig"), '{')
		dst = rawjson.Str(dst, "mode", mode)
		if len(names) > 0 {
			dst = appendTexts(dst, "allowedFunctionNames", names)
		}
		dst = append(dst, '}')
	}
	if combined && !f.Vertex {
		dst = append(rawjson.Key(dst, "includeServerSideToolInvocations"), "true"...)
	}
	if q.Format == formatName {
		for _, x := range q.Extra {
			if name, ok := strings.CutPrefix(x.Name, "toolConfig."); ok {
				dst = rawjson.Field(dst, name, x.Raw)
			}
		}
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, '}')
}
