package alternation

import (
	"uniapi/codec"
	"uniapi/codec/toolid"
)

// Ordered is the conversation with the results of calls in a message of their own directly behind the message that
// calls, in the order of the calls, whatever stood between: formats that let other things stand there are translated
// into such that do not. A missing result is made up, and a result that answers nothing is what the user says. A call
// without an id gets one, and an id that was used before becomes another, in the call and its result. A conversation
// without calls and results is returned itself; else what is changed is a copy.
func Ordered(messages []codec.Message) []codec.Message {
	calls, results := count(messages)
	if calls+results == 0 {
		return messages
	}
	p := pairing{
		calls: make([]call, 0, calls), results: make([]place, 0, results),
		open: make(map[string]queue, calls),
	}
	p.match(messages)
	return p.order(messages)
}

func count(messages []codec.Message) (calls, results int) {
	for i := range messages {
		for j := range messages[i].Parts {
			switch messages[i].Parts[j].Kind {
			case codec.PartToolCall:
				calls++
			case codec.PartToolResult:
				results++
			}
		}
	}
	return calls, results
}

// call is a call, under the id that the client gave it and the one it has here.
type call struct {
	id, name  string
	signature codec.Signature // that was in an id which is no longer there
	renamed   bool
	result    int // that answers it, -1 if none does
	next      int // call of the same id that waits, -1 if there is none
	turn      int
}

// queue are calls of one id that wait for their results, by the first and the last of them; first is -1 if there is
// none.
type queue struct{ first, last int }

// place is where a result stands, and whether it answers a call.
type place struct {
	message, part int
	taken         bool
}

// pairing finds out which result answers which call.
type pairing struct {
	calls   []call
	results []place
	open    map[string]queue // calls that wait, by the id that the client gave them
	orphans map[string][]int // results before their call; nil if there are none
	used    toolid.Used
	turn    int
}

// match goes through the conversation once. A result answers the first call of its id in the assistant's last turn that
// has such a call; one that comes before any such call answers the next.
func (p *pairing) match(messages []codec.Message) {
	p.used = make(toolid.Used, cap(p.calls))
	spoke := false
	for i := range messages {
		m := &messages[i]
		if m.Role == codec.RoleAssistant && !spoke {
			p.turn++
		}
		spoke = m.Role == codec.RoleAssistant
		for j := range m.Parts {
			switch part := &m.Parts[j]; part.Kind {
			case codec.PartToolCall:
				p.call(part.Call)
			case codec.PartToolResult:
				p.result(part.Result.CallID, i, j)
			}
		}
	}
	for i := range p.calls {
		p.calls[i].late(p)
	}
}

func (p *pairing) call(c *codec.ToolCall) {
	given, at := c.ID, len(p.calls)
	plain, signature := toolid.Split(given)
	next := call{id: given, name: c.Name, result: -1, next: -1, turn: p.turn}
	if taken := p.used.Take(plain, "call_"); taken != plain {
		next.id, next.signature, next.renamed = taken, signature, true
	}
	p.calls = append(p.calls, next)
	waiting, known := p.open[given]
	if known && waiting.first >= 0 && p.calls[waiting.first].turn == p.turn {
		p.calls[waiting.last].next = at
		waiting.last = at
	} else { // nobody answers those of another turn any more
		waiting = queue{at, at}
	}
	p.open[given] = waiting
}

func (p *pairing) result(id string, message, part int) {
	at := len(p.results)
	waiting, known := p.open[id]
	answers := known && waiting.first >= 0
	p.results = append(p.results, place{message, part, answers})
	if !answers {
		if p.orphans == nil {
			p.orphans = make(map[string][]int)
		}
		p.orphans[id] = append(p.orphans[id], at)
		return
	}
	c := &p.calls[waiting.first]
	c.result, waiting.first = at, c.next
	p.open[id] = waiting
}

// late takes a result that stands before the call, if nothing behind it answers.
func (c *call) late(p *pairing) {
	if c.result >= 0 || c.renamed {
		return
	}
	if orphans := p.orphans[c.id]; len(orphans) > 0 {
		c.result, p.orphans[c.id] = orphans[0], orphans[1:]
		p.results[c.result].taken = true
	}
}

// order writes the conversation anew.
func (p *pairing) order(messages []codec.Message) []codec.Message {
	out := make([]codec.Message, 0, len(messages)+1)
	calls, results := p.calls, p.results
	for i := range messages {
		m := messages[i]
		var n int
		m.Parts, n = p.said(m.Parts, calls, results)
		made := calls[:n]
		calls, results = calls[n:], results[resultsIn(messages[i].Parts):]
		if m.Role == codec.RoleTool && len(m.Parts) > 0 { // results of nothing
			m.Role, m.Extra = codec.RoleUser, nil
		}
		if len(m.Parts) > 0 || len(messages[i].Parts) == 0 {
			out = codec.Add(out, m)
		}
		if len(made) > 0 {
			out = codec.Add(out, codec.Message{Role: codec.RoleTool, Parts: p.answers(messages, made)})
		}
	}
	return out
}

func resultsIn(parts []codec.Part) (n int) {
	for i := range parts {
		if parts[i].Kind == codec.PartToolResult {
			n++
		}
	}
	return n
}

// said are the parts without the results that go to their calls, and with the calls under their new ids, of which there
// are n.
func (p *pairing) said(parts []codec.Part, calls []call, results []place) (out []codec.Part, n int) {
	kept := true
	for i := range parts {
		switch parts[i].Kind {
		case codec.PartToolCall:
			kept = kept && !calls[n].renamed
			n++
		case codec.PartToolResult:
			kept = false
		}
	}
	if kept {
		return parts, n
	}
	n = 0
	out = make([]codec.Part, 0, len(parts))
	for _, part := range parts {
		switch part.Kind {
		case codec.PartToolCall:
			out = append(out, calls[n].part(part))
			n++
		case codec.PartToolResult:
			if !results[0].taken {
				out = appendSaid(out, part.Result.Parts)
			}
			results = results[1:]
		default:
			out = append(out, part)
		}
	}
	return out, n
}

// part is the call's part under the id that it has here.
func (c *call) part(p codec.Part) codec.Part {
	if !c.renamed {
		return p
	}
	renamed := *p.Call
	renamed.ID = c.id
	p.Call = &renamed
	if p.Signature.Value == "" {
		p.Signature = c.signature
	}
	return p
}

// answers are the results of calls, in the order of those.
func (p *pairing) answers(messages []codec.Message, calls []call) []codec.Part {
	parts := make([]codec.Part, 0, len(calls))
	for _, c := range calls {
		if c.result < 0 {
			parts = append(parts, codec.Part{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: c.id, Name: c.name, Error: true,
				Parts: []codec.Part{{Kind: codec.PartText, Text: "[no result]"}}}})
			continue
		}
		at := p.results[c.result]
		part := messages[at.message].Parts[at.part]
		if part.Result.CallID != c.id || part.Result.Name != c.name {
			r := *part.Result
			r.CallID, r.Name = c.id, c.name
			part.Result = &r
		}
		parts = append(parts, part)
	}
	return parts
}
