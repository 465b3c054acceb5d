package openai

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// editMessages returns the messages as the upstream takes them, nil if they may stay. Whatever is between the edited
// ones stays as it is written.
func (r *Rules) editMessages(body []byte, messages rawjson.Value, thinks bool) []byte {
	if r.idsOnly && (!r.Known || !hasLongID(messages.Raw(body))) && !r.saysUnsaid(messages.Raw(body)) {
		return nil
	}
	var out []byte
	done := messages.Start
	talk := talk{awake: thinks, ids: callIDs{rules: r}}
	for list := messages.Elements(body); list.Next(); {
		var s rawjson.Splicer
		if !r.editMessage(&s, body, list.Value, &talk) {
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

// saysUnsaid says whether messages may have a member that is refused. It saves the usual request a closer look.
func (r *Rules) saysUnsaid(messages []byte) bool {
	return slices.ContainsFunc(r.needles, func(needle []byte) bool { return bytes.Contains(messages, needle) })
}

var resultID = []byte(`"tool_call_id"`)

// hasLongID says whether the id of a result is longer than OpenAI takes. It saves the usual request a closer look: a
// call without a result is refused anyway, and what stands in a text has its quotes escaped.
func hasLongID(messages []byte) bool {
	for {
		i := bytes.Index(messages, resultID)
		if i < 0 {
			return false
		}
		messages = bytes.TrimLeft(messages[i+len(resultID):], " \t\r\n")
		if len(messages) == 0 || messages[0] != ':' {
			continue
		}
		if messages = bytes.TrimLeft(messages[1:], " \t\r\n"); len(messages) == 0 || messages[0] != '"' {
			continue // it is no id
		}
		v, err := rawjson.Skip(messages, 0)
		if err != nil {
			return false
		}
		if v.End-v.Start > maxCallID+len(`""`) {
			return true
		}
		messages = messages[v.End:]
	}
}

// talk is what is known of a conversation on the way through it.
type talk struct {
	awake    bool // the model thinks
	prefaced bool // the first of the system's words had been seen
	called   bool // tools were called since the user's last words
	ids      callIDs
}

// editMessage puts the changes of one message into s, and says whether there are any.
func (r *Rules) editMessage(s *rawjson.Splicer, body []byte, m rawjson.Value, talk *talk) (edited bool) {
	set := func(name string, value []byte) {
		s.Set(name, value)
		edited = true
	}
	var role string
	var content, thoughts, other, details, calls rawjson.Value
	for it := m.Members(body); it.Next(); {
		v := it.Value
		switch name := it.Name(); name {
		case "role":
			role, _ = rawjson.Text(body, v)
		case "content":
			content = v
		case "reasoning_content", "reasoning":
			if slices.Contains(r.unsaid, name) {
				set(name, nil)
			} else if name == "reasoning" {
				other = v
			} else {
				thoughts = v
			}
		case "reasoning_details":
			if details = v; slices.Contains(r.unsaid, name) {
				set(name, nil)
			} else if r.Known && hasMistrals(body, v) { // signed by another
				set(name, withoutMistrals(body, v))
			}
		case "tool_call_id":
			id, _ := rawjson.Text(body, v)
			if form := talk.ids.form(id); form != id {
				set(name, rawjson.AppendString(nil, form))
			}
		case "tool_calls":
			calls = v
			if changed := talk.ids.editCalls(body, v); changed != nil {
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
		r.editSystem(set, body, role, content, &talk.prefaced)
	case "user":
		talk.called = false
		if edited := r.editParts(body, content); edited != nil {
			set("content", edited)
		}
	case "assistant":
		talk.called = talk.called || calls.Kind == rawjson.Array && !isEmpty(body, calls)
		r.editThoughts(set, body, said{content, thoughts, other, details}, talk.called && talk.awake)
	}
	return edited
}

// editSystem gives the system's words to a role that the upstream knows, and begins the first of them with the preface.
func (r *Rules) editSystem(set func(string, []byte), body []byte, role string, content rawjson.Value, prefaced *bool) {
	switch to := r.Roles[role]; {
	case to != "":
		set("role", rawjson.AppendString(nil, to))
	case r.Preface != "" && !*prefaced:
		*prefaced = true
		if text, is := rawjson.Text(body, content); is && !strings.HasPrefix(text, r.Preface) {
			set("content", rawjson.AppendString(nil, r.Preface+text))
		}
	}
}

// said is what an assistant's message says, with its thinking by each of its names.
type said struct{ content, thoughts, other, details rawjson.Value }

// editThoughts sends earlier thinking back under the name that the upstream knows, or not at all; since calls, if it
// must be there, an empty one where the client kept none.
func (r *Rules) editThoughts(set func(string, []byte), body []byte, m said, calls bool) {
	thoughts, other := m.thoughts, m.other
	switch {
	case r.Thoughts == "none", r.Thoughts == inParts:
		if parts := m.withThoughts(body); r.Thoughts == inParts && parts != nil {
			set("content", parts)
		}
		if thoughts.Kind != rawjson.Missing {
			set("reasoning_content", nil)
		}
		if other.Kind != rawjson.Missing {
			set("reasoning", nil)
		}
	case r.Thoughts != "" && thoughts.Kind != rawjson.Missing:
		set("reasoning_content", nil)
		if thoughts.Present() && !other.Present() {
			set(r.Thoughts, thoughts.Raw(body))
		}
	case r.echo && calls && !thoughts.Present():
		kept := []byte(`""`)
		if other.Kind == rawjson.String {
			kept = other.Raw(body)
		}
		set("reasoning_content", kept)
	}
}

// inParts is how a host takes earlier thinking that gets it back as it gave it, as a part of the content.
const inParts = "parts"

// withThoughts is a message's content as a list that begins with its thinking; nil where there is none, or where the
// content has it already. What Mistral has signed stands in the details, the text of it beside them too.
func (m *said) withThoughts(body []byte) []byte {
	content, thoughts := m.content, m.thoughts
	if !nonEmpty(thoughts) {
		thoughts = m.other
	}
	out := []byte{'['}
	switch {
	case hasMistrals(body, m.details):
		out = appendSignedThoughts(out, body, m.details)
	case thoughts.Kind == rawjson.String && nonEmpty(thoughts):
		out = append(append(out, `{"type":"thinking","thinking":[{"type":"text","text":`...), thoughts.Raw(body)...)
		out = append(out, `}],"closed":true}`...)
	default:
		return nil
	}
	if content.Kind == rawjson.String && nonEmpty(content) {
		out = append(append(append(out, `,{"type":"text","text":`...), content.Raw(body)...), '}')
	}
	for it := content.Elements(body); it.Next(); {
		if kind, _ := rawjson.Text(body, it.Value.Get(body, "type")); isThinking(kind) {
			return nil
		}
		out = append(append(out, ','), it.Value.Raw(body)...)
	}
	return append(out, ']')
}

// callIDs gives the ids of one request's calls the form that the upstream takes. The same id becomes the same, so that
// a call and its result stay a pair, in this turn and in the next; two never become one, whatever a client makes up.
type callIDs struct {
	rules *Rules
	forms map[string]string // by the client's id, of those that may meet another's form
	taken map[string]bool
}

// editCalls returns calls with ids, and with arguments, that the upstream takes, nil if they may stay.
func (c *callIDs) editCalls(body []byte, calls rawjson.Value) []byte {
	var out []byte
	done := calls.Start
	put := func(at rawjson.Value, value []byte) {
		out = append(append(out, body[done:at.Start]...), value...)
		done = at.End
	}
	for list := calls.Elements(body); list.Next(); {
		for call := list.Value.Members(body); call.Next(); {
			switch call.Name() {
			case "id":
				id, _ := rawjson.Text(body, call.Value)
				if form := c.form(id); form != id {
					put(call.Value, rawjson.AppendString(nil, form))
				}
			case "function":
				if given := call.Value.Get(body, "arguments"); c.rules.objects {
					if object := asObject(body, given); object != nil {
						put(given, object)
					}
				}
			}
		}
	}
	if out == nil {
		return nil
	}
	return append(out, body[done:calls.End]...)
}

// asObject is the text of arguments that are no JSON object, as that of one; nil for those that may stay.
func asObject(body []byte, arguments rawjson.Value) []byte {
	text, is := rawjson.Text(body, arguments)
	if !is {
		return nil
	}
	call := codec.ToolCall{Arguments: text}
	if call.AreObject() {
		return nil
	}
	object, _ := call.AppendObject(nil)
	return rawjson.AppendString(nil, string(object))
}

func (c *callIDs) form(id string) string {
	r := c.rules
	if id == "" || !r.Known || r.IDExact == 0 && r.fits(id) && !toolid.Made(id) {
		return id
	}
	form, known := c.forms[id]
	if known {
		return form
	}
	if c.forms == nil {
		c.forms, c.taken = map[string]string{}, map[string]bool{}
	}
	id = strings.Clone(id)
	form = id
	from := id
	for n := 0; !r.fits(form) || c.taken[form]; n++ {
		if n == 1 { // whoever takes many such forms has a long id hashed once more, and not for each of them
			from = capability.Hashed(id, capability.WholeHash)
		}
		form = r.shaped(from, n)
	}
	c.forms[id], c.taken[form] = form, true
	return form
}

// fits says whether the upstream takes an id as it is.
func (r *Rules) fits(id string) bool {
	if r.IDExact == 0 {
		return len(id) <= maxCallID
	}
	return len(id) == r.IDExact && strings.IndexFunc(id, notAlphanumeric) < 0
}

// shaped is an id that fits, made of another one; another for each n.
func (r *Rules) shaped(id string, n int) string {
	if n > 0 {
		id += "\x00" + strconv.Itoa(n)
	}
	if r.IDExact == 0 {
		return toolid.Clean(id, maxCallID)
	}
	sum := sha256.Sum256([]byte(id))
	return strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(sum[:]))[:r.IDExact]
}

func notAlphanumeric(c rune) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}
