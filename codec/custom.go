package codec

import (
	"encoding/json"
	"slices"
	"strings"
)

// customSchema is a function's that stands for a tool that takes text.
const customSchema = `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`

// Described is a tool's description, with the format of the text that it takes, for those who have no other place for
// that.
func (t *Tool) Described() string {
	if t.Kind != ToolCustom || !strings.Contains(string(t.Grammar), `"grammar"`) { // else it is any text
		return t.Description
	}
	return strings.TrimSpace(t.Description + "\n\nThe input must follow this format: " + string(t.Grammar))
}

// WithoutCustom is the request with a function in the place of each custom tool, whose text is the argument "input":
// few of those who speak OpenAI's chat format know of tools that take text. One without such tools is returned itself.
func (r *Request) WithoutCustom() *Request {
	isCustom := func(t Tool) bool { return t.Kind == ToolCustom }
	isCall := func(p Part) bool { return p.Kind == PartToolCall && p.Call.Custom }
	hasCall := func(m Message) bool { return slices.ContainsFunc(m.Parts, isCall) }
	if !slices.ContainsFunc(r.Tools, isCustom) && !slices.ContainsFunc(r.Messages, hasCall) {
		return r
	}
	c := *r
	c.ToolChoice.Custom = false
	c.Tools = slices.Clone(r.Tools)
	for i := range c.Tools {
		if t := &c.Tools[i]; isCustom(*t) {
			t.Description = t.Described()
			t.Kind, t.Schema, t.Grammar = ToolFunction, json.RawMessage(customSchema), nil
		}
	}
	c.Messages = slices.Clone(r.Messages)
	for i := range c.Messages {
		if !hasCall(c.Messages[i]) {
			continue
		}
		parts := slices.Clone(c.Messages[i].Parts)
		for j := range parts {
			if isCall(parts[j]) {
				call := *parts[j].Call
				arguments, err := json.Marshal(map[string]string{"input": call.Arguments})
				if err != nil { // of a string: never
					panic(err)
				}
				call.Arguments, call.Custom = string(arguments), false
				parts[j].Call = &call
			}
		}
		c.Messages[i].Parts = parts
	}
	return &c
}
