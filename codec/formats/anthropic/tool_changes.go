package anthropic

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// A conversation may add tools and take them away between its turns (the betas of tool changes and of inline tools).
// Other formats have one list for the whole of it: what is there at its end.

// toolAddition is the type of a block that adds a tool, and marks tools that were added so.
const toolAddition = "tool_addition"

// isAdded says whether a block of the conversation has added a tool.
func isAdded(t *codec.Tool) bool { return t.Extra.Get(toolAddition) != nil }

// toolChange takes what a block says of the tools that there are.
func (r *reader) toolChange(v rawjson.Value, kind, path string) {
	switch kind {
	case toolAddition, "tool_removal":
		r.oneChange(v.Get(r.Data, "tool"), kind == toolAddition, path+".tool")
	case "compaction":
		for it := v.Get(r.Data, "tool_changes").Elements(r.Data); it.Next() && r.More(path); {
			kind, _ := rawjson.Text(r.Data, it.Value.Get(r.Data, "type"))
			r.oneChange(it.Value.Get(r.Data, "tool"), kind == toolAddition, path+".tool_changes.tool")
		}
	}
}

// oneChange adds a tool, by its definition or by the name of one that was taken away, or takes one away.
func (r *reader) oneChange(v rawjson.Value, adds bool, path string) {
	kind, _ := rawjson.Text(r.Data, v.Get(r.Data, "type"))
	name := r.Text(v.Get(r.Data, "name"), path+".name")
	if definition := v.Get(r.Data, "definition"); kind == "tool_definition" && adds && r.Want(definition, rawjson.Object, path+".definition") {
		t := r.tool(definition, path+".definition")
		t.Extra = append(t.Extra, codec.Field{Name: toolAddition, Raw: []byte("true")})
		name = t.Name
		if place, again := r.places[name]; again {
			r.added[place] = t
		} else {
			if r.places == nil {
				r.places = map[string]int{}
			}
			r.places[name] = len(r.added)
			r.added = codec.Add(r.added, t)
		}
	} else if kind != "tool_reference" {
		return
	}
	if adds {
		delete(r.removed, name)
		return
	}
	if r.removed == nil {
		r.removed = map[string]bool{}
	}
	r.removed[name] = true
}

// changed is a list of tools as it is at the end of the conversation.
func (r *reader) changed(tools []codec.Tool) []codec.Tool {
	if len(r.added) == 0 && len(r.removed) == 0 {
		return tools
	}
	tools = slices.DeleteFunc(tools, func(t codec.Tool) bool {
		_, again := r.places[t.Name]
		return again
	})
	return slices.DeleteFunc(append(tools, r.added...), func(t codec.Tool) bool { return t.Kind != codec.ToolHosted && r.removed[t.Name] })
}
