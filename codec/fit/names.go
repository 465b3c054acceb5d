package fit

import (
	"strconv"

	"uniapi/codec"
	"uniapi/codec/capability"
)

// Names are the client's names of tools by those that a target was given.
type Names map[string]string

// Event gives a call its own name back.
func (n Names) Event(e *codec.Event) {
	if e.Kind == codec.EventToolStart && n[e.Name] != "" {
		e.Name = n[e.Name]
	}
}

// Response gives the calls of an answer their own names back.
func (n Names) Response(a *codec.Response) {
	if n == nil {
		return
	}
	for i := range a.Choices {
		for _, p := range a.Choices[i].Message.Parts {
			if p.Kind == codec.PartToolCall && n[p.Call.Name] != "" {
				p.Call.Name = n[p.Call.Name]
			}
		}
	}
}

// suffix is what a name that was changed has at its end: a mark and so many digits.
const suffix = len("_") + 8

// names gives those tools another name whose own the target refuses: the same in each turn.
func (f *fitting) names() {
	most := f.NameChars
	if most <= suffix {
		return
	}
	bad := func(name string) bool { return name != "" && !f.isName(name) }
	if !f.speaksOf(bad) {
		return
	}
	n := naming{fitting: f, taken: map[string]bool{}, to: map[string]string{}}
	f.speaksOf(func(name string) bool {
		if !bad(name) {
			n.taken[name] = true
		}
		return false
	})
	f.back = Names{}
	n.rename()
}

// isName says whether the target takes a name as it is.
func (f *fitting) isName(name string) bool {
	if len(name) > f.NameChars || !f.Takes("names_with_digits_first", true) && isDigit(name[0]) {
		return false
	}
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool {
	return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-'
}

// speaksOf says whether a request names a tool of which that is true.
func (f *fitting) speaksOf(is func(string) bool) bool {
	for i := range f.q.Tools {
		if t := &f.q.Tools[i]; t.Kind != codec.ToolHosted && is(t.Name) {
			return true
		}
	}
	for i := range f.q.Messages {
		for _, p := range f.q.Messages[i].Parts {
			if p.Call != nil && is(p.Call.Name) || p.Result != nil && is(p.Result.Name) {
				return true
			}
		}
	}
	return false
}

// naming is the way through the names of a request.
type naming struct {
	*fitting
	to    map[string]string
	taken map[string]bool
}

// name is what a tool is called at the target.
func (n *naming) name(own string) string {
	if own == "" || n.isName(own) {
		return own
	}
	if to := n.to[own]; to != "" {
		return to
	}
	to := n.spelled(own, own)
	if n.taken[to] { // whoever takes many such names has a long one hashed once more, and not for each of them
		hashed := capability.Hashed(own, capability.WholeHash)
		for i := 0; n.taken[to]; i++ {
			to = n.spelled(own, hashed+"\x00"+strconv.Itoa(i))
		}
	}
	n.to[own], n.taken[to], n.back[to] = to, true, own
	return to
}

// spelled is a name in the letters that are taken, told apart from others by a number.
func (n *naming) spelled(own, from string) string {
	kept := []byte(own[:min(len(own), n.NameChars-suffix)])
	for i, c := range kept {
		if !isNameByte(c) || i == 0 && isDigit(c) {
			kept[i] = '_'
		}
	}
	return string(kept) + "_" + capability.Hashed(from, suffix-len("_"))
}

// rename gives everything that names a tool its new name.
func (n *naming) rename() {
	q := n.change()
	q.Tools = append([]codec.Tool(nil), q.Tools...)
	for i := range q.Tools {
		if t := &q.Tools[i]; t.Kind != codec.ToolHosted {
			t.Name = n.name(t.Name)
		}
	}
	if to := n.to[q.ToolChoice.Name]; to != "" {
		q.ToolChoice.Name = to
	}
	if q.ToolChoice.Allowed != nil {
		allowed := make([]string, len(q.ToolChoice.Allowed))
		for i, name := range q.ToolChoice.Allowed {
			if allowed[i] = name; n.to[name] != "" {
				allowed[i] = n.to[name]
			}
		}
		q.ToolChoice.Allowed, q.ToolChoice.Raw = allowed, nil
	}
	n.eachPart(n.part, func(p *codec.Part) bool {
		return p.Call != nil && !n.isName(p.Call.Name) && p.Call.Name != "" || p.Result != nil && p.Result.Name != "" && !n.isName(p.Result.Name)
	})
}

// part renames a call or a result. It belongs to the copy.
func (n *naming) part(p *codec.Part) bool {
	if p.Call != nil {
		call := *p.Call
		call.Name = n.name(call.Name)
		p.Call = &call
	}
	if p.Result != nil {
		result := *p.Result
		result.Name = n.name(result.Name)
		p.Result = &result
	}
	return true
}
