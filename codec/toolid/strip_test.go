package toolid

import (
	"testing"

	"uniapi/codec"
)

func TestStripTakesSignaturesOutOfABody(t *testing.T) {
	id := Join("call_1", codec.Signature{Provider: "google", Value: "c2lnbmF0dXJl"})
	if id == "call_1" {
		t.Fatal("nothing to strip")
	}
	for _, test := range []struct{ name, body, want string }{
		{"a call and its result", `{"id":"` + id + `","x":[{"tool_call_id": "` + id + `"}]}`, `{"id":"call_1","x":[{"tool_call_id": "call_1"}]}`},
		{"an id of its own", `{"id":"call_1"}`, `{"id":"call_1"}`},
		{"the mark in a text", `{"content":"what is __sig_ good for?"}`, `{"content":"what is __sig_ good for?"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := string(Strip([]byte(test.body))); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
