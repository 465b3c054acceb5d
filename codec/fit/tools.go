package fit

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/schema"
)

// formats are the names of formats in requests as rules call them.
var formats = map[string]string{"openai": capability.Chat, "responses": capability.Responses, "anthropic": capability.Messages, "gemini": capability.Gemini,
	"bedrock": capability.Converse, "cohere": capability.Cohere}

// own says whether the request came in the target's format.
func (f *fitting) own() bool { return formats[f.q.Format] == f.Format }

// once offers each tool once: programs that put those of several servers together name some twice, and providers answer
// "Tool names must be unique".
func (f *fitting) once() {
	if f.own() || !f.repeats() {
		return
	}
	seen := map[string]bool{}
	q := f.change()
	q.Tools, f.tooled = slices.DeleteFunc(slices.Clone(q.Tools), func(t codec.Tool) bool {
		again := t.Kind != codec.ToolHosted && seen[t.Name]
		seen[t.Name] = seen[t.Name] || t.Kind != codec.ToolHosted
		return again
	}), true
}

// fewTools is up to how many are compared with each other, which is quicker for them than to write them down.
const fewTools = 32

// repeats says whether two tools of the client's have one name.
func (f *fitting) repeats() bool {
	tools := f.q.Tools
	if len(tools) <= fewTools {
		for i := range tools {
			for j := range tools[:i] {
				if tools[i].Kind != codec.ToolHosted && tools[j].Kind != codec.ToolHosted && tools[i].Name == tools[j].Name {
					return true
				}
			}
		}
		return false
	}
	names := make(map[string]bool, len(tools))
	for i := range tools {
		if tools[i].Kind != codec.ToolHosted {
			if names[tools[i].Name] {
				return true
			}
			names[tools[i].Name] = true
		}
	}
	return false
}

// WebSearch is what a choice calls the search of whoever has one.
const WebSearch = "web_search"

// choice names no tool that is not offered: those that providers run themselves are known under other names, or not at
// all.
func (f *fitting) choice() {
	c := &f.q.ToolChoice
	isHosted := func(t codec.Tool) bool { return t.Kind == codec.ToolHosted }
	if f.own() || !c.Hosted && c.Allowed == nil && !slices.ContainsFunc(f.q.Tools, isHosted) {
		return
	}
	offered := f.offered()
	switch {
	case c.Mode == codec.ToolNamed && (c.Hosted || !offered(c.Name)):
		f.demand(c.Name)
	case c.Allowed != nil && !allOf(c.Allowed, offered):
		kept := slices.DeleteFunc(slices.Clone(c.Allowed), func(name string) bool { return !offered(name) })
		to := codec.ToolChoice{Mode: c.Mode, Allowed: kept}
		if len(kept) == 0 {
			to = codec.ToolChoice{}
			if !f.searches() {
				to.Mode = codec.ToolNone
			}
		}
		f.change().ToolChoice = to
	}
}

// allowed offers only the tools that may be called, where the choice of some of them cannot be said.
func (f *fitting) allowed() {
	c := f.q.ToolChoice
	switch {
	case c.Allowed == nil, f.Format == capability.Responses, f.Format == capability.Gemini, f.Format == capability.Chat && !f.Refuses("allowed_tools"):
		return
	}
	q := f.change()
	q.ToolChoice = codec.ToolChoice{Mode: c.Mode}
	kept := slices.DeleteFunc(slices.Clone(q.Tools), func(t codec.Tool) bool { return t.Kind != codec.ToolHosted && !slices.Contains(c.Allowed, t.Name) })
	q.Tools, f.tooled = kept, true
	if len(kept) == 0 {
		q.ToolChoice = codec.ToolChoice{}
	}
}

// offered returns what says whether the request has a tool of a name, beside those that providers run themselves. They
// are gone through once, however many names are asked about.
func (f *fitting) offered() func(name string) bool {
	names := make(map[string]bool, len(f.q.Tools))
	for i := range f.q.Tools {
		if t := &f.q.Tools[i]; t.Kind != codec.ToolHosted {
			names[t.Name] = true
		}
	}
	return func(name string) bool { return names[name] }
}

func allOf(names []string, is func(string) bool) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !is(name) })
}

// isSearch says whether a tool that a provider runs searches the web, by what OpenAI, Anthropic or Google call it.
func isSearch(name string) bool {
	return strings.HasPrefix(name, WebSearch) || strings.HasPrefix(name, "googleSearch")
}

// searches says whether the target has a search that can be chosen.
func (f *fitting) searches() bool {
	return f.Format == capability.Responses || f.Format == capability.Messages && f.Place == ""
}

// schemas puts those of tools into the form that the target takes.
func (f *fitting) schemas() {
	if f.ToolSchema != "openai" || f.own() {
		return
	}
	for i := range f.q.Tools {
		t := &f.q.Tools[i]
		if t.Kind != codec.ToolFunction {
			continue
		}
		strict := t.Strict != nil && *t.Strict && !f.isOpenAIs()
		if len(t.Schema) == 0 || schema.FitsOpenAI(t.Schema) {
			if strict {
				f.tool(i).Strict = nil
			}
			continue
		}
		if clean, err := schema.Clean(nil, t.Schema, schema.OpenAITool); err == nil {
			t = f.tool(i)
			t.Schema, t.Strict = clean, nil
		}
	}
}

// isOpenAIs says whether the client means by strict what OpenAI does, which wants more of a schema than others.
func (f *fitting) isOpenAIs() bool { return f.q.Format == "openai" || f.q.Format == "responses" }

// tool is one of the tools, to be changed.
func (f *fitting) tool(i int) *codec.Tool {
	q := f.change()
	if !f.tooled {
		q.Tools, f.tooled = slices.Clone(q.Tools), true
	}
	return &q.Tools[i]
}
