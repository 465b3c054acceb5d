package fit

import (
	"slices"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/capability"
)

// LeftOut is what of a request a target of another format is not told, in words: earlier thinking, which only its own
// provider reads, arguments that it does not parse, and tools that only another provider runs.
func LeftOut(q *codec.Request, t *capability.Target) (left []string) {
	f := fitting{q: q, Target: t}
	if f.own() {
		return nil
	}
	thoughts, broken := 0, 0
	for i := range q.Messages {
		for j := range q.Messages[i].Parts {
			p := &q.Messages[i].Parts[j]
			if f.breaks(p) && p.Call.ArgumentsAre() != codec.ObjectArguments {
				broken++
			}
			if p.Kind == codec.PartReasoning && saysThought(p) && !f.readsThought(p) {
				thoughts++
			}
		}
	}
	switch {
	case thoughts > 1:
		left = append(left, "earlier thinking ("+strconv.Itoa(thoughts)+" times)")
	case thoughts == 1:
		left = append(left, "earlier thinking")
	}
	if broken > 0 {
		left = append(left, "the form of arguments that are no JSON object")
	}
	if f.repeats() {
		left = append(left, "tools that have another's name")
	}
	const most = 8 // names are the client's
	for i := range q.Tools {
		if tool := &q.Tools[i]; tool.Kind == codec.ToolHosted && !f.runs(tool.Name) && len(left) < most {
			left = append(left, strings.TrimSpace("the tool "+codec.Excerpt(tool.Name, 64)))
		}
	}
	return left
}

func saysThought(p *codec.Part) bool {
	return p.Text != "" || p.Signature.Value != "" || p.Reasoning != nil && p.Reasoning.Encrypted != ""
}

// readsThought says whether a piece of earlier thinking goes to the target.
func (f *fitting) readsThought(p *codec.Part) bool {
	of := func(provider string) bool {
		if info := p.Reasoning; info != nil && info.Encrypted != "" {
			return p.Signature.Provider == provider || strings.HasPrefix(info.Format, provider) || provider == "anthropic" && info.Format == "" && info.ID == ""
		}
		return p.Signature.Provider == provider && p.Signature.Value != ""
	}
	switch f.Format {
	case capability.Chat:
		return !f.isStrange(p)
	case capability.Messages:
		return of("anthropic")
	case capability.Converse:
		return f.Takes("signed_thinking", false) && of("anthropic")
	case capability.Responses:
		return p.Reasoning != nil && p.Reasoning.Encrypted != "" && of("openai")
	case capability.Gemini:
		return of("google")
	}
	return p.Text != ""
}

// googles are tools that Google runs too, by the words that others begin their names with.
var googles = []string{WebSearch, "google", "code_interpreter", "code_execution", "url_context", "web_fetch"}

// runs says whether the target has a tool of its own in the place of one that another provider runs.
func (f *fitting) runs(name string) bool {
	if f.Format != capability.Gemini {
		return isSearch(name) && f.searches()
	}
	return isGoogles(name) && (f.Takes("hosted_with_functions", true) || !f.hasFunctions())
}

// isGoogles says whether Google runs a tool like one that another provider runs.
func isGoogles(name string) bool {
	low := strings.ToLower(name)
	return slices.ContainsFunc(googles, func(word string) bool { return strings.HasPrefix(low, word) })
}

func (f *fitting) hasFunctions() bool {
	for i := range f.q.Tools {
		if f.q.Tools[i].Kind != codec.ToolHosted {
			return true
		}
	}
	return false
}
