package toolid

import (
	"testing"

	"uniapi/codec"
)

func TestCallsOfAnAnswerHaveIDsOfTheirOwn(t *testing.T) {
	signed := Join("a", codec.Signature{Provider: "google", Value: "c2ln"})
	given := []struct {
		choice int64
		id     string
		kept   bool
	}{{0, "a", true}, {0, "b", true}, {0, "a", false}, {1, "a", true}, {0, "", false}, {0, signed, true}, {0, signed, false}}
	var stream, whole Distinct
	seen := map[int64]map[string]bool{0: {}, 1: {}}
	answer := codec.Response{Choices: []codec.Choice{{Index: 0}, {Index: 1}}}
	for _, g := range given {
		e := codec.Event{Kind: codec.EventToolStart, Choice: g.choice, ID: g.id}
		stream.Event(&e)
		if e.ID == "" || seen[g.choice][e.ID] || g.kept != (e.ID == g.id) {
			t.Errorf("%+v has the id %q", g, e.ID)
		}
		_, was := Split(g.id)
		if _, is := Split(e.ID); is != was {
			t.Errorf("%+v has the signature %+v", g, is)
		}
		seen[g.choice][e.ID] = true
		m := &answer.Choices[g.choice].Message
		m.Parts = append(m.Parts, codec.Part{Kind: codec.PartToolCall, Call: &codec.ToolCall{ID: g.id}})
	}
	whole.Response(&answer)
	for _, c := range answer.Choices {
		ids := map[string]bool{}
		for _, p := range c.Message.Parts {
			if p.Call.ID == "" || ids[p.Call.ID] {
				t.Errorf("a call of choice %d has the id %q", c.Index, p.Call.ID)
			}
			ids[p.Call.ID] = true
		}
	}
	stream.Reset()
	e := codec.Event{Kind: codec.EventToolStart, ID: "a"}
	if stream.Event(&e); e.ID != "a" {
		t.Errorf("in another answer it is %q", e.ID)
	}
}
