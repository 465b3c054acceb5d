package fit

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/capability"
)

// Check is the error of a request that the target cannot be asked for: it demands a tool that a provider runs itself,
// and this one has none like it. Left out, the answer would be made without what the client wants to be sure of.
func Check(q *codec.Request, t *capability.Target) *codec.Error {
	f := fitting{q: q, Target: t}
	if f.own() {
		return nil
	}
	if c := &f.q.ToolChoice; c.Mode == codec.ToolNamed && !c.Hosted && len(f.q.Tools) > 0 && f.clientsAlone() && !f.offered()(c.Name) {
		return codec.BadRequest("tool_choice", "'tool_choice' names the tool '"+codec.Excerpt(c.Name, 64)+"', which is not among the request's tools")
	}
	name, forced := f.forced()
	if !forced || f.runsAlone(name) {
		return nil
	}
	return codec.BadRequest("tool_choice", "'tool_choice' demands the tool '"+codec.Excerpt(name, 64)+"', which a provider runs itself: the provider of this model has none like it")
}

// forced is the tool of a provider's own that must be called, whatever else there is: it is named, or there are no
// others.
func (f *fitting) forced() (name string, is bool) {
	c := &f.q.ToolChoice
	switch {
	case c.Mode == codec.ToolNamed && c.Hosted:
		return c.Name, true
	case c.Mode == codec.ToolNamed:
		return c.Name, f.hasHosted(c.Name) && !f.offered()(c.Name)
	case c.Mode == codec.ToolRequired && len(f.q.Tools) > 0 && !f.hasFunctions():
		for i := range f.q.Tools { // any of them will do
			if name = f.q.Tools[i].Name; f.runsAlone(name) {
				break
			}
		}
		return name, true
	}
	return "", false
}

// clientsAlone says whether providers run none of the tools, so that all their names are known.
func (f *fitting) clientsAlone() bool {
	return !slices.ContainsFunc(f.q.Tools, func(t codec.Tool) bool { return t.Kind == codec.ToolHosted })
}

// hasHosted says whether one of the tools that providers run is meant by a name: Anthropic's choice has the name of a
// tool, whose type begins with it.
func (f *fitting) hasHosted(name string) bool {
	return slices.ContainsFunc(f.q.Tools, func(t codec.Tool) bool { return t.Kind == codec.ToolHosted && meant(t.Name, name) })
}

// meant says whether a tool that a provider runs is the one that a choice names.
func meant(tool, name string) bool {
	return name != "" && strings.HasPrefix(tool, name) || isSearch(tool) && isSearch(name)
}

// runsAlone is runs where no other tool is offered beside it.
func (f *fitting) runsAlone(name string) bool {
	if f.Format != capability.Gemini {
		return isSearch(name) && f.searches()
	}
	return isGoogles(name)
}

// demand has a tool that a provider runs called: by the target's choice, or, where there is none for it, as the only
// tool.
func (f *fitting) demand(name string) {
	q := f.change()
	q.ToolChoice = codec.ToolChoice{}
	if isSearch(name) && f.searches() {
		q.ToolChoice = codec.ToolChoice{Mode: codec.ToolNamed, Name: WebSearch, Hosted: true}
		if f.Choice("named", true) == "named" {
			return
		}
	}
	if kept := slices.DeleteFunc(slices.Clone(q.Tools), func(t codec.Tool) bool { return t.Kind != codec.ToolHosted || !meant(t.Name, name) }); len(kept) > 0 {
		q.Tools, f.tooled = kept, true
	}
}
