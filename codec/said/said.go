// Package said finds what the user of a request says in it, for a moderator: in every format of the clients, by the
// bytes that go on to the provider.
//
// What a part of a message is called, and whether it is called anything, says nothing about who reads it. So every
// string of it counts, but for files that are no text.
package said

import (
	"bytes"
	"strings"

	"uniapi/codec/rawjson"
)

// speaker is whose words an element of a conversation has.
type speaker int

const (
	user     speaker = iota // and whoever is not known
	result                  // what came of a tool
	model                   // answers, be they written by the client
	operator                // instructions
)

// Last is what the user says in a conversation that was not judged before: the last turn that has words of the user,
// with the results of tools behind the last answer. Answers that stand at the end are looked through. Beside it come
// the members that hosts take words from in the place of messages. In a request without any words of a user it is all
// the words there are.
//
// The body must be one good JSON object, as a reader of its head has found it. The lines are those of the strings; bad
// escapes stay as they are.
func Last(body []byte) []byte { return (&collector{body: body}).last() }

// Whole is all that is said in a request that is no conversation: its prompt, input, query and whatever else has words.
func Whole(body []byte) []byte { return (&collector{body: body}).whole() }

// Judged is Last, or Whole, for one that asks for room before more is taken than twice the request, and gives up if
// there is none.
func Judged(body []byte, whole bool, room func(extra int) error) ([]byte, error) {
	c := collector{body: body, room: room}
	if whole {
		return c.whole(), c.failed
	}
	return c.last(), c.failed
}

func (c *collector) last() []byte {
	var all []byte
	for it := rawjson.MembersOf(c.body); it.Step(); {
		switch name := it.Name(); name {
		case "messages", "input", "contents", "chat_history":
			all = append(all, c.conversation(name, &it)...)
		case "prompt", "suffix", "prediction", "query", "documents", "message", "inputs", "tool_results":
			c.reset()
			c.value(name, &it.Walk, it.Value, false)
			c.spoken = c.spoken || hasWords(c.said)
			all = append(all, c.all()...)
		}
	}
	if c.spoken {
		return all
	}
	return c.whole()
}

func (c *collector) whole() []byte {
	c.reset()
	for it := rawjson.MembersOf(c.body); it.Step(); {
		name := it.Name()
		switch {
		case name == "stream_options" || name == "logit_bias":
		case it.Value.Kind == rawjson.String && it.Value.End-it.Value.Start <= LongestSetting && Setting(name):
		default:
			c.value(name, &it.Walk, it.Value, false)
		}
	}
	return c.all()
}

// LongestSetting is how long a word of a list, or somebody's name, is at most. What is longer is read by somebody.
const LongestSetting = 128

// Tokens says whether a request has numbers in the place of its prompt or of a piece of it, which a moderator cannot
// read.
func Tokens(body []byte) bool {
	for it := rawjson.MembersOf(body); it.Next(); {
		switch it.Name() {
		case "prompt", "input", "suffix", "query", "documents", "messages":
			for list := it.Value.Elements(body); list.Next(); {
				if list.Value.Kind == rawjson.Number {
					return true
				}
				for inner := list.Value.Elements(body); inner.Next(); {
					if inner.Value.Kind == rawjson.Number {
						return true
					}
				}
			}
		}
	}
	return false
}

// Setting names the members at the top of a request that choose a word from a list, or name somebody.
func Setting(name string) bool {
	switch name {
	case "model", "user", "size", "quality", "style", "background", "moderation", "voice", "language", "response_format", "output_format", "stream_format",
		"encoding_format", "input_type", "input_fidelity", "service_tier", "reasoning_effort", "truncate", "truncation", "previous_response_id",
		"safety_identifier", "timestamp_granularities", "timestamp_granularities[]", "prompt_cache_key", "prompt_cache_retention":
		return true
	}
	return false
}

// collector gathers strings, each in a line of its own.
type collector struct {
	body          []byte
	said, results []byte // of what is being looked at
	calls         []byte // the arguments of calls among it
	spoken        bool   // a user has said something
	depth         int

	room   func(extra int) error // asked before a file's readings take more than the request
	failed error
}

// mostDepth is how deep texts are looked for: each level is gone through again.
const mostDepth = 512

// tooDeep goes no further into what is nested deeper than anybody means, and takes it as it stands.
func (c *collector) tooDeep(v rawjson.Value) bool {
	if c.depth++; c.depth <= mostDepth {
		return false
	}
	c.depth--
	if whole, err := rawjson.Skip(c.body, v.Start); err == nil {
		c.said = append(append(c.said, whole.Raw(c.body)...), '\n')
	}
	return true
}

// all that was collected.
func (c *collector) all() []byte { return append(append(c.said, c.results...), c.calls...) }

func (c *collector) reset() { c.said, c.results, c.calls = c.said[:0], c.results[:0], c.calls[:0] }

// conversation finds the last turn of a list. A text alone is the user's.
func (c *collector) conversation(name string, it *rawjson.Members) []byte {
	if it.Value.Kind != rawjson.Array {
		c.reset()
		c.value(name, &it.Walk, it.Value, false)
		c.spoken = c.spoken || hasWords(c.said)
		return bytes.Clone(c.all())
	}
	var turn, results, before []byte // before is the last turn that has words
	var calls []byte                 // of answers behind all of these
	answered := false
	list := it.Elements()
	for list.Step() {
		c.reset()
		who := c.element(name, &list)
		if who == model {
			answered, calls = true, append(calls, c.calls...)
		}
		if who == model || who == operator {
			continue
		}
		if answered {
			if hasWords(turn) {
				turn, before = before, turn
			}
			turn, results, calls, answered = turn[:0], append(results[:0], calls...), calls[:0], false
		}
		if who == result {
			c.toResults(0)
		}
		turn, results = append(turn, c.said...), append(append(results, c.results...), c.calls...)
	}
	it.Leave(&list.Walk)
	if !hasWords(turn) {
		turn = before
	}
	c.spoken = c.spoken || hasWords(turn)
	return append(append(turn, results...), calls...)
}

