package openai

import (
	"bytes"
	"slices"
	"strconv"

	"uniapi/codec/capability"
	"uniapi/codec/rawjson"
)

// What include may ask for that not all models have.
const (
	sealedThinking = "reasoning.encrypted_content"
	probabilities  = "message.output_text.logprobs"
	verbosity      = "verbosity" // a member of text
)

// EditResponses is Edit for a request in the format of Responses.
func (r *Rules) EditResponses(body []byte) []byte {
	if r == nil {
		return body
	}
	var usual [usualMembers]member
	e := edit{body: body, members: usual[:0]}
	if !e.read(r) {
		return body
	}
	e.drop(r.refused...)
	r.editUser(&e)
	if n, ok := rawjson.Int(body, e.get("max_output_tokens")); ok && n < r.LeastTokens {
		e.set("max_output_tokens", strconv.AppendInt(nil, r.LeastTokens, 10))
	}
	if awake := r.editReasoning(&e); awake {
		e.drop(r.Quiet...)
		if slices.Contains(r.Quiet, "top_logprobs") {
			e.exclude(probabilities)
		}
	}
	if r.Thinks == capability.Never {
		e.exclude(sealedThinking)
	}
	if tools := e.get("tools"); tools.Kind == rawjson.Array && isEmpty(body, tools) {
		e.drop("tools", "tool_choice", "parallel_tool_calls")
	} else {
		r.editSchemas(&e, "")
	}
	r.editVerbosity(&e)
	r.editWord(&e, r.editItems(&e))
	return e.done()
}

// editVerbosity takes out how much is to be said, for models that do not know it.
func (r *Rules) editVerbosity(e *edit) {
	text := e.get("text")
	if !r.Refuses(verbosity) || !text.Get(e.body, verbosity).Present() {
		return
	}
	var s rawjson.Splicer
	s.Set(verbosity, nil)
	if parts, err := s.Parts(nil, text.Raw(e.body)); err == nil {
		e.set("text", slices.Concat(parts...))
	}
}

var callItem = []byte(`"function_call"`)

// editItems makes the arguments of calls JSON objects, where the upstream wants them so. It returns the input, edited
// or not.
func (r *Rules) editItems(e *edit) []byte {
	input := e.get("input")
	if !r.objects || input.Kind != rawjson.Array || !bytes.Contains(input.Raw(e.body), callItem) {
		return input.Raw(e.body)
	}
	var out []byte
	done := input.Start
	for list := input.Elements(e.body); list.Next(); {
		if kind, _ := rawjson.Text(e.body, list.Value.Get(e.body, "type")); kind != "function_call" {
			continue
		}
		given := list.Value.Get(e.body, "arguments")
		if object := asObject(e.body, given); object != nil {
			out = append(append(out, e.body[done:given.Start]...), object...)
			done = given.End
		}
	}
	if out == nil {
		return input.Raw(e.body)
	}
	out = append(out, e.body[done:input.End]...)
	e.set("input", out)
	return out
}

// editReasoning puts an effort that the model takes in the place of the one that is asked for, and takes out what asks
// a model to think that does not. It returns whether it will.
func (r *Rules) editReasoning(e *edit) (awake bool) {
	reasoning := e.get("reasoning")
	asked, _ := rawjson.Text(e.body, reasoning.Get(e.body, "effort"))
	word := asked
	if word == "" {
		word = r.effort
	}
	if r.Thinks == capability.WhenAsked && word == "" && slices.Contains(r.Efforts, "none") && e.hasAny(r.Quiet) {
		word = "none"
	}
	awake = r.awake(e, word)
	if r.Thinks == capability.Never {
		e.drop("reasoning")
		return false
	}
	if word = r.Effort(word); word == asked {
		return awake
	}
	if reasoning.Kind != rawjson.Object {
		if reasoning.Kind == rawjson.Missing || reasoning.Kind == rawjson.Null {
			e.set("reasoning", append(rawjson.Str([]byte{'{'}, "effort", word), '}'))
		}
		return awake
	}
	var s rawjson.Splicer
	if s.Set("effort", nil); word != "" {
		s.Set("effort", rawjson.AppendString(nil, word))
	}
	if parts, err := s.Parts(nil, reasoning.Raw(e.body)); err == nil {
		e.set("reasoning", slices.Concat(parts...))
	}
	return awake
}

// exclude takes a word out of include.
func (e *edit) exclude(word string) {
	include := e.get("include")
	var rest []byte
	found := false
	for list := include.Elements(e.body); list.Next(); {
		if text, _ := rawjson.Text(e.body, list.Value); text == word {
			found = true
			continue
		}
		rest = append(append(rest, ','), list.Value.Raw(e.body)...)
	}
	switch {
	case !found:
	case rest == nil:
		e.set("include", nil)
	default:
		rest[0] = '['
		e.set("include", append(rest, ']'))
	}
}
