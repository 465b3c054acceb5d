package responses

import (
	"encoding/json"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// typed is a tool that clients declare by its type alone and run themselves. Elsewhere it is a function of that name,
// whose arguments are one member of the item that calls it.
type typed struct {
	kind                *itemKind
	action              string // the member
	description, schema string
	absent              []codec.Field // what clients read of it, where the model leaves it out
}

// typedTools are such tools by their types. Their members are those of OpenAI's Python SDK: ShellCallAction,
// LocalShellCallAction and ApplyPatchCallOperation* in types/responses/response_input_item.py.
var typedTools = map[string]*typed{
	"shell": {&itemKind{name: "shell_call", prefix: "sh_"}, "action",
		"Runs shell commands, one after another, and returns what each printed and how it ended.",
		`{"type":"object","properties":{"commands":{"type":"array","items":{"type":"string"}},"timeout_ms":{"type":"integer","description":"How long they may take, in milliseconds."},` +
			`"max_output_length":{"type":"integer","description":"How many characters of output are returned at most."}},"required":["commands"]}`,
		[]codec.Field{{Name: "commands", Raw: []byte("[]")}, {Name: "timeout_ms", Raw: []byte("null")}, {Name: "max_output_length", Raw: []byte("null")}}},
	"local_shell": {&itemKind{name: "local_shell_call", prefix: "lsh_"}, "action",
		"Runs a command and returns what it printed.",
		`{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments, such as [\"bash\",\"-lc\",\"ls\"]."},` +
			`"env":{"type":"object","additionalProperties":{"type":"string"}},"timeout_ms":{"type":"integer","description":"How long it may take, in milliseconds."},` +
			`"user":{"type":"string"},"working_directory":{"type":"string"}},"required":["command"]}`,
		[]codec.Field{{Name: "type", Raw: []byte(`"exec"`)}, {Name: "command", Raw: []byte("[]")}, {Name: "env", Raw: []byte("{}")}}},
	"apply_patch": {&itemKind{name: "apply_patch_call", prefix: "apc_"}, "operation",
		"Creates, updates or deletes a file by a patch in the V4A format: the diff has the lines of a new file, each behind a +, or hunks that begin with @@, " +
			"in which a line begins with a space if it stays, with - if it goes and with + if it is new.",
		`{"type":"object","properties":{"type":{"type":"string","enum":["create_file","update_file","delete_file"]},"path":{"type":"string"},` +
			`"diff":{"type":"string","description":"Needed unless the file is deleted."}},"required":["type","path"]}`,
		[]codec.Field{{Name: "type", Raw: []byte(`"update_file"`)}, {Name: "path", Raw: []byte(`""`)}}},
}

// typedTool reads a tool of a type as the function that it is elsewhere; false for one that OpenAI runs, as it does a
// shell in a container.
func (r *reader) typedTool(v rawjson.Value, kind string) (t codec.Tool, is bool) {
	as := typedTools[kind]
	if as == nil || r.contained(v) {
		return t, false
	}
	return codec.Tool{Name: kind, Description: as.description, Schema: json.RawMessage(as.schema), Raw: v.Raw(r.Data)}, true
}

// contained says whether a shell runs in a container of OpenAI's.
func (r *reader) contained(v rawjson.Value) bool {
	where, _ := rawjson.Text(r.Data, v.Get(r.Data, "environment").Get(r.Data, "type"))
	return strings.HasPrefix(where, "container")
}

// typedItem reads a call of such a tool, or what the client says that came of one; false for any other item. A result
// without its call is OpenAI's own.
func (r *reader) typedItem(v rawjson.Value, kind, path string) (m codec.Message, is bool) {
	name, answers := strings.CutSuffix(kind, "_call_output")
	if !answers {
		name = strings.TrimSuffix(kind, "_call")
	}
	as := typedTools[name]
	if as == nil || kind == name {
		return m, false
	}
	get := func(name string) string { return r.Text(v.Get(r.Data, name), path+"."+name) }
	id := get("call_id")
	if answers {
		if id == "" {
			id = get("id") // by which a local shell's result names its call
		}
		if id = r.called[id]; id == "" {
			return m, false
		}
		m.Role, m.Parts = codec.RoleTool, []codec.Part{{Kind: codec.PartToolResult, Raw: v.Raw(r.Data), Result: r.typedResult(v, id, path)}}
		return m, true
	}
	if id == "" || r.contained(v) {
		return m, false
	}
	if r.called == nil {
		r.called = map[string]string{}
	}
	r.called[id] = id
	if item := get("id"); item != "" && r.called[item] == "" {
		r.called[item] = id
	}
	m.Role, m.Parts = codec.RoleAssistant, []codec.Part{{Kind: codec.PartToolCall, Raw: v.Raw(r.Data),
		Call: &codec.ToolCall{ID: id, Name: name, Arguments: string(v.Get(r.Data, as.action).Raw(r.Data))}}}
	return m, true
}

// typedResult is what came of a call: its output, as text or as the list of what commands printed, and whether it
// failed.
func (r *reader) typedResult(v rawjson.Value, id, path string) *codec.ToolResult {
	text := r.textOrJSON(v.Get(r.Data, "output"), path+".output")
	status := r.Text(v.Get(r.Data, "status"), path+".status")
	if text == "" {
		text = status
	}
	return &codec.ToolResult{CallID: id, Error: status == "failed", Parts: []codec.Part{{Kind: codec.PartText, Text: text}}}
}

// typedOf finds which functions stand for such tools of a client of this format; nil if none does.
func typedOf(q *codec.Request) (found map[string]*typed) {
	for i := range q.Tools {
		t := &q.Tools[i]
		if t.Raw == nil || t.Kind != codec.ToolFunction || q.Format != formatName {
			continue
		}
		if found == nil {
			found = map[string]*typed{}
		}
		found[t.Name] = typedTools[t.Name]
	}
	return found
}

// append writes the member that the arguments of a call are.
func (as *typed) append(dst, arguments []byte) []byte {
	object := objectIn(arguments)
	v, err := rawjson.One(object)
	dst = append(rawjson.Key(dst, as.action), '{')
	for _, f := range as.absent {
		if err != nil || !v.Get(object, f.Name).Present() {
			dst = rawjson.Field(dst, f.Name, f.Raw)
		}
	}
	for it := v.Members(object); it.Next(); {
		if it.Value.Present() {
			dst = rawjson.Field(dst, it.Name(), it.Value.Raw(object))
		}
	}
	return append(dst, '}')
}
