// Package alternation puts a conversation into the strict form of Anthropic's and Bedrock's APIs: the system's words
// apart, the user first, user and assistant in turn, each call answered in the next turn and each answer with its call.
// It makes new lists and leaves the request as it is.
package alternation

import (
	"slices"
	"strings"

	"uniapi/codec"
)

// Turn is what one side says until the other does. Role is RoleUser, RoleAssistant or, if it is kept in place,
// RoleSystem. The parts of a user's turn begin with the results of tools.
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

// Split takes a conversation apart. Texts without anything but space are left out, as both APIs refuse them. The parts
// in the result are copies that may be changed, what they point to is not.
func Split(messages []codec.Message, o Options) (system []codec.Part, list []Turn) {
	messages = Ordered(messages)
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
	return system, list
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
