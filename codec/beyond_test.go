package codec

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzBeyond holds the search in the bytes to a reader of JSON: what a provider
// would read is never overlooked, however it is spelled. The reverse is allowed.
func FuzzBeyond(f *testing.F) {
	for _, body := range []string{
		`{"messages":[{"content":[{"type":"file","file":{"file_id":"f"}}]}]}`,
		`{"a":"\u0066ile_id"}`, `{"file\u005fid":1}`, `{"a":["\\file_id","file_id\u0000"]}`,
		`{"source":{"type":"document","x":"url"}}`, `{"mime":"application\/pdf"}`, `{"mime":"audio/wav"}`, `{"a":"\u0061udio/wav"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var read any
		if json.Unmarshal(body, &read) != nil {
			return
		}
		texts := textsOf(read, nil)
		for _, words := range []string{"file_id", "document url", "audio*", "*pdf"} {
			if said := allSaid(texts, words); said && !readsMore(body, words) {
				t.Errorf("%q is overlooked in %q", words, body)
			}
		}
	})
}

// readsMore says whether the provider may read more than stands in a request, by some words.
func readsMore(body []byte, within ...string) bool {
	b := &Bounds{Beyond: Beyond{Within: within}}
	return b.MayReadMore(b.Mentions(body))
}

// textsOf appends all names and strings.
func textsOf(v any, to []string) []string {
	switch v := v.(type) {
	case string:
		to = append(to, v)
	case []any:
		for _, item := range v {
			to = textsOf(item, to)
		}
	case map[string]any:
		for name, value := range v {
			to = textsOf(value, append(to, name))
		}
	}
	return to
}

func allSaid(texts []string, words string) bool {
	for word := range strings.SplitSeq(words, " ") {
		found := false
		for _, text := range texts {
			begin, begins := strings.CutSuffix(word, "*")
			end, ends := strings.CutPrefix(word, "*")
			found = found || text == word || begins && strings.HasPrefix(text, begin) || ends && strings.HasSuffix(text, end)
		}
		if !found {
			return false
		}
	}
	return true
}

func TestBeyondSaysWhatAProviderReadsBesideTheRequest(t *testing.T) {
	for _, c := range []struct {
		body string
		want bool
	}{
		{`{"file_id":"f"}`, true},
		{`{"a":"file_id"}`, true},
		{`{"a":"the file_id"}`, false},
		{`{"a":"document"}`, false},
		{`{"a":"document","b":"url"}`, true},
		{`{"\u0066ile_id":1}`, true},
		{`{"a":"\u00e9t\u00e9 \u003c \u0022"}`, false},
	} {
		if got := readsMore([]byte(c.body), "file_id", "document url"); got != c.want {
			t.Errorf("%s: %t", c.body, got)
		}
	}
}
