package choice

import (
	"bytes"
	"strings"

	"uniapi/codec/fields"
	"uniapi/codec/quoted"
	"uniapi/codec/rawjson"
)

// Hosted says whether one of the tools of a body is the provider's own, which may ask another model, and walks to the
// end of their list: Leave must follow. A tool that the client runs asks nobody. google is for tools in Google's
// format. It does not allocate.
func Hosted(body []byte, tools *rawjson.Elements, google bool) (found bool) {
	for tools.Step() {
		if !google {
			if end := plainEnd(body, tools.Value.Start); end > 0 {
				tools.Pass(end)
				continue
			}
		}
		tool := tools.Members()
		for tool.Step() {
			switch {
			case isSpace(&tool, google):
				space := tool.Elements()
				for space.Step() {
					inner := space.Members()
					for inner.Step() { // a namespace in a namespace is none that is known
						found = found || isSpace(&inner, google) || isHosts(body, &inner, google)
					}
					space.Leave(&inner.Walk)
				}
				tool.Leave(&space.Walk)
			case !found:
				found = isHosts(body, &tool, google)
			}
		}
		tools.Leave(&tool.Walk)
	}
	return found
}

// Carried is Hosted for the tools that items of a Responses request's input carry: additional_tools,
// tool_search_output, and whatever else has such a list.
func Carried(body []byte, items *rawjson.Elements) (found bool) {
	for items.Step() {
		item := items.Members()
		for item.Step() {
			if !carries(&item) {
				continue
			}
			tools := item.Elements()
			found = Hosted(body, &tools, false) || found
			item.Leave(&tools.Walk)
		}
		items.Leave(&item.Walk)
	}
	return found
}

// carries says whether a member of an item is a list of tools.
func carries(it *rawjson.Members) bool {
	name := it.Name()
	return len(name) == len("tools") && strings.EqualFold(name, "tools") && it.Value.Kind == rawjson.Array
}

// Added says whether blocks of Anthropic's messages add tools to a conversation, which may be the provider's own. Long
// conversations are looked through for the word by which they do. It does not allocate, unless it is there.
func Added(body []byte, messages rawjson.Value) bool {
	return messages.Kind == rawjson.Array && mayDefine(messages.Raw(body)) && defines(body, messages)
}

// mayDefine says whether tool_definition may stand somewhere in a value, with or without escapes.
func mayDefine(raw []byte) bool {
	const before, behind = "tool", "definition"
	for rest := raw; ; {
		i := bytes.IndexByte(rest, '_')
		if i < 0 {
			break
		}
		if bytes.HasSuffix(rest[:i], []byte(before)) && bytes.HasPrefix(rest[i+1:], []byte(behind)) {
			return true
		}
		rest = rest[i+1:]
	}
	for rest := raw; ; {
		i := bytes.IndexByte(rest, '\\') // of a search for all that begins an escape most would be in vain
		if i < 0 || i+len(`\u00xx`) > len(rest) {
			return false
		}
		if quoted.Hides(rest[i:]) {
			return true
		}
		rest = rest[i+len(`\x`):]
	}
}

// defines says whether a block has a tool, or a list of changes.
func defines(body []byte, messages rawjson.Value) bool {
	for it := messages.Elements(body); it.Next(); {
		for message := it.Value.Members(body); message.Next(); {
			if !strings.EqualFold(message.Name(), "content") {
				continue
			}
			for blocks := message.Value.Elements(body); blocks.Next(); {
				for block := blocks.Value.Members(body); block.Next(); {
					if changes(&block) {
						return true
					}
				}
			}
		}
	}
	return false
}

// changes says whether a member of a block is a tool that it adds, or a list of such blocks.
func changes(it *rawjson.Members) bool {
	if it.Value.Kind < rawjson.Array {
		return false
	}
	name := it.Name()
	return strings.EqualFold(name, "tool") || strings.EqualFold(name, "tool_changes")
}

// blocks looks at the tools that blocks of messages add.
func (f *finder) blocks(messages rawjson.Value) {
	for it := messages.Elements(f.body); it.Next(); {
		for message := it.Value.Members(f.body); message.Next(); {
			if strings.EqualFold(message.Name(), "content") {
				f.changed(message.Value, 0)
			}
		}
	}
}

