package server

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// toldTo are the words in which a client is told what was read and what was said: those of them that count.
var toldTo = map[string][2]*regexp.Regexp{
	"chat":      {regexp.MustCompile(`"prompt_tokens":(\d+)`), regexp.MustCompile(`"completion_tokens":(\d+)`)},
	"Messages":  {regexp.MustCompile(`"input_tokens":(\d+)`), regexp.MustCompile(`"output_tokens":(\d+)`)},
	"Gemini":    {regexp.MustCompile(`"promptTokenCount":(\d+)`), regexp.MustCompile(`"candidatesTokenCount":(\d+)`)},
	"Responses": {regexp.MustCompile(`"input_tokens":(\d+)`), regexp.MustCompile(`"output_tokens":(\d+)`)},
}

// lastCount is the last number that a text has in those words, -1 if there is none.
func lastCount(words *regexp.Regexp, text string) int64 {
	all := words.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return -1
	}
	n, _ := strconv.ParseInt(all[len(all)-1][1], 10, 64)
	return n
}

func TestUsageThatIsToldByHalvesOrNotAtAllReachesClientsOfOtherFormatsWhole(t *testing.T) {
	for _, d := range tongues {
		t.Run(d.name, func(t *testing.T) {
			s := staged(t, d.section)
			for _, a := range askers {
				if a.name == d.name || a.name == "Messages" && d.name == "InvokeModel" { // what passes is the provider's own
					continue
				}
				for _, stream := range []bool{false, true} {
					path, body := a.plain(stream)
					if a.name == "chat" {
						body = strings.Replace(body, `"stream":true`, `"stream":true,"stream_options":{"include_usage":true}`, 1)
					}
					for _, c := range []struct {
						usage             string
						total             int64 // 0 if none is told
						prompt, completed int64 // those that are told
					}{
						{`null`, 0, 0, 0},
						{`{}`, 0, 0, 0},
						{`{"total_tokens":1801}`, 1801, 0, 0},
						{`{"total_tokens":7}`, 7, 0, 0},
						{`{"prompt_tokens":1234,"total_tokens":1801}`, 1801, 1234, 567},
						{`{"completion_tokens":567,"total_tokens":1801}`, 1801, 1234, 567},
						{`{"prompt_tokens":1234}`, 0, 1234, 0},
						{`{"completion_tokens":567}`, 0, 0, 567},
					} {
						what := fmt.Sprintf("%s on %s, streamed %t, %s", a.name, d.name, stream, c.usage)
						p := &play{kind: jsonKind, first: d.plain(c.usage)}
						if stream {
							first, rest := d.stream(c.usage)
							p = &play{kind: d.events, length: -1, first: first, rest: rest}
						}
						s.next.Store(p)
						text := ""
						booked := s.charge(func() { _, text = s.post(path, body) })
						prompt, completion := lastCount(toldTo[a.name][0], text), lastCount(toldTo[a.name][1], text)
						if prompt != booked.prompt || completion != booked.completion {
							t.Errorf("%s: the client is told of %d and %d, the books have %+v\n%s", what, prompt, completion, booked, text)
						}
						if a.name == "Messages" && stream && c.total == 0 && c.prompt == 0 { // the message begins with what it ends with
							if first := toldTo[a.name][0].FindStringSubmatch(text); first == nil || first[1] != strconv.FormatInt(prompt, 10) {
								t.Errorf("%s: it begins with %v and ends with %d", what, first, prompt)
							}
						}
						if c.total > 0 && prompt+completion != c.total || c.prompt > 0 && prompt != c.prompt || c.completed > 0 && completion != c.completed || completion < 1 || c.total != 7 && prompt < 1000 {
							t.Errorf("%s: %d and %d", what, prompt, completion)
						}
					}
				}
			}
		})
	}
}