func hasWords(text []byte) bool { return len(bytes.TrimSpace(text)) > 0 }

// element collects one of a conversation, and says whose it is.
func (c *collector) element(in string, list *rawjson.Elements) speaker {
	if list.Value.Kind != rawjson.Object {
		c.value("", &list.Walk, list.Value, false)
		return user
	}
	object := list.Members()
	about := c.object(&object, false)
	list.Leave(&object.Walk)
	return about.speaker(in)
}

// speaker is whose an element is in the list of that name.
func (a *about) speaker(in string) speaker {
	if in == "input" { // of a Responses request, whose items have types where there is no role
		switch {
		case strings.HasSuffix(a.kind, "_output"), a.kind == "mcp_approval_response":
			return result
		case strings.HasSuffix(a.kind, "_call"):
			return model
		}
		switch a.kind {
		case "reasoning", "mcp_list_tools", "mcp_approval_request", "compaction", "context_compaction", "item_reference", "program":
			return model
		}
	}
	switch a.role {
	case "assistant":
		if in != "contents" {
			return model
		}
	case "model":
		if in == "contents" {
			return model
		}
	case "system", "developer":
		if in != "contents" {
			return operator
		}
	case "tool", "function":
		return result
	}
	return user
}

// about is what an object tells of itself.
type about struct {
	role, kind string
	mime       string // of the file in it; "" if it names none
	file       string // what the file is called
}

// value collects all strings of a value. The name is that of the member that it stands in. What is free follows no
// format: there is nothing in it that is not read as it stands.
func (c *collector) value(name string, in *rawjson.Walk, v rawjson.Value, free bool) {
	switch v.Kind {
	case rawjson.String:
		if free {
			c.add(v)
		} else {
			c.text(name, v)
		}
	case rawjson.Array:
		if c.tooDeep(v) {
			return
		}
		list := in.Elements()
		for list.Step() {
			c.value(name, &list.Walk, list.Value, free)
		}
		c.depth--
		in.Leave(&list.Walk)
	case rawjson.Object:
		if c.tooDeep(v) {
			return
		}
		object := in.Members()
		c.object(&object, free)
		c.depth--
		in.Leave(&object.Walk)
	default: // a number, true, false or null
		if free {
			c.said = append(append(c.said, v.Raw(c.body)...), '\n')
		}
	}
}

// object collects all strings of one, but for a role and a type that a format has, and the names of members that none
// has.
func (c *collector) object(it *rawjson.Members, free bool) about {
	var a about
	var files []file // perhaps: what the object tells of itself may come last
	from := len(c.said)
	for it.Step() {
		member := it.Name()
		own := free || !memberNames[member]
		if own {
			c.line(member)
		}
		if it.Value.Kind != rawjson.String || own || freeNames[member] {
			from := len(c.said)
			c.value(member, &it.Walk, it.Value, own || freeNames[member])
			switch {
			case own:
			case member == "functionResponse" || member == "function_response":
				c.toResults(from)
			case member == "arguments" || member == "args" || member == "input" || member == "partialArgs" || member == "partial_args":
				c.calls = append(c.calls, c.said[from:]...)
				c.said = c.said[:from]
			}
			continue
		}
		text, _ := rawjson.Text(c.body, it.Value)
		switch member {
		case "role", "type":
			if member == "role" {
				a.role = text
			} else {
				a.kind = text
			}
			if !formatWords[text] { // which is no reason to think that the turn has words
				from := len(c.said)
				c.add(it.Value)
				c.toResults(from)
			}
			continue
		case "media_type", "mimeType", "mime_type", "format":
			a.mime = text
		case "filename", "title", "displayName", "display_name":
			a.file = text
		}
		if media(member) {
			files = append(files, file{member, it.Value})
			continue
		}
		c.text(member, it.Value)
	}
	for _, f := range files {
		if !c.isFile(f.member, f.value, a) {
			c.add(f.value)
		}
	}
	if strings.HasSuffix(a.kind, "tool_result") {
		c.toResults(from)
	}
	return a
}

// text collects a string in a member of that name. One that is a text as an address of its own is collected as what it
// says as well.
func (c *collector) text(name string, v rawjson.Value) {
	const scheme = "data:"
	if media(name) {
		if c.isFile(name, v, about{}) {
			return
		}
	} else if head := c.body[v.Start+1 : min(v.Start+1+len(scheme), v.End)]; len(head) == len(scheme) && strings.EqualFold(string(head), scheme) {
		c.isFile(name, v, about{})
	}
	c.add(v)
}

// toResults says that what was collected from there on is what came of a tool.
func (c *collector) toResults(from int) {
	c.results = append(c.results, c.said[from:]...)
	c.said = c.said[:from]
}

func (c *collector) add(v rawjson.Value) {
	c.said, _ = rawjson.AppendText(c.said, c.body, v)
	c.said = append(c.said, '\n')
}

func (c *collector) line(text string) { c.said = append(append(c.said, text...), '\n') }
