package toolid

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/keyed"
)

// Distinct gives the calls of an answer ids of their own, where an upstream gave two of a choice the same, or one none:
// clients tell by them whose result is whose, and most providers refuse such a pair in the next turn. The zero value is
// ready.
type Distinct struct {
	seen keyed.List[inChoice, struct{}]
}

type inChoice struct {
	choice int64
	id     string
}

// Reset makes it ready for another answer.
func (d *Distinct) Reset() { d.seen.Reset() }

// Event looks at a step of a stream.
func (d *Distinct) Event(e *codec.Event) {
	if e.Kind == codec.EventToolStart {
		e.ID = d.id(e.Choice, e.ID)
	}
}

// Response looks at a whole answer.
func (d *Distinct) Response(a *codec.Response) {
	for i := range a.Choices {
		c := &a.Choices[i]
		for _, p := range c.Message.Parts {
			if p.Kind == codec.PartToolCall {
				p.Call.ID = d.id(c.Index, p.Call.ID)
			}
		}
	}
}

func (d *Distinct) id(choice int64, id string) string {
	if id == "" || d.seen.Find(inChoice{choice, id}) != nil {
		_, signature := Split(id)
		id = Join(codec.NewID("call_"), signature)
	}
	d.seen.Add(inChoice{choice, strings.Clone(id)}, struct{}{}) // the bytes it came in may not last
	return id
}
