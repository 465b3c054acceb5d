package openai

import (
	"bytes"
	"slices"

	"uniapi/codec/capability"
	"uniapi/codec/rawjson"
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

// usualMembers is how many members of a request are kept without an allocation.
const usualMembers = 16

// get is the last member of that name.
func (e *edit) get(name string) rawjson.Value {
	for i := len(e.members) - 1; i >= 0; i-- {
		if e.members[i].name == name {
			return e.members[i].value
		}
	}
	return rawjson.Value{}
}

// word is a member that is a text, "" if it is none.
func (e *edit) word(name string) string {
	s, _ := rawjson.Text(e.body, e.get(name))
	return s
}

func (e *edit) set(name string, value []byte) {
	e.splice.Set(name, value)
	e.changed = true
}

func (e *edit) setWord(name, word string) { e.set(name, rawjson.AppendString(nil, word)) }

// drop takes members out, where they are there. No later rule finds them: one that wrote a member anew would bring it
// back.
func (e *edit) drop(names ...string) {
	for _, name := range names {
		if e.get(name).Kind != rawjson.Missing {
			e.set(name, nil)
			e.members = slices.DeleteFunc(e.members, func(m member) bool { return m.name == name })
		}
	}
}

// hasAny says whether one of the members is there.
func (e *edit) hasAny(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return e.get(name).Present() })
}

// Edit returns the request as the rules want it. What they do not speak of stays byte for byte, and a body that needs
// no change is returned itself; so is one that cannot be read, for the upstream to refuse. The body is not changed.
func (r *Rules) Edit(body []byte) []byte {
	if r == nil {
		return body
	}
	var usual [usualMembers]member
	e := edit{body: body, members: usual[:0]}
	if !e.read(r) {
		return body
	}
	e.drop(r.refused...)
	r.rename(&e)
	if n, ok := rawjson.Int(body, e.get("n")); ok && r.Answers > 0 && n > r.Answers {
		e.set("n", nil)
	}
	r.editStops(&e)
	r.editUser(&e)
	r.editTier(&e)
	r.editLimit(&e)
	tools := r.editTools(&e)
	if tools {
		r.editSchemas(&e, "function")
	}
	if r.Known && e.get("stream").Kind != rawjson.True {
		e.drop("stream_options") // refused without a stream
	}
	if r.Temperature != "" && !e.get("temperature").Present() {
		e.set("temperature", []byte(r.Temperature))
	}
	streams := r.Refuses("unstreamed_thinking") && e.get("stream").Kind != rawjson.True && r.thinksSurely(&e)
	awake := r.editThinking(&e, tools)
	if streams && awake {
		e.set("stream", []byte("true"))
		e.set("stream_options", []byte(`{"include_usage":true}`))
	}
	if tools {
		r.editChoice(&e, awake)
	}
	messages := e.get("messages")
	edited := r.editMessages(body, messages, awake)
	if kind, _ := rawjson.Text(body, e.get("response_format").Get(body, "type")); kind == jsonMode && r.wantsWord(body, messages) {
		if edited == nil {
			edited = messages.Raw(body)
		}
		edited = withFirst(edited, wordMessage)
	}
	said := edited
	if said == nil {
		said = messages.Raw(body)
	}
	if ordered := r.order.apply(said, tools); ordered != nil {
		edited = ordered
	}
	if edited != nil {
		e.set("messages", edited)
	}
	return e.done()
}

// rename gives members the names that the upstream has for them.
func (r *Rules) rename(e *edit) {
	for from, to := range r.Target.Rename {
		if v := e.get(from); v.Present() {
			e.set(from, nil)
			e.set(to, v.Raw(e.body))
		}
	}
}

// Rename returns a request that is no conversation with its members called as the upstream does.
func (r *Rules) Rename(body []byte) []byte {
	if r == nil || len(r.Target.Rename) == 0 {
		return body
	}
	var usual [usualMembers]member
	e := edit{body: body, members: usual[:0]}
	if !e.read(r) {
		return body
	}
	r.rename(&e)
	return e.done()
}

// read finds the members of which rules may speak; false if the body cannot be read.
func (e *edit) read(r *Rules) bool {
	it := rawjson.MembersOf(e.body)
	for it.Next() {
		if name := it.Name(); r.speaks(name) {
			e.members = append(e.members, member{name, it.Value})
		}
	}
	return it.Err() == nil
}

// done is the body as it has become.
func (e *edit) done() []byte {
	if !e.changed {
		return e.body
	}
	parts, err := e.splice.Parts(nil, e.body)
	if err != nil {
		return e.body
	}
	return slices.Concat(parts...)
}

