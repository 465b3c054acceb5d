package relay

import (
	"testing"

	"uniapi/codec"
)

func TestWrappingIsForEachChoice(t *testing.T) {
	u := unwrapping(&codec.OutputFormat{Wrapped: true})
	say := func(choice int64, text string) string {
		e := codec.Event{Kind: codec.EventText, Choice: choice, Text: []byte(text)}
		u.event(&e)
		return string(e.Text)
	}
	if a, b, c := say(0, `{"answer":[1`), say(1, `{"answer":[2`), say(0, `,3]}`); a != "[1" || b != "[2" || c != ",3]" {
		t.Errorf("%q %q %q", a, b, c)
	}
}
