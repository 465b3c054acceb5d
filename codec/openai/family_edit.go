package openai

import (
	"bytes"
	"slices"

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

// drop takes members out, where they are there.
func (e *edit) drop(names ...string) {
	for _, name := range names {
		if e.get(name).Kind != rawjson.Missing {
			e.set(name, nil)
		}
	}
}

// Edit returns the request as the rules want it. What they do not speak of stays byte for byte, and a body that needs no change is
// returned itself; so is one that cannot be read, for the upstream to refuse. The body is not changed.
func (r *Rules) Edit(body []byte) []byte {
	if r == nil {
		return body
	}
	var usual [usualMembers]member
	e := edit{body: body, members: usual[:0]}
	it := rawjson.MembersOf(body)
	for it.Next() {
		if name := it.Name(); Known.Number(name) >= 0 { // no rule speaks of others
			e.members = append(e.members, member{name, it.Value})
		}
	}
	if it.Err() != nil {
		return body
	}
	e.drop(r.drop...)
	for from, to := range r.rename {
		if v := e.get(from); v.Present() {
			e.set(from, nil)
			e.set(to, v.Raw(body))
		}
	}
	if n, ok := rawjson.Int(body, e.get("n")); ok && n > 1 && r.single {
		e.set("n", nil)
	}
	r.editLimit(&e)
	tools := r.editTools(&e)
	if r.known && e.get("stream").Kind != rawjson.True {
		e.drop("stream_options") // refused without a stream
	}
	if r.temperature != "" && !e.get("temperature").Present() {
		e.set("temperature", []byte(r.temperature))
	}
	r.editThinking(&e, tools)
	if edited := r.editMessages(body, e.get("messages"), r.thinks(&e)); edited != nil {
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

// editTools takes out an empty list of tools, and what is refused without any. It returns whether there are tools.
func (r *Rules) editTools(e *edit) bool {
	tools := e.get("tools")
	if tools.Kind == rawjson.Array && isEmpty(e.body, tools) {
		e.set("tools", nil)
		tools = rawjson.Value{}
	}
	if !tools.Present() {
		if r.known {
			e.drop("tool_choice", "parallel_tool_calls")
		}
		return false
	}
	if r.Refuses("tools") {
		return false // they are gone with the rest
	}
	choice := e.get("tool_choice")
	switch word, isWord := rawjson.Text(e.body, choice); {
	case r.wakes && !r.thinks(e):
	case isWord && r.choice[word] != "":
		e.setWord("tool_choice", r.choice[word])
	case choice.Kind == rawjson.Object && r.named != "":
		e.setWord("tool_choice", r.named)
	}
	return true
}

func isEmpty(body []byte, v rawjson.Value) bool {
	return len(bytes.TrimSpace(v.Raw(body)[1:v.End-v.Start-1])) == 0
}

// thinks says whether a model of the families that name those which do not is going to, by the request's own switch or by its name.
func (r *Rules) thinks(e *edit) bool {
	kind, _ := rawjson.Text(e.body, e.get("thinking").Get(e.body, "type"))
	return kind == "enabled" || !r.wakes && kind != "disabled"
}

// editThinking sets the effort that the name of the model wishes, puts another in the place of one that the model does not take, and takes
// out what a model that thinks refuses.
func (r *Rules) editThinking(e *edit, tools bool) {
	asked := e.word("reasoning_effort")
	word := asked
	if word == "" {
		word = r.effort
	}
	g := r.generation
	if g == nil {
		if word != asked {
			e.setWord("reasoning_effort", word)
		}
		return
	}
	if other := g.words[word]; other != "" {
		word = other
	}
	if g.toolsAwake && r.official && tools && (word != "" || g.byDefault) {
		word = "none"
	}
	if word != asked {
		e.setWord("reasoning_effort", word)
	}
	e.drop(g.drop...)
	awake := g.byDefault
	if word != "" {
		awake = word != "none"
	}
	if g.always || awake && r.limit == maxCompletion { // models of others that think take sampling all the same
		e.drop(sampling...)
	}
}

// EditTranslated is Edit for a request that was translated. An upstream about which nothing is known gets the older name of the limit
// there, which every server knows.
func (r *Rules) EditTranslated(body []byte) []byte {
	older := Rules{family: family{limit: maxTokens}}
	switch {
	case r == nil:
	case r.known || r.limit != "":
		return r.Edit(body)
	default:
		older = *r
		older.limit = maxTokens
	}
	return older.Edit(body)
}