// editStops keeps as many stop words as are taken.
func (r *Rules) editStops(e *edit) {
	stop := e.get("stop")
	switch {
	case r.Stops == nil || !stop.Present():
	case *r.Stops == 0:
		e.set("stop", nil)
	case r.Known && stop.Kind == rawjson.Array:
		kept, n := []byte{'['}, 0
		for list := stop.Elements(e.body); list.Next(); n++ {
			if n < *r.Stops {
				kept = append(rawjson.Comma(kept), list.Value.Raw(e.body)...)
			}
		}
		if n > *r.Stops {
			e.set("stop", append(kept, ']'))
		}
	}
}

// editUser hashes names of users and of what they ask for that are longer than is taken, for upstreams of which that is
// known.
func (r *Rules) editUser(e *edit) {
	if r.UserChars == 0 || !r.Known {
		return
	}
	for _, name := range capability.UserNames {
		if v := e.get(name); v.End-v.Start > r.UserChars {
			if text := e.word(name); len(text) > r.UserChars {
				e.setWord(name, capability.Hashed(text, r.UserChars))
			}
		}
	}
}

// editLimit puts the limit of the answer under the name that the upstream knows.
func (r *Rules) editLimit(e *edit) {
	if r.Limit == "" {
		return
	}
	other := maxTokens
	if r.Limit == maxTokens {
		other = maxCompletion
	}
	v := e.get(other)
	if !v.Present() {
		return
	}
	e.set(other, nil)
	if !e.get(r.Limit).Present() {
		e.set(r.Limit, v.Raw(e.body))
	}
}

// editTools takes out an empty list of tools, and what is refused without any. It returns whether there are tools.
func (r *Rules) editTools(e *edit) bool {
	tools := e.get("tools")
	if tools.Kind == rawjson.Array && isEmpty(e.body, tools) {
		e.set("tools", nil)
		tools = rawjson.Value{}
	}
	if !tools.Present() {
		if r.Known {
			e.drop("tool_choice", "parallel_tool_calls")
		}
		return false
	}
	return !r.Refuses("tools") // else they are gone with the rest
}

// editChoice says in the upstream's words whether tools are called, as far as it can be told that.
func (r *Rules) editChoice(e *edit, awake bool) {
	choice := e.get("tool_choice")
	word, isWord := rawjson.Text(e.body, choice)
	way := word
	if choice.Kind == rawjson.Object {
		way = namedChoice
	} else if !isWord || word == "" {
		return
	}
	to := r.Choice(way, awake)
	if said := r.ChoiceWords[to]; said != "" {
		to = said
	}
	switch {
	case to == "": // the model can only be kept from calling by having nothing to call
		e.drop("tools", "tool_choice", "parallel_tool_calls")
	case to != way:
		e.setWord("tool_choice", to)
	}
}

// namedChoice is what rules call the choice of a tool by its name.
const namedChoice = "named"

func isEmpty(body []byte, v rawjson.Value) bool {
	return len(bytes.TrimSpace(v.Raw(body)[1:v.End-v.Start-1])) == 0
}

// EditTranslated is Edit for a request that was translated. An upstream about which nothing is known gets the older
// name of the limit there, which every server knows.
func (r *Rules) EditTranslated(body []byte) []byte {
	switch {
	case r == nil:
		return olderLimit.Edit(body)
	case r.Known || r.Limit != "":
		return r.Edit(body)
	}
	older, target := *r, *r.Target
	target.Limit = maxTokens
	older.Target = &target
	return older.Edit(body)
}

var olderLimit = &Rules{Target: &capability.Target{Capabilities: capability.Capabilities{Members: capability.Members{Limit: maxTokens}}}, idsOnly: true}

// OneLimit makes the limit of the answer that an operator sets under one of its two names, as touches tells, the only
// one: a provider takes no request with both. It goes under the name that the upstream knows.
func (r *Rules) OneLimit(body []byte, touches func(name string) bool) []byte {
	told, other := maxTokens, maxCompletion
	if touches(other) {
		told, other = other, told
	}
	if !touches(told) || touches(other) {
		return body
	}
	e := edit{body: body}
	for it := rawjson.MembersOf(body); it.Next(); {
		if name := it.Name(); name == told || name == other {
			e.members = append(e.members, member{name, it.Value})
		}
	}
	v := e.get(told)
	if !v.Present() {
		return body
	}
	e.drop(other)
	if r != nil && r.Limit == other {
		e.set(told, nil)
		e.set(other, v.Raw(body))
	}
	return e.done()
}
