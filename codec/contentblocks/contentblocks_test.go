package contentblocks

import (
	"testing"

	"uniapi/codec"
)

// words writes blocks as text: t(...) for a text, h for thinking, c for a call, r for what cannot be read.
type words struct{}

func (words) Open(dst []byte, b *Block) []byte {
	dst = append(dst, " thcr"[b.Kind])
	return append(append(dst, b.ID...), '(')
}
func (words) Piece(dst, text []byte) []byte { return append(append(dst, text...), ' ') }
func (words) Sign(dst []byte, s codec.Signature) []byte {
	return append(append(dst, '!'), s.Value...)
}
func (words) Close(dst []byte) []byte { return append(dst, ')') }

func TestBlocksComeOneAfterTheOther(t *testing.T) {
	text := func(s string) codec.Event { return codec.Event{Kind: codec.EventText, Text: []byte(s)} }
	think := func(s string) codec.Event { return codec.Event{Kind: codec.EventReasoning, Text: []byte(s)} }
	signed := codec.Event{Kind: codec.EventReasoningEnd, Signature: codec.Signature{Provider: "p", Value: "s"}}
	start := func(i int64) codec.Event {
		return codec.Event{Kind: codec.EventToolStart, Index: i, ID: string(rune('a' + i)), Name: "f"}
	}
	args := func(i int64, s string) codec.Event {
		return codec.Event{Kind: codec.EventToolArguments, Index: i, Text: []byte(s)}
	}
	end := func(i int64) codec.Event { return codec.Event{Kind: codec.EventToolEnd, Index: i} }
	finish := codec.Event{Kind: codec.EventFinish}
	for _, c := range []struct {
		name   string
		events []codec.Event
		want   string
	}{
		{"texts run together", []codec.Event{text("a"), text(""), text("b"), finish}, "t(a b )"},
		{"thinking is signed and closed", []codec.Event{think("a"), signed, text("b"), finish}, "h(a !s)t(b )"},
		{"thinking that is not shown has a block", []codec.Event{signed, text("b"), finish}, "h(!s)t(b )"},
		{"thinking without a signature ends with its kind", []codec.Event{think("a"), text("b"), finish}, "h(a )t(b )"},
		{"what cannot be read has a block", []codec.Event{think("a"), {Kind: codec.EventReasoningEnd, Reasoning: &codec.ReasoningInfo{Encrypted: "x"}}, finish}, "h(a )r()"},
		{"calls in a row", []codec.Event{text("a"), start(0), args(0, "1"), end(0), start(1), end(1), finish}, "t(a )ca(1 )cb()"},
		{"calls without an end", []codec.Event{start(0), args(0, "1"), start(1), args(1, "2"), finish}, "ca(1 )cb(2 )"},
		{"calls that overlap", []codec.Event{start(0), start(1), start(2), args(1, "x"), args(0, "1"), end(1), args(0, "2"), end(0), args(2, "y"), finish}, "ca(1 2 )cb(x )cc(y )"},
		{"text ends all calls", []codec.Event{start(0), start(1), args(1, "x"), text("t"), args(0, "late"), finish}, "ca()cb(x )t(t )"},
	} {
		s := Sequence{Writer: words{}}
		var got []byte
		for i := range c.events {
			got = s.Append(got, &c.events[i])
		}
		if string(got) != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
