package openai

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// editMessages returns the messages as the upstream takes them, nil if they may stay. Whatever is between the edited ones stays as it
// is written.
func (r *Rules) editMessages(body []byte, messages rawjson.Value, thinks bool) []byte {
	if r.idsOnly && (!r.known || !hasLongID(messages.Raw(body))) {
		return nil
	}
	var out []byte
	done := messages.Start
	prefaced := false
	for list := messages.Elements(body); list.Next(); {
		var s rawjson.Splicer
		if !r.editMessage(&s, body, list.Value, thinks, &prefaced) {
			continue
		}
		parts, err := s.Parts(nil, list.Value.Raw(body))
		if err != nil {
			return nil
		}
		out = append(out, body[done:list.Value.Start]...)
		out = append(out, slices.Concat(parts...)...)
		done = list.Value.End
	}
	if out == nil {
		return nil
	}
	return append(out, body[done:messages.End]...)
}

var resultID = []byte(`"tool_call_id"`)

// hasLongID says whether the id of a result is longer than OpenAI takes. It saves the usual request a closer look: a call without a result
// is refused anyway, and what stands in a text has its quotes escaped.
func hasLongID(messages []byte) bool {
	for {
		i := bytes.Index(messages, resultID)
		if i < 0 {
			return false
		}
		messages = messages[i+len(resultID):]
		if v, err := rawjson.Skip(messages, bytes.IndexByte(messages, ':')+1); err == nil && v.End-v.Start > maxCallID+len(`""`) {
			return true
		}
	}
}

// editMessage puts the changes of one message into s, and says whether there are any.
func (r *Rules) editMessage(s *rawjson.Splicer, body []byte, m rawjson.Value, thinks bool, prefaced *bool) (edited bool) {
	set := func(name string, value []byte) {
		s.Set(name, value)
		edited = true
	}
	var role string
	var content, thoughts, other, calls rawjson.Value
	for it := m.Members(body); it.Next(); {
		v := it.Value
		switch name := it.Name(); name {
		case "role":
			role, _ = rawjson.Text(body, v)
		case "content":
			content = v
		case "reasoning_content":
			thoughts = v
		case "reasoning":
			other = v
		case "tool_call_id":
			if id, _ := rawjson.Text(body, v); r.id(id) != id {
				set(name, rawjson.AppendString(nil, r.id(id)))
			}
		case "tool_calls":
			calls = v
			if changed := r.editCalls(body, v); changed != nil {
				set(name, changed)
			}
		default:
			if slices.Contains(r.unsaid, name) {
				set(name, nil)
			}
		}
	}
	switch role {
	case "system", "developer":
		r.editSystem(set, body, role, content, prefaced)
	case "assistant":
		r.editThoughts(set, body, thoughts, other, calls.Kind == rawjson.Array && !isEmpty(body, calls) && thinks)
	}
	return edited
}

// editSystem gives the system's words to a role that the upstream knows, and begins the first of them with the preface.
func (r *Rules) editSystem(set func(string, []byte), body []byte, role string, content rawjson.Value, prefaced *bool) {
	switch g := r.generation; {
	case g != nil && g.noSystem:
		set("role", []byte(`"user"`))
	case r.system && role == "developer":
		set("role", []byte(`"system"`))
	case g != nil && g.preface != "" && !*prefaced:
		*prefaced = true
		if text, is := rawjson.Text(body, content); is && !strings.HasPrefix(text, g.preface) {
			set("content", rawjson.AppendString(nil, g.preface+text))
		}
	}
}

// editThoughts sends earlier thinking back under the name that the upstream knows, or not at all; with calls, if it must be there, an
// empty one where the client kept none.
func (r *Rules) editThoughts(set func(string, []byte), body []byte, thoughts, other rawjson.Value, calls bool) {
	switch {
	case r.thoughts == "-":
		if thoughts.Kind != rawjson.Missing {
			set("reasoning_content", nil)
		}
		if other.Kind != rawjson.Missing {
			set("reasoning", nil)
		}
	case r.thoughts != "" && thoughts.Kind != rawjson.Missing:
		set("reasoning_content", nil)
		if thoughts.Present() && !other.Present() {
			set(r.thoughts, thoughts.Raw(body))
		}
	case r.echo && calls && !thoughts.Present():
		kept := []byte(`""`)
		if other.Kind == rawjson.String {
			kept = other.Raw(body)
		}
		set("reasoning_content", kept)
	}
}

// editCalls returns calls with ids that the upstream takes, nil if they may stay.
func (r *Rules) editCalls(body []byte, calls rawjson.Value) []byte {
	var out []byte
	done := calls.Start
	for list := calls.Elements(body); list.Next(); {
		v := list.Value.Get(body, "id")
		id, _ := rawjson.Text(body, v)
		if r.id(id) == id {
			continue
		}
		out = append(out, body[done:v.Start]...)
		out = rawjson.AppendString(out, r.id(id))
		done = v.End
	}
	if out == nil {
		return nil
	}
	return append(out, body[done:calls.End]...)
}

// id is an id of a call as the upstream takes it. The same id becomes the same, so that a call and its result stay a pair, in this
// turn and in the next.
func (r *Rules) id(id string) string {
	switch {
	case id == "", !r.known:
		return id
	case r.callID == 0:
		if len(id) <= maxCallID {
			return id
		}
		return toolid.Clean(id, maxCallID)
	case len(id) == r.callID && strings.IndexFunc(id, notAlphanumeric) < 0:
		return id
	}
	sum := sha256.Sum256([]byte(id))
	text := strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(sum[:]))
	return text[:r.callID]
}

func notAlphanumeric(c rune) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}
