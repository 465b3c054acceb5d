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

// edit is a request that is being changed.
type edit struct {
	body    []byte
	members []member
	splice  rawjson.Splicer
	changed bool
}

type member struct {
	name  string
	value rawjson.Value
}

// get is the last member of that name.
func (e *edit) get(name string) (v rawjson.Value) {
	for i := range e.members {
		if e.members[i].name == name {
			v = e.members[i].value
		}
	}
	return v
}

func (e *edit) set(name string, value []byte) {
	e.splice.Set(name, value)
	e.changed = true
}

func (e *edit) setWord(name, word string) { e.set(name, rawjson.AppendString(nil, word)) }

// drop takes a member out, if it is there.
func (e *edit) drop(name string) {
	if e.get(name).Kind != rawjson.Missing {
		e.set(name, nil)
	}
}

// Edit returns the request as the rules want it. What they do not speak of stays byte for byte, and a body that needs no change is
// returned itself; so is one that cannot be read, for the upstream to refuse.
func (r *Rules) Edit(body []byte) []byte {
	e := edit{body: body}
	it := rawjson.MembersOf(body)
	for it.Next() {
		e.members = append(e.members, member{it.Name(), it.Value})
	}
	if it.Err() != nil {
		return body
	}
	for _, name := range r.drop {
		e.drop(name)
	}
	for from, to := range r.rename {
		if v := e.get(from); v.Present() {
			e.set(from, nil)
			e.set(to, v.Raw(body))
		}
	}
	r.editLimit(&e)
	r.editTools(&e)
	if r.known && e.get("stream").Kind != rawjson.True {
		e.drop("stream_options") // refused without a stream
	}
	if r.temperature != "" && !e.get("temperature").Present() {
		e.set("temperature", []byte(r.temperature))
	}
	r.editThinking(&e)
	if edited := r.editMessages(body, e.get("messages")); edited != nil {
		e.set("messages", edited)
	}
	if !e.changed {
		return body
	}
	parts, err := e.splice.Parts(nil, body)
	if err != nil {
		return body
	}
	return slices.Concat(parts...)
}

// editLimit puts the limit of the answer under the name that the upstream knows.
func (r *Rules) editLimit(e *edit) {
	if r.limit == "" {
		return
	}
	other := maxTokens
	if r.limit == maxTokens {
		other = maxCompletion
	}
	v := e.get(other)
	if !v.Present() {
		return
	}
	e.set(other, nil)
	if !e.get(r.limit).Present() {
		e.set(r.limit, v.Raw(e.body))
	}
}

// editTools takes out an empty list of tools, and what is refused without any.
func (r *Rules) editTools(e *edit) {
	tools := e.get("tools")
	if tools.Kind == rawjson.Array && isEmpty(e.body, tools) {
		e.set("tools", nil)
		tools = rawjson.Value{}
	}
	if !tools.Present() && r.known {
		e.drop("tool_choice")
		e.drop("parallel_tool_calls")
		return
	}
	if word, _ := rawjson.Text(e.body, e.get("tool_choice")); r.choice[word] != "" {
		e.setWord("tool_choice", r.choice[word])
	}
}

func isEmpty(body []byte, v rawjson.Value) bool {
	return len(bytes.TrimSpace(v.Raw(body)[1:v.End-v.Start-1])) == 0
}

// editThinking sets the effort that the name of the model wishes, raises one that is too weak for the model, and takes out what a model
// that thinks refuses.
func (r *Rules) editThinking(e *edit) {
	word, _ := rawjson.Text(e.body, e.get("reasoning_effort"))
	if word == "" && r.effort != "" {
		word = r.effort
		e.setWord("reasoning_effort", word)
	}
	g := r.generation
	if g == nil {
		return
	}
	if weak := word == "none" && g.least != "none" || word == "minimal" && g.least != "minimal"; weak && g.least != "" {
		if word == "none" {
			word = g.least
		} else {
			word = "low" // the next one
		}
		e.setWord("reasoning_effort", word)
	}
	if g.always || g.byDefault && word != "none" || g.least == "none" && word != "" && word != "none" {
		for _, name := range sampling {
			e.drop(name)
		}
	}
}

// editMessages returns the messages as the upstream takes them, nil if they may stay.
func (r *Rules) editMessages(body []byte, messages rawjson.Value) []byte {
	noSystem := r.generation != nil && r.generation.noSystem
	changed := false
	out := []byte{'['}
	for list := messages.Elements(body); list.Next(); {
		m := list.Value
		raw := m.Raw(body)
		var s rawjson.Splicer
		edit := false
		role, _ := rawjson.Text(body, m.Get(body, "role"))
		switch {
		case noSystem && (role == "system" || role == "developer"):
			s.Set("role", []byte(`"user"`))
			edit = true
		case r.system && role == "developer":
			s.Set("role", []byte(`"system"`))
			edit = true
		}
		if thoughts := m.Get(body, "reasoning_content"); r.thoughts != "" && thoughts.Present() {
			s.Remove("reasoning_content")
			s.Set(r.thoughts, thoughts.Raw(body))
			edit = true
		}
		if id, is := rawjson.Text(body, m.Get(body, "tool_call_id")); is && r.known && r.id(id) != id {
			s.Set("tool_call_id", rawjson.AppendString(nil, r.id(id)))
			edit = true
		}
		if calls := r.editCalls(body, m.Get(body, "tool_calls")); calls != nil {
			s.Set("tool_calls", calls)
			edit = true
		}
		out = rawjson.Comma(out)
		if !edit {
			out = append(out, raw...)
			continue
		}
		parts, err := s.Parts(nil, raw)
		if err != nil {
			return nil
		}
		out = append(out, slices.Concat(parts...)...)
		changed = true
	}
	if !changed {
		return nil
	}
	return append(out, ']')
}

// editCalls returns calls with ids that the upstream takes, nil if they may stay.
func (r *Rules) editCalls(body []byte, calls rawjson.Value) []byte {
	changed := false
	out := []byte{'['}
	for list := calls.Elements(body); list.Next(); {
		raw := list.Value.Raw(body)
		id, _ := rawjson.Text(body, list.Value.Get(body, "id"))
		out = rawjson.Comma(out)
		if !r.known || r.id(id) == id {
			out = append(out, raw...)
			continue
		}
		var s rawjson.Splicer
		s.Set("id", rawjson.AppendString(nil, r.id(id)))
		parts, err := s.Parts(nil, raw)
		if err != nil {
			return nil
		}
		out = append(out, slices.Concat(parts...)...)
		changed = true
	}
	if !changed {
		return nil
	}
	return append(out, ']')
}

// id is an id of a call as the upstream takes it. The same id becomes the same, so that a call and its result stay a pair.
func (r *Rules) id(id string) string {
	switch {
	case id == "":
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

// EditTranslated is Edit for a request that was translated. An upstream about which nothing is known gets the older name of the limit
// there, which every server knows.
func (r *Rules) EditTranslated(body []byte) []byte {
	if r != nil && (r.known || r.limit != "") {
		return r.Edit(body)
	}
	older := Rules{family: family{limit: maxTokens}}
	if r != nil {
		older = *r
		older.limit = maxTokens
	}
	return older.Edit(body)
}
