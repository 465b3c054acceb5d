package server

import (
	"fmt"
	"strings"
	"testing"
)

// TestSignaturesOfTextsSurviveASecondStream has Google sign the first piece of a text, the last, or both, and break off
// between them. It answers with the last words of what was there as often as it does not.
func TestSignaturesOfTextsSurviveASecondStream(t *testing.T) {
	google := *speakers[3]
	if google.name != "gemini" {
		t.Fatal(google.name)
	}
	signed := func(text, signature string) string {
		return chunk(named("", fmt.Sprintf(`{"candidates":[{"content":{"role":"model","parts":[{"text":%q,"thoughtSignature":%q}]},"index":0}]}`, text, signature)))
	}
	for _, c := range []struct {
		name          string
		begins, rests string
		signatures    []string
	}{
		{"at the end", google.begins("one two three"), signed(" four", "c2lnMg=="), []string{"c2lnMg=="}},
		{"at the end, without text", google.begins("one two three"), chunk(google.piece(`" four"`)) + signed("", "c2lnMg=="), []string{"c2lnMg=="}},
		{"with what was said before", google.begins("one two three"), signed("one two three four", "c2lnMg=="), []string{"c2lnMg=="}},
		{"at the beginning", google.begins() + signed("one two three", "c2lnMQ=="), chunk(google.piece(`" four"`)), []string{"c2lnMQ=="}},
		{"in both", google.begins() + signed("one two", "c2lnMQ==") + chunk(google.piece(`" three"`)), signed(" four", "c2lnMg=="), []string{"c2lnMQ==", "c2lnMg=="}},
	} {
		for _, l := range listeners {
			t.Run(c.name+", "+l.name, func(t *testing.T) {
				when := make(chan bool)
				first := google.section("first", listen(t, func(p *peer, _ seen) bool {
					p.say(c.begins)
					<-when
					return false
				}))
				second := google.section("second", listen(t, says(google.begins()+c.rests+chunk(google.over)+chunk(""))))
				g := start(t, first, second, "preferences: {stream_recovery: continue}\n", keyed("SCHEDULING_ALGORITHM: fixed_priority"))
				stream := l.ask(g, when, "three")
				if h := l.hear(stream); h.text != "one two three four" || h.err != nil {
					t.Errorf("%q, %v", h.text, h.err)
				}
				for _, signature := range c.signatures {
					if !strings.Contains(stream, signature) {
						t.Errorf("%s is lost: %s", signature, stream)
					}
				}
			})
		}
	}
}
