// Package turns puts a conversation into the strict form of Anthropic's and Bedrock's APIs: the system's words apart, the user first,
// user and assistant in turn, each call answered in the next turn and each answer with its call. It makes new lists
// and leaves the request as it is.
package turns

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/toolid"
)

// Turn is what one side says until the other does. Role is RoleUser, RoleAssistant or, if it is kept in place, RoleSystem. The parts of
// a user's turn begin with the results of tools.
type Turn struct {
	Role  codec.Role
	Parts []codec.Part
}

// Filler is said where the form wants words and the client has none.
const Filler = "."

// Options are the ways in which formats differ.
type Options struct {
	// KeepSystem leaves system messages behind the first other message in their places; else they join those before it.
	KeepSystem bool
	// Prepare returns the parts of a message that the format can say, without changing the message. Nil is all of them.
	Prepare func(m *codec.Message) []codec.Part
}

// Split takes a conversation apart. Texts without anything but space are left out, as both APIs refuse them. The parts in the result
// are copies that may be changed, what they point to is not.
func Split(messages []codec.Message, o Options) (system []codec.Part, list []Turn) {
	list = make([]Turn, 0, len(messages)+1)
	for i := range messages {
		m := &messages[i]
		role, parts := m.Role, m.Parts
		if o.Prepare != nil {
			parts = o.Prepare(m)
		}
		switch role {
		case codec.RoleSystem, codec.RoleDeveloper:
			if role = codec.RoleSystem; !o.KeepSystem || len(list) == 0 {
				system = appendSaid(system, parts)
				continue
			}
		case codec.RoleTool:
			role = codec.RoleUser
		}
		if n := len(list); n > 0 && list[n-1].Role == role {
			list[n-1].Parts = appendSaid(list[n-1].Parts, parts)
		} else if said := appendSaid(nil, parts); len(said) > 0 {
			list = append(list, Turn{role, said})
		}
	}
	if len(list) == 0 || list[0].Role != codec.RoleUser {
		list = append(list, Turn{})
		copy(list[1:], list)
		list[0] = Turn{codec.RoleUser, []codec.Part{{Kind: codec.PartText, Text: Filler}}}
	}
	return system, pair(list)
}

// appendSaid appends the parts that say something. A refusal is a text like others.
func appendSaid(dst, parts []codec.Part) []codec.Part {
	if dst == nil {
		dst = slices.Grow(dst, len(parts))
	}
	for _, p := range parts {
		if p.Kind == codec.PartRefusal {
			p.Kind = codec.PartText
		}
		if p.Kind != codec.PartText || !Blank(p.Text) {
			dst = codec.Add(dst, p)
		}
	}
	return dst
}

// Blank says whether a text holds nothing but white space.
func Blank(s string) bool { return strings.TrimSpace(s) == "" }

// pair sees to it that the calls of each assistant's turn are answered in the next one, in their order and before all else. A missing
// result is made up, and a result that answers nothing becomes text. An id used before is made another, in the call and its result.
func pair(list []Turn) []Turn {
	out := make([]Turn, 0, len(list)+1)
	used := toolid.Used{}
	for i := 0; i < len(list); i++ {
		t := list[i]
		if t.Role != codec.RoleAssistant {
			out = appendUser(out, t, nil)
			continue
		}
		calls := renamed(&t, used)
		out = append(out, t)
		if i+1 < len(list) && list[i+1].Role == codec.RoleUser {
			i++
			out = appendUser(out, list[i], calls)
		} else if len(calls) > 0 {
			out = appendUser(out, Turn{Role: codec.RoleUser}, calls)
		}
	}
	return out
}

// call is a call that waits for its result, under the id that the client gave it and the one it has here.
type call struct {
	given, id, name string
}

// renamed lists the calls of a turn. It gives an id to those that have none, or one that was used.
func renamed(t *Turn, used toolid.Used) (calls []call) {
	copied := false
	for i := range t.Parts {
		p := &t.Parts[i]
		if p.Kind != codec.PartToolCall {
			continue
		}
		c := call{p.Call.ID, p.Call.ID, p.Call.Name}
		id, signature := toolid.Split(c.given)
		taken := used.Take(id, "call_")
		if taken == id {
			calls = append(calls, c)
			continue
		}
		c.id = taken
		calls = append(calls, c)
		if !copied {
			t.Parts = append([]codec.Part(nil), t.Parts...)
			p, copied = &t.Parts[i], true
		}
		renamed := *p.Call
		renamed.ID = c.id
		p.Call = &renamed
		if p.Signature.Value == "" {
			p.Signature = signature
		}
	}
	return calls
}

// appendUser appends a user's turn with the results of calls first.
func appendUser(out []Turn, t Turn, calls []call) []Turn {
	results := 0
	for _, p := range t.Parts {
		if p.Kind == codec.PartToolResult {
			results++
		}
	}
	if results == 0 && len(calls) == 0 {
		return append(out, t)
	}
	parts := make([]codec.Part, 0, len(t.Parts)+len(calls))
	taken := make([]bool, len(t.Parts))
	answers := newFinder(t.Parts, taken, len(calls)*results)
	for _, c := range calls {
		at := answers.find(c.given)
		if at < 0 {
			parts = append(parts, codec.Part{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: c.id, Name: c.name, Error: true,
				Parts: []codec.Part{{Kind: codec.PartText, Text: "[no result]"}}}})
			continue
		}
		taken[at] = true
		p := t.Parts[at]
		if c.id != c.given || p.Result.Name == "" {
			r := *p.Result
			r.CallID, r.Name = c.id, c.name
			p.Result = &r
		}
		parts = append(parts, p)
	}
	for i, p := range t.Parts {
		switch {
		case taken[i]:
		case p.Kind == codec.PartToolResult:
			parts = appendSaid(parts, p.Result.Parts)
		default:
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 { // a result without a call and without words
		parts = append(parts, codec.Part{Kind: codec.PartText, Text: Filler})
	}
	return append(out, Turn{t.Role, parts})
}

// fewLooks is up to how many looks at results a list is faster than a map.
const fewLooks = 256

// finder finds results by the calls that they answer.
type finder struct {
	parts []codec.Part
	taken []bool
	// Those of one id are a chain: first has where it begins, next where it goes on. Without them the parts are gone through.
	first map[string]int
	next  []int
}

// newFinder prepares to find results of which none is taken yet.
func newFinder(parts []codec.Part, taken []bool, looks int) finder {
	f := finder{parts: parts, taken: taken}
	if looks <= fewLooks {
		return f
	}
	f.first, f.next = make(map[string]int, len(parts)), make([]int, len(parts))
	for i := len(parts) - 1; i >= 0; i-- {
		if f.next[i] = -1; f.answers(i) {
			id := parts[i].Result.CallID
			if later, is := f.first[id]; is {
				f.next[i] = later
			}
			f.first[id] = i
		}
	}
	return f
}

func (f *finder) answers(i int) bool {
	return f.parts[i].Kind == codec.PartToolResult && !f.taken[i]
}

// find is the first result of a call that is not taken, -1 if there is none.
func (f *finder) find(id string) int {
	if f.first == nil {
		for i := range f.parts {
			if f.answers(i) && f.parts[i].Result.CallID == id {
				return i
			}
		}
		return -1
	}
	i, is := f.first[id]
	if !is || i < 0 {
		return -1
	}
	f.first[id] = f.next[i]
	return i
}
