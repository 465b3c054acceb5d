// Package fit makes a request one that its target takes, before it is encoded: names of tools that are not too long, no extensions of a format
// that the target does not know, limits kept. What a target takes is known to codec/capability.
package fit

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/capability"
)

// Request returns the request as the target takes it, and the names that were changed. One that may stay is returned itself, any other is a copy.
func Request(q *codec.Request, t *capability.Target) (*codec.Request, Names) {
	f := fitting{q: q, Target: t}
	f.choice()
	f.names()
	f.schemas()
	f.answer()
	if t.Format == capability.Chat || t.Format == capability.Responses {
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

// user hashes names of users that are too long.
func (f *fitting) user() {
	if most := f.UserChars; most > 0 {
		if len(f.q.User) > most {
			f.change().User = capability.Hashed(f.q.User, most)
		}
		f.identifier(most)
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
