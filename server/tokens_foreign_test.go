package server

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/codec/estimate"
)

// TestStreamsAreCountedAsWholeAnswersAre has providers that count nothing answer in other scripts, written plainly and
// in escapes: what a stream costs is what the same answer costs whole.
func TestStreamsAreCountedAsWholeAnswersAre(t *testing.T) {
	usual := answeredText
	defer func() { answeredText = usual }()
	escapes := func(text string) string {
		var b strings.Builder
		for _, r := range text {
			if r < 0x80 {
				b.WriteRune(r)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
		}
		return b.String()
	}
	for language, text := range map[string]string{"Russian": strings.Repeat("слово и дело ", 40), "Chinese": strings.Repeat("今天天气很好", 40), "English": strings.Repeat("say it ", 60)} {
		want := estimate.Words(text)
		for how, written := range map[string]string{"plain": text, "escaped": escapes(text)} {
			for _, d := range tongues {
				t.Run(language+" "+how+" "+d.name, func(t *testing.T) {
					answeredText = written
					s := staged(t, d.section)
					for _, a := range askers {
						for _, stream := range []bool{false, true} {
							path, body := a.plain(stream)
							p := &play{kind: jsonKind, first: d.plain("")}
							if stream {
								first, rest := d.stream("")
								p = &play{kind: d.events, length: -1, first: first, rest: rest}
							}
							s.next.Store(p)
							c := s.charge(func() { s.post(path, body) })
							if !c.estimated || c.completion < want || c.completion > want+20 {
								t.Errorf("%s, streamed %v: %+v, want about %d tokens", a.name, stream, c, want)
							}
						}
					}
				})
			}
		}
	}
}
