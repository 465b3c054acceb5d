package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"uniapi/config"
)

func TestOverwriteLeavesEventsAsTheyAreFramed(t *testing.T) {
	const secret = `abcdefgh\ijklmn"opqrst/uvwxyz`
	r := NewRedactor([]config.Secret{{Text: secret}})
	none := func(string) bool { return false }
	quoted, _ := json.Marshal(secret)
	for _, event := range []string{
		"data: {\"a\":" + string(quoted) + "}\n\n", "data: {\"a\":\"\\n" + secret[1:8] + "\\\\" + secret[9:15] + "\"}\n\n", "data: {\"a\":\"abcdefgh\\ijklmn\"}\n\n",
		"event: " + secret + "\ndata: {}\r\n\r\n", ": " + secret + "\n\n", "data: {\"" + secret[:14] + "\":1}\n\n", "data: {\"abcdefgh\\\\ijklmn\":\"x\"}\n\n",
	} {
		valid := isObject([]byte(event))
		got := []byte(event)
		r.Overwrite(got, nil, none)
		if r.HasBytes(got) || len(got) != len(event) || bytes.Count(got, []byte{'\n'}) != strings.Count(event, "\n") || valid && got[0] != ':' && !isObject(got) {
			t.Errorf("%q became %q", event, got)
		}
	}
}

// FuzzOverwrite holds that no event breaks it, and that one of JSON stays one, or becomes a comment.
func FuzzOverwrite(f *testing.F) {
	const secret = `abcdefgh\ijklmn"opqrst/uvwxyz`
	f.Add("data: {\"a\":\"abcdefgh\\\\ijklmn\\\"op\"}\n\n")
	f.Add("event: x\ndata: {\"choices\":[{\"delta\":{\"content\":\"abcdefgh\\\\ijklmn\"}}]}\r\n\r\n: a\n\n")
	r := NewRedactor([]config.Secret{{Text: secret}})
	f.Fuzz(func(t *testing.T, event string) {
		if event == "" {
			return
		}
		got := []byte(event)
		r.Overwrite(got, SpeechIn(got), func(string) bool { return false })
		if isObject([]byte(event)) && got[0] != ':' && !isObject(got) || len(got) != len(event) {
			t.Fatalf("%q became %q", event, got)
		}
	})
}

// BenchmarkCensor is what a look costs that finds nothing.
func BenchmarkCensor(b *testing.B) {
	r := NewRedactor([]config.Secret{{Text: upstreamKeyText}})
	event := []byte("event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":12,\"item_id\":\"msg_0123456789abcdef0123456789abcdef\",\"output_index\":0,\"content_index\":0,\"delta\":\" word\",\"logprobs\":[]}\n\n")
	b.SetBytes(int64(len(event)))
	for b.Loop() {
		if r.HasBytes(event) {
			b.Fatal(fmt.Errorf("there is none"))
		}
	}
}
