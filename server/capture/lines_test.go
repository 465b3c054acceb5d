package capture

import (
	"slices"
	"strings"
	"testing"
)

// told is what is said of a body.
func told(body string, view View) string {
	m := &Message{Status: 200, Pieces: []Piece{pieceOf(1, []byte(body))}}
	return strings.Join(m.lines(view)[1:], "\n")
}

func TestLinesTellWhatABodyIsMadeOf(t *testing.T) {
	for _, test := range []struct {
		name, body   string
		exact, forms string
	}{
		{"members, words, numbers", `{"type":"message","n":1.50,"ok":true,"none":null,"text":"Grüße","id":"msg_1","created":17}`,
			"created: a time\nid: an id\nn: 1.50\nnone: <nil>\nok: true\ntext: a text of 7 bytes\ntype: message",
			"created: a time\nid: an id\nn: a number\nnone: <nil>\nok: true\ntext: a text\ntype: message"},
		{"lists", `{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"},{"type":"image"}],"empty":[],"vector":[1,2,3],"o":{}}`,
			"content[0].text: a text of 1 bytes\ncontent[0].type: text\ncontent[1].text: a text of 1 bytes\ncontent[1].type: text\ncontent[2].type: image\nempty: 0 numbers\no: {}\nvector: 3 numbers",
			"content[].text: a text\ncontent[].type: text\ncontent[].type: image\nempty: 0 numbers\no: {}\nvector: 3 numbers"},
		{"an error", `{"error":{"type":"overloaded","code":"c","message":"one or another"}}`, "error.code: c\nerror.message: a text\nerror.type: overloaded", "error.code: c\nerror.message: a text\nerror.type: overloaded"},
		{"events", ": a comment\n\nevent: a\ndata: {\"delta\":\"x\"}\n\nevent: a\ndata: {\"delta\":\"yy\"}\n\ndata: [DONE]\n\n",
			"event a\n  delta: a text of 1 bytes\nevent a\n  delta: a text of 2 bytes\nevent : [DONE]", "event a\n  delta: a text\nevent : [DONE]"},
		{"values in a row", `{"a":1}{"a":2}`, "a: 1\na: 2", "a: a number\na: a number"},
		{"no JSON", "a sound", ": a body of 7 bytes", ": a body of some bytes"},
		{"JSON that is cut", `{"a":`, ": a body of 5 bytes", ": a body of some bytes"},
	} {
		if got := told(test.body, Exact); got != test.exact {
			t.Errorf("%s: exactly:\n%s\nwant\n%s", test.name, got, test.exact)
		}
		if got := told(test.body, Forms); got != test.forms {
			t.Errorf("%s: in its forms:\n%s\nwant\n%s", test.name, got, test.forms)
		}
	}
}

func TestLinesOfACaptureAreThoseOfWhatWasSaid(t *testing.T) {
	for _, test := range shaped {
		e, f := fileOf(t, test.body, len(test.body)/2)
		now := f.Sections(Exact)
		for i, before := range e.Sections(Exact) {
			if was, is := sayings(before.Lines), sayings(now[i].Lines); !slices.Equal(was, is) {
				t.Errorf("%s: %s:\n%q\nbecame\n%q", test.name, before.Title, was, is)
			}
		}
	}
}

// sayings are what lines say, in order, without the names that stand before it, some of which a capture changes, and
// digits.
func sayings(lines []string) (all []string) {
	for _, line := range lines {
		_, value, _ := strings.Cut(line, ": ")
		all = append(all, strings.Map(func(r rune) rune {
			if r > '1' && r <= '9' {
				return '1'
			}
			return r
		}, value))
	}
	slices.Sort(all)
	return all
}

func TestPathFormHidesAccounts(t *testing.T) {
	for address, want := range map[string]string{
		"/v1/chat/completions": "/v1/chat/completions",
		"https://host.example:8443/team-7/v1/messages?beta=true":                 "/*/v1/messages",
		"/v1beta/models/gemini-3:streamGenerateContent?alt=sse&key=k&other=x":    "/v1beta/models/gemini-3:streamGenerateContent?alt&key",
		"https://h/v1/projects/mine/locations/eu/publishers/google/models/g:run": "/v1/projects/*/locations/*/publishers/google/models/g:run",
		"https://h/model/anthropic.claude-v1%3A0/converse":                       "/model/anthropic.claude-v1:0/converse",
		"": "",
	} {
		if got := PathForm(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
