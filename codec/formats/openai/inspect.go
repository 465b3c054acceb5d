package openai

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
)

// findings are what the passthrough needs to know of a chunk of a stream or of a whole answer.
type findings struct {
	codec.Told

	choices  bool   // there is at least one choice, or another kind of result (data)
	content  bool   // a choice says something: text, reasoning, a refusal, a tool call, audio, an image
	finished bool   // a choice has a finish_reason
	finish   string // that of the last choice; aliases the data
	said     int64  // bytes of the texts and arguments of the choices
	// holes are the strings that differ from one ordinary chunk to the next, for the template.
	holes  [passthrough.MostHoles]passthrough.Hole
	nHoles int  // also those that there is no room for
	single bool // one choice

	named    bool // it has an id
	delta    bool // a choice has a delta, be it empty
	message  bool // or a message
	thoughts bool // thinking stands in reasoning alone
}

func (f *findings) lacks() lacks {
	return lacks{unnamed: (f.delta || f.message) && !f.named, thoughts: f.thoughts, message: f.message && !f.delta}
}

// hole notes a string of a chunk, and whether it is of what the answer says.
func (f *findings) hole(v rawjson.Value, says bool) {
	if says && v.Present() {
		f.said += int64(v.End - v.Start - len(`""`))
	}
	if v.Kind != rawjson.String {
		return
	}
	if f.nHoles < len(f.holes) {
		f.holes[f.nHoles] = passthrough.Hole{Value: v, Says: says}
	}
	f.nHoles++
}

// inspect reads a chunk or an answer in one pass. The error says that data is not one JSON object; what was found before it
// is in f all the same.
func (f *findings) inspect(data []byte) error {
	it := rawjson.MembersOf(data)
	for it.Step() {
		switch it.Name() {
		case "id":
			f.named = it.Value.Kind == rawjson.String && nonEmpty(it.Value)
		case "choices":
			choices := it.Elements()
			f.inspectChoices(data, &choices)
			it.Leave(&choices.Walk)
		case "status_code", "usage", "usageMetadata", "usage_metadata", "meta", "x_groq", "error", "base_resp":
			f.Member(data, &it)
		case "data":
			v := it.Whole()
			f.choices = f.choices || v.Kind == rawjson.Array && v.End-v.Start > len("[]")
			f.content = f.content || f.choices
		case "obfuscation":
			f.hole(it.Value, false)
		}
	}
	return f.End(&it)
}

func (f *findings) inspectChoices(data []byte, choices *rawjson.Elements) {
	n := 0
	for choices.Step() {
		n++
		it := choices.Members()
		for it.Step() {
			switch name := it.Name(); name {
			case "delta", "message":
				f.delta, f.message = f.delta || name == "delta", f.message || name == "message" && it.Value.Kind == rawjson.Object
				delta := it.Members()
				f.inspectDelta(data, &delta)
				it.Leave(&delta.Walk)
			case "text":
				v := it.Whole()
				f.content = f.content || nonEmpty(v)
				f.hole(v, true)
			case "finish_reason":
				if s, ok := rawjson.Text(data, it.Value); ok && s != "" {
					f.finished, f.finish = true, s
				}
			case "usage":
				f.TakeUsage(data, it.Whole())
			case "error":
				f.TakeChoiceError(data, it.Whole())
			}
		}
		choices.Leave(&it.Walk)
	}
	f.choices = f.choices || n > 0
	f.single = n == 1
}

func (f *findings) inspectDelta(data []byte, it *rawjson.Members) {
	reasoning, content := false, false
	for it.Step() {
		switch name := it.Name(); name {
		case "content", "reasoning_content", "reasoning", "refusal":
			v := it.Whole()
			f.content = f.content || nonEmpty(v)
			f.hole(v, true)
			reasoning = reasoning || name == "reasoning" && v.Kind == rawjson.String && nonEmpty(v)
			content = content || name == "reasoning_content" && v.Present()
		case "tool_calls":
			v := it.Whole()
			f.content = f.content || nonEmpty(v)
			for calls := v.Elements(data); calls.Next(); {
				f.hole(calls.Value.Get(data, "function").Get(data, "arguments"), true)
			}
		case "function_call", "audio", "images", "annotations", "reasoning_details", "thinking_blocks":
			f.content = f.content || nonEmpty(it.Whole())
		}
	}
	f.thoughts = f.thoughts || reasoning && !content
}

// nonEmpty says whether a value carries anything: neither null nor "" nor [] nor {}.
func nonEmpty(v rawjson.Value) bool { return v.Present() && v.End-v.Start > 2 }

// finishFailure is the error that a finish_reason stands for, nil for the others. OpenAI has no such words; compatible upstreams
// use them for answers that did not come about.
func finishFailure(reason string) *codec.Error {
	switch strings.ToLower(reason) {
	case "prohibited_content":
		return &codec.Error{Status: 400, Class: codec.ContentPolicy, Type: "invalid_request_error", Code: "content_filter", InAnswer: true,
			Message: "the upstream refused the request: prohibited content"}
	case "error", "network_error", "insufficient_system_resource":
		return codec.NoAnswer("the upstream could not finish its answer: " + strings.Clone(reason))
	}
	return nil
}
