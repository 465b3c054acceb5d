package fit

import (
	"fmt"
	"testing"

	"uniapi/codec"
)

func TestChangedNamesWhatIsAnother(t *testing.T) {
	text := func(s string) []codec.Part { return []codec.Part{{Kind: codec.PartText, Text: s}} }
	q := &codec.Request{Messages: []codec.Message{{Parts: text("a")}, {Parts: text("b")}, {}}, Tools: make([]codec.Tool, 2), Stop: []string{"x", "y"}, Output: &codec.OutputFormat{}}
	for name, c := range map[string]struct {
		change func(*codec.Request)
		want   string
	}{
		"nothing":                  {func(*codec.Request) {}, "[]"},
		"the model's name":         {func(q *codec.Request) { q.Model = "another" }, "[]"},
		"a tool":                   {func(q *codec.Request) { q.Tools = make([]codec.Tool, 2) }, "[tools]"},
		"stop words":               {func(q *codec.Request) { q.Stop = q.Stop[:1] }, "[stop words]"},
		"the choice and the form":  {func(q *codec.Request) { q.ToolChoice.Name, q.Output = "f", nil }, "[tool choice form of the answer]"},
		"a tier and a user":        {func(q *codec.Request) { q.ServiceTier, q.User = "default", "hash" }, "[user service tier]"},
		"messages that are shared": {func(q *codec.Request) { q.Messages = append([]codec.Message(nil), q.Messages...) }, "[]"},
		"two messages": {func(q *codec.Request) {
			q.Messages = []codec.Message{{Parts: text("a")}, q.Messages[1], {Role: codec.RoleTool}}
		}, "[messages 1, 3]"},
		"fewer messages": {func(q *codec.Request) { q.Messages = q.Messages[:2] }, "[messages (3 became 2)]"},
		"many messages": {func(q *codec.Request) {
			q.Messages = make([]codec.Message, 30)
		}, "[messages (3 became 30)]"},
	} {
		sent := *q
		c.change(&sent)
		if got := fmt.Sprint(Changed(q, &sent)); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
	many, others := &codec.Request{Messages: make([]codec.Message, 30)}, &codec.Request{Messages: make([]codec.Message, 30)}
	for i := range many.Messages {
		many.Messages[i].Parts, others.Messages[i].Parts = text("a"), text("a")
	}
	if got := fmt.Sprint(Changed(many, others)); got != "[messages 1, 2, 3, 4, 5, 6, 7, 8, …]" {
		t.Error(got)
	}
}
