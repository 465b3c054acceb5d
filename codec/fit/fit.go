// Package fit makes a request one that its target takes, before it is encoded: names of tools that are not too long, no
// extensions of a format that the target does not know, limits kept. What a target takes is known to codec/capability.
package fit

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/toolid"
)

// Request returns the request as the target takes it, and the names that were changed. One that may stay is returned
// itself, any other is a copy.
func Request(q *codec.Request, t *capability.Target) (*codec.Request, Names) {
	f := fitting{q: q, Target: t}
	f.once()
	f.choice()
	f.allowed()
	f.names()
	f.schemas()
	f.answer()
	f.arguments()
	if t.Format == capability.Chat || t.Format == capability.Responses {
		f.ids()
		f.user()
		f.tier()
		f.stops()
		f.extensions()
		f.word()
	}
	return f.q, f.back
}

// fitting is a request on its way.
type fitting struct {
	*capability.Target
	q      *codec.Request
	copied bool
	tooled bool // so are its tools
	back   Names
}

// change is the request to be changed, which is a copy.
func (f *fitting) change() *codec.Request {
	if !f.copied {
		c := *f.q
		f.q, f.copied = &c, true
	}
	return f.q
}

// answer notes that the answer is asked for by a tool.
func (f *fitting) answer() {
	if o := f.q.Output; o != nil && o.Kind == codec.OutputSchema && f.AnswersByTool() {
		given := *o
		given.ByTool = true
		f.change().Output = &given
	}
}

// arguments puts those of calls that are no object into one, where the target wants one and the format does not:
// formats that have no other form do it themselves.
func (f *fitting) arguments() {
	f.eachPart(func(p *codec.Part) bool {
		call := *p.Call
		object, _ := call.AppendObject(nil)
		call.Arguments = string(object)
		p.Call = &call
		return true
	}, f.breaks)
}

// ids shortens those of calls that are longer than the target takes, the same of a call and of its result.
func (f *fitting) ids() {
	most := f.IDChars
	if most == 0 || f.Format == capability.Responses { // which has a form of its own for them
		return
	}
	f.eachPart(func(p *codec.Part) bool {
		if p.Call != nil {
			call := *p.Call
			call.ID = toolid.Clean(call.ID, most)
			p.Call = &call
		}
		if p.Result != nil {
			result := *p.Result
			result.CallID = toolid.Clean(result.CallID, most)
			p.Result = &result
		}
		return true
	}, func(p *codec.Part) bool {
		return p.Call != nil && len(p.Call.ID) > most || p.Result != nil && len(p.Result.CallID) > most
	})
}

// breaks says whether a part is a call whose arguments the target does not take as they are.
func (f *fitting) breaks(p *codec.Part) bool {
	switch f.Format {
	case capability.Chat, capability.Responses, capability.Cohere:
		return p.Kind == codec.PartToolCall && !p.Call.AreObject() && !f.Takes("broken_arguments", false)
	}
	return false
}

// user hashes names of users, and of what they ask for, that are too long.
func (f *fitting) user() {
	most := f.UserChars
	if most == 0 {
		return
	}
	if len(f.q.User) > most {
		f.change().User = capability.Hashed(f.q.User, most)
	}
	for _, name := range capability.UserNames {
		f.identifier(name, most)
	}
}

// tiers are words of others for what OpenAI calls default.
var tiers = map[string]string{"standard": "default", "standard_only": "default"}

func (f *fitting) tier() {
	tier := f.q.ServiceTier
	if tier == "" || f.ServiceTiers == nil || slices.Contains(f.ServiceTiers, tier) {
		return
	}
	if tier = tiers[tier]; !slices.Contains(f.ServiceTiers, tier) {
		tier = ""
	}
	f.change().ServiceTier = tier
}

// stops keeps as many stop words as are taken.
func (f *fitting) stops() {
	if f.Stops != nil && len(f.q.Stop) > *f.Stops {
		f.change().Stop = f.q.Stop[:*f.Stops]
	}
}

// jsonHint has the word that OpenAI wants to read where an answer must be JSON.
const jsonHint = "Answer with a JSON object."

// word says that the answer is JSON, where the target wants that said and the request does not.
func (f *fitting) word() {
	if o := f.q.Output; o == nil || o.Kind != codec.OutputJSON || !f.Takes("json_word", false) || f.saysJSON() {
		return
	}
	hint := codec.Message{Role: codec.RoleSystem, Parts: []codec.Part{{Kind: codec.PartText, Text: jsonHint}}}
	q := f.change()
	if f.Format == capability.Responses { // instructions do not count there
		hint.Role = codec.RoleDeveloper
		q.Messages = append(slices.Clip(q.Messages), hint)
		return
	}
	q.Messages = append([]codec.Message{hint}, q.Messages...)
}

// saysJSON says whether the word is in the messages.
func (f *fitting) saysJSON() bool {
	leading := f.Format == capability.Responses
	for i := range f.q.Messages {
		m := &f.q.Messages[i]
		if leading = leading && (m.Role == codec.RoleSystem || m.Role == codec.RoleDeveloper); leading {
			continue
		}
		if says(m.Parts) {
			return true
		}
	}
	return false
}

func says(parts []codec.Part) bool {
	return slices.ContainsFunc(parts, func(p codec.Part) bool { return containsJSON(p.Text) || p.Result != nil && says(p.Result.Parts) })
}

// containsJSON looks for the word in any letters.
func containsJSON(text string) bool {
	for {
		i := strings.IndexAny(text, "jJ")
		if i < 0 || len(text)-i < len("json") {
			return false
		}
		if strings.EqualFold(text[i:i+len("json")], "json") {
			return true
		}
		text = text[i+1:]
	}
}
