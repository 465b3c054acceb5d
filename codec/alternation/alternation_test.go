package alternation

import (
	"reflect"
	"strings"
	"testing"

	"uniapi/codec"
)

func text(s string) codec.Part { return codec.Part{Kind: codec.PartText, Text: s} }

func called(id string) codec.Part {
	return codec.Part{Kind: codec.PartToolCall, Call: &codec.ToolCall{ID: id, Name: "f"}}
}

func result(id, said string) codec.Part {
	return codec.Part{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: id, Parts: []codec.Part{text(said)}}}
}

// line writes a conversation in a line: u, a and s for the roles, <id> for a call, [id] for a result.
func line(list []Turn) string {
	var b strings.Builder
	for _, t := range list {
		b.WriteString(map[codec.Role]string{codec.RoleUser: " u:", codec.RoleAssistant: " a:", codec.RoleSystem: " s:"}[t.Role])
		for _, p := range t.Parts {
			switch p.Kind {
			case codec.PartToolCall:
				b.WriteString("<" + p.Call.ID + ">")
			case codec.PartToolResult:
				b.WriteString("[" + p.Result.CallID + "=" + p.Result.Parts[0].Text + "]")
			default:
				b.WriteString("(" + p.Text + ")")
			}
		}
	}
	return strings.TrimSpace(b.String())
}

func TestSplitPutsTheConversationIntoForm(t *testing.T) {
	u := func(parts ...codec.Part) codec.Message { return codec.Message{Role: codec.RoleUser, Parts: parts} }
	a := func(parts ...codec.Part) codec.Message { return codec.Message{Role: codec.RoleAssistant, Parts: parts} }
	s := func(parts ...codec.Part) codec.Message { return codec.Message{Role: codec.RoleSystem, Parts: parts} }
	tool := func(parts ...codec.Part) codec.Message { return codec.Message{Role: codec.RoleTool, Parts: parts} }
	for _, c := range []struct {
		name     string
		messages []codec.Message
		keep     bool
		system   int
		want     string
	}{
		{"nothing at all", nil, false, 0, "u:(.)"},
		{"only a system message", []codec.Message{s(text("x"))}, true, 1, "u:(.)"},
		{"the assistant first", []codec.Message{a(text("x")), u(text("y"))}, false, 0, "u:(.) a:(x) u:(y)"},
		{"roles in a row are one turn", []codec.Message{u(text("a")), u(text("b")), a(text("c")), a(called("1"))}, false, 0, "u:(a)(b) a:(c)<1> u:[1=[no result]]"},
		{"empty texts and messages go", []codec.Message{u(text("a")), a(text(" \n")), u(text(""), text("b"))}, false, 0, "u:(a)(b)"},
		{"later system messages join", []codec.Message{s(text("x")), u(text("a")), s(text("y")), u(text("b"))}, false, 2, "u:(a)(b)"},
		{"or stay", []codec.Message{s(text("x")), u(text("a")), s(text("y")), u(text("b"))}, true, 1, "u:(a) s:(y) u:(b)"},
		{"results come first, in the order of the calls", []codec.Message{u(text("q")), a(called("1"), called("2")), u(text("n")), tool(result("2", "b")), tool(result("1", "a"))},
			false, 0, "u:(q) a:<1><2> u:[1=a][2=b](n)"},
		{"a result for nothing is text", []codec.Message{u(text("q")), tool(result("9", "x")), a(text("r"))}, false, 0, "u:(q)(x) a:(r)"},
		{"an id again is another", []codec.Message{u(text("q")), a(called("1")), tool(result("1", "a")), a(called("1")), tool(result("1", "b"))}, false, 0,
			"u:(q) a:<1> u:[1=a] a:<1_1> u:[1_1=b]"},
		{"calls without an id pair with results without one", []codec.Message{u(text("q")), a(called(""), called("")), tool(result("", "a")), tool(result("", "b"))},
			false, 0, "u:(q) a:<call_0><call_1> u:[call_0=a][call_1=b]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := line([]Turn{{Parts: partsOf(c.messages)}})
			system, list := Split(c.messages, Options{KeepSystem: c.keep})
			if got := line(list); got != c.want || len(system) != c.system {
				t.Errorf("got %s and %d system parts\nwant %s and %d", got, len(system), c.want, c.system)
			}
			_, again := Split(c.messages, Options{KeepSystem: c.keep})
			if !reflect.DeepEqual(list, again) || before != line([]Turn{{Parts: partsOf(c.messages)}}) {
				t.Error("the request was changed")
			}
		})
	}
}

func partsOf(messages []codec.Message) (parts []codec.Part) {
	for _, m := range messages {
		parts = append(parts, m.Parts...)
	}
	return parts
}
