package anthropic

import (
	"encoding/json"

	"uniapi/codec"
)

// typed is a tool that clients declare by its type alone and run themselves: Claude knows what it takes, others are
// told of a function that takes the same. Its calls and their results are like those of any tool.
type typed struct{ name, description, schema string }

// typedTools are such tools. Names and types are those of Anthropic's Python SDK (types/tool_*_param.py), as are the
// arguments of memory (types/beta/beta_memory_tool_20250818_*_command.py); those of the others are what Anthropic's
// guide says of each tool. What insert inserts was new_str there, as it still is to clients such as LangChain
// (TextEditor20250728InsertCommandSchema), and is insert_text in its newer editions: the editors without undo_edit have
// it in both.
var typedTools = map[string]*typed{
	"bash_20241022":        bash,
	"bash_20250124":        bash,
	"text_editor_20241022": undoingEditor,
	"text_editor_20250124": undoingEditor,
	"text_editor_20250429": editor,
	"text_editor_20250728": editor,
	"memory_20250818":      memory,
}

const (
	stringArgument = `{"type":"string"}`
	viewArguments  = `"path":` + stringArgument + `,"view_range":{"type":"array","items":{"type":"integer"},"description":"For view: the first line and the last; -1 is the end of the file."}`
	editArguments  = `"file_text":{"type":"string","description":"For create: the whole content."},` +
		`"old_str":{"type":"string","description":"For str_replace: the text to replace, which must occur exactly once."},`
	lineArgument   = `"insert_line":{"type":"integer","description":"For insert: the line behind which the text goes; 0 is the beginning."}`
	insertArgument = `"insert_text":{"type":"string","description":"For insert: the text."}`
	newArgument    = `"new_str":{"type":"string","description":"For str_replace: what stands there instead."}`
)

var (
	bash = &typed{"bash", "Runs a command in a bash session that stays open between calls, and returns what it printed.",
		`{"type":"object","properties":{"command":{"type":"string","description":"The command; needed unless restart is true."},"restart":{"type":"boolean","description":"Begins a new session."}}}`}
	undoingEditor = &typed{"str_replace_editor", "Views, creates and edits files, and takes the last edit of one back.",
		commands(`"view","create","str_replace","insert","undo_edit"`, viewArguments+`,`+editArguments+
			`"new_str":{"type":"string","description":"For str_replace: what stands there instead. For insert: the text."},`+lineArgument, `,"path"`)}
	editor = &typed{"str_replace_based_edit_tool", "Views, creates and edits files.",
		commands(`"view","create","str_replace","insert"`, viewArguments+`,`+editArguments+
			`"new_str":{"type":"string","description":"For str_replace: what stands there instead. For insert: the same as insert_text."},`+lineArgument+`,`+insertArgument, `,"path"`)}
	memory = &typed{"memory", "Keeps notes as files in /memories, which outlast the conversation: look there before you begin, and write down what will be needed later.",
		commands(`"view","create","str_replace","insert","delete","rename"`, viewArguments+`,`+editArguments+newArgument+`,`+lineArgument+`,`+insertArgument+
			`,"old_path":{"type":"string","description":"For rename."},"new_path":{"type":"string","description":"For rename."}`, ``)}
)

// commands is the schema of a tool that does one of several things.
func commands(names, arguments, required string) string {
	return `{"type":"object","properties":{"command":{"type":"string","enum":[` + names + `]},` + arguments + `},"required":["command"` + required + `]}`
}

// typedTool is a tool of a type as the function that it is elsewhere; false for one that Anthropic runs.
func typedTool(t codec.Tool, kind string, raw []byte) (codec.Tool, bool) {
	as := typedTools[kind]
	if as == nil {
		return t, false
	}
	if t.Name == "" {
		t.Name = as.name
	}
	return codec.Tool{Name: t.Name, Description: as.description, Schema: json.RawMessage(as.schema), Cache: t.Cache, Raw: raw}, true
}