// changed looks at the blocks of a list.
func (f *finder) changed(list rawjson.Value, depth int) {
	for it := list.Elements(f.body); it.Next(); {
		for block := it.Value.Members(f.body); block.Next(); {
			switch {
			case !changes(&block):
			case block.Value.Kind == rawjson.Array && depth == 0:
				f.changed(block.Value, 1)
			default:
				for tool := block.Value.Members(f.body); tool.Next(); {
					if strings.EqualFold(tool.Name(), "definition") {
						f.tool(tool.Value, 0)
					}
				}
			}
		}
	}
}

// Chosen says whether the value of tool_choice names a model. It does not allocate, unless it does.
func Chosen(body []byte, choice rawjson.Value) bool {
	f := finder{body: body, in: toolChoice}
	f.find(choice, false, 0)
	return len(f.names) > 0 || f.err != nil
}

// items looks at the tools that items carry.
func (f *finder) items(list rawjson.Value) {
	for it := list.Elements(f.body); it.Next(); {
		for item := it.Value.Members(f.body); item.Next(); {
			if carries(&item) {
				f.tools(item.Value, 0)
			}
		}
	}
}

// chatTool is how tools of chat requests begin, as the SDKs write them.
const chatTool = `{"type":"function","function":{`

// plainEnd is where the tool at that place ends, if a look at the names of its members is enough to tell that the
// client runs it. 0 means nothing: it may be another tool, or one that is written in another way than by nearly
// everybody.
func plainEnd(body []byte, at int) int {
	if bytes.HasPrefix(body[at:], []byte(chatTool)) {
		function, err := rawjson.Skip(body, at+len(chatTool)-1)
		if err == nil && function.End < len(body) && body[function.End] == '}' {
			return function.End + 1
		}
	}
	for i, open := at, byte('{'); i < len(body) && body[i] == open; open = ',' {
		i = space(body, i+1)
		end := nameEnd(body, i)
		if end == 0 {
			return 0
		}
		value := space(body, end+1)
		switch name := body[i+1 : end-1]; {
		case len(name) == len("type") && name[0]|' ' == 't' && !isClients(name, body[value:]), string(name) == "tools":
			return 0
		}
		v, err := rawjson.Skip(body, value)
		if err != nil {
			return 0
		}
		if i = v.End; i < len(body) && body[i] == '}' {
			return i + 1
		}
	}
	return 0
}

// space passes over the space that some put behind commas and colons.
func space(body []byte, i int) int {
	if i < len(body) && body[i] == ' ' {
		i++
	}
	return i
}

// nameEnd is where the name at that place ends, behind its quote, if it has no escapes and a colon comes next; else 0.
func nameEnd(body []byte, i int) int {
	if i >= len(body) || body[i] != '"' {
		return 0
	}
	for i++; i+1 < len(body) && body[i] != '\\'; i++ {
		if body[i] == '"' {
			if body[i+1] != ':' {
				return 0
			}
			return i + 1
		}
	}
	return 0
}

// isClients says whether a member is the type of a tool that the client runs, written without escapes.
func isClients(name, value []byte) bool {
	return string(name) == "type" && (bytes.HasPrefix(value, []byte(`"function"`)) || bytes.HasPrefix(value, []byte(`"custom"`)))
}

// isSpace says whether a member holds the tools of a namespace.
func isSpace(it *rawjson.Members, google bool) bool {
	return it.Value.Kind == rawjson.Array && !google && it.Name() == "tools"
}

// isHosts says whether a member makes a tool the provider's: its type, or in Google's format, in which that is what the
// member is called.
func isHosts(body []byte, it *rawjson.Members, google bool) bool {
	name := it.Name()
	if google {
		return it.Value.Present() && fields.Camel(name) != "functionDeclarations"
	}
	if len(name) != len("type") || !strings.EqualFold(name, "type") || !it.Value.Present() {
		return false
	}
	kind, _ := rawjson.Text(body, it.Value)
	return kind != "function" && kind != "custom" && kind != "namespace"
}

// tools looks at those of the provider.
func (f *finder) tools(list rawjson.Value, depth int) {
	if depth > maxDepth {
		f.fail("tools", "are nested too deep to be read")
		return
	}
	for it := list.Elements(f.body); it.Next(); {
		f.tool(it.Value, depth)
	}
}

func (f *finder) tool(v rawjson.Value, depth int) {
	hosted := false
	for tool := v.Members(f.body); tool.Next(); {
		hosted = hosted || isHosts(f.body, &tool, f.google)
		if isSpace(&tool, f.google) {
			f.tools(tool.Value, depth+1)
		}
	}
	if hosted {
		f.find(v, false, depth)
	}
}
