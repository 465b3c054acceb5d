package choice

import (
	"strings"

	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// Hosted says whether one of the tools of a body is the provider's own, which may ask another model, and walks to the end of their list: Leave
// must follow. A tool that the client runs asks nobody. google is for tools in Google's format. It does not allocate.
func Hosted(body []byte, tools *rawjson.Elements, google bool) (found bool) {
	for tools.Step() {
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

// isSpace says whether a member holds the tools of a namespace.
func isSpace(it *rawjson.Members, google bool) bool {
	return it.Value.Kind == rawjson.Array && !google && it.Name() == "tools"
}

// isHosts says whether a member makes a tool the provider's: its type, or in Google's format, in which that is what the member is called.
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
		hosted := false
		for tool := it.Value.Members(f.body); tool.Next(); {
			hosted = hosted || isHosts(f.body, &tool, f.google)
			if isSpace(&tool, f.google) {
				f.tools(tool.Value, depth+1)
			}
		}
		if hosted {
			f.find(it.Value, false, depth)
		}
	}
}
