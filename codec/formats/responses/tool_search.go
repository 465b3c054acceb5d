package responses

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Codex and others give the model most of their tools only when it looks for them, or between two turns: items of the
// input carry these. Other formats have one list of tools for the whole conversation, so theirs are among it. A search
// that the client runs itself is a function elsewhere; one that OpenAI runs is none, and the tools that it would find
// are offered at once.

// toolSearch is the name of the function that stands for a search for tools that the client runs.
const toolSearch = "tool_search"

// isSearch says whether a tool is that.
func isSearch(t *codec.Tool) bool { return t.Extra.Get(toolSearch) != nil }

// searchTool reads a search for tools; false for one that the client does not run.
func (r *reader) searchTool(v rawjson.Value) (t codec.Tool, is bool) {
	if !r.byClient(v) {
		return t, false
	}
	return codec.Tool{
		Name:        toolSearch,
		Description: r.Text(v.Get(r.Data, "description"), "tools.description"),
		Schema:      r.Schema(v.Get(r.Data, "parameters"), "tools", "parameters"),
		Extra:       codec.Fields{{Name: toolSearch, Raw: []byte("true")}},
	}, true
}

// byClient says whether a search is one that the client runs.
func (r *reader) byClient(v rawjson.Value) bool {
	execution, _ := rawjson.Text(r.Data, v.Get(r.Data, "execution"))
	return execution == "client"
}

// searchCall reads a search that the model has asked for; false for one of OpenAI's, of which only the tools are left.
func (r *reader) searchCall(v rawjson.Value, path string) (p codec.Part, is bool) {
	id := r.Text(v.Get(r.Data, "call_id"), path+".call_id")
	if id == "" || !r.byClient(v) {
		return p, false
	}
	text := r.textOrJSON(v.Get(r.Data, "arguments"), path+".arguments")
	return codec.Part{Kind: codec.PartToolCall, Call: &codec.ToolCall{ID: id, Name: toolSearch, Arguments: text}}, true
}

// textOrJSON is a text, or what stands in its place as it is written.
func (r *reader) textOrJSON(v rawjson.Value, path string) string {
	switch {
	case v.Kind == rawjson.String:
		return r.Text(v, path)
	case v.Present():
		return string(v.Raw(r.Data))
	}
	return ""
}

// searchOutput takes the tools that a search has found, and reads what the model is told of it, if it has asked.
func (r *reader) searchOutput(v rawjson.Value, path string) (p codec.Part, is bool) {
	found := r.carry(v)
	id := r.Text(v.Get(r.Data, "call_id"), path+".call_id")
	if id == "" || !r.byClient(v) {
		return p, false
	}
	text := "No tools were found."
	if len(found) > 0 {
		text = "These tools can be called now: " + strings.Join(found, ", ")
	}
	return codec.Part{Kind: codec.PartToolResult, Result: &codec.ToolResult{
		CallID: id, Parts: []codec.Part{{Kind: codec.PartText, Text: text}},
	}}, true
}

// carry takes the tools of an item, and returns their names.
func (r *reader) carry(v rawjson.Value) (names []string) {
	before := len(r.carried)
	r.carried = r.tools(v.Get(r.Data, "tools"), "", r.carried)
	for i := range r.carried[before:] {
		names = append(names, r.carried[before+i].Name)
	}
	return names
}

// withCarried is a list of tools and behind it those that items have carried, each once.
func (r *reader) withCarried(tools []codec.Tool) []codec.Tool {
	if len(r.carried) == 0 {
		return tools
	}
	has := make(map[string]bool, len(tools)+len(r.carried))
	for i := range tools {
		has[tools[i].Name] = true
	}
	for i := range r.carried {
		if t := &r.carried[i]; !has[t.Name] {
			has[t.Name] = true
			tools = codec.Add(tools, *t)
		}
	}
	return tools
}

// hasSearch says whether a client of this format runs a search for tools.
func hasSearch(q *codec.Request) bool {
	for i := range q.Tools {
		if isSearch(&q.Tools[i]) {
			return q.Format == formatName
		}
	}
	return false
}
