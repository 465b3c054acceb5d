package quoted

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var looked = []string{"file_id", "audio*", "*pdf", "a", "abc", "ab*", "*"}

func TestListFindsWordsBetweenQuotes(t *testing.T) {
	var l List
	for i, w := range looked {
		l.Add(w, 1<<i)
	}
	for _, c := range []struct {
		text string
		want Set
	}{
		{`{"file_id":1}`, 1},
		{`{"x":"file_id"}`, 1},
		{`{"x":"file_ids"}`, 0},
		{`{"x":"my file_id"}`, 0},
		{`{"x":"audio/wav","y":"application/pdf"}`, 2 | 4},
		{`"pdf`, 0},
		{`pdf"`, 4},
		{`"pdf"`, 4},
		{`"a","abc"`, 8 | 16 | 32},
		{`"audio`, 2},
		{`"aud`, 0},
		{`"""a`, 0},
		{`x`, 0},
		{``, 0},
	} {
		if got := l.In([]byte(c.text)); got != c.want|Searched {
			t.Errorf("%s: %b, want %b", c.text, got&^Searched, c.want)
		}
	}
}

func TestListSeesThatAnyCharacterOfAWordIsEscaped(t *testing.T) {
	var l List
	for c := range rune(0x80) {
		escaped := l.In(fmt.Appendf(nil, `"\u%04x"`, c))&Escaped != 0
		upper := l.In(fmt.Appendf(nil, `"\u%04X"`, c))&Escaped != 0
		added := func() (ok bool) {
			defer func() { ok = recover() == nil }()
			new(List).Add("a"+string(c)+"b", 1)
			return
		}()
		if added = added && c != '*'; added != escaped || added != upper {
			t.Errorf("%q may be in a word: %t, and is seen where it is escaped: %t, %t", c, added, escaped, upper)
		}
	}
}

// FuzzList holds the one pass to a search for each word.
func FuzzList(f *testing.F) {
	for _, text := range []string{`{"file_id":"a"}`, `"audio/x" "y/pdf"`, `\u0041`, `"abc"ab"`, `pdf"`, `"""""""`} {
		f.Add([]byte(text))
	}
	var l List
	for i, w := range looked {
		l.Add(w, 1<<i)
	}
	escape := regexp.MustCompile(`\\u00(3[0-9aA]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA])`)
	for _, shift := range []int{0, 60, 100} { // at each place of a word, and where the library looks
		for i := range 16 {
			f.Add([]byte(strings.Repeat("x", shift+i) + `\u0041"abc"`))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := l.In(text)
		if want := escape.Match(text); want != (got&Escaped != 0) {
			t.Errorf("escapes in %q: %t", text, !want)
		}
		for i, w := range looked[:len(looked)-1] {
			search := `"` + w + `"`
			if begin, is := strings.CutSuffix(w, "*"); is {
				search = `"` + begin
			} else if end, is := strings.CutPrefix(w, "*"); is {
				search = end + `"`
			}
			if want := bytes.Contains(text, []byte(search)); want != (got&(1<<i) != 0) {
				t.Errorf("%s in %q: %t", w, text, !want)
			}
		}
	})
}

func BenchmarkList(b *testing.B) {
	var l List
	for i, w := range looked {
		l.Add(w, 1<<i)
	}
	for _, c := range []struct{ name, text string }{
		{"small", strings.Repeat("What does it say? ", 24)},
		{"prose", strings.Repeat("what was measured before is compared with what comes now. ", 1700)},
		{"lines", strings.Repeat(`what was measured before is compared with what comes now.\n`, 1700)},
		{"code", strings.Repeat(`func main() {\n\tfmt.Println(\"what was measured before\")\n}\n\nThe paragraph above `, 1200)},
	} {
		body := []byte(`{"model":"gpt","messages":[{"role":"system","content":"` + strings.Repeat("You are a careful assistant. ", 16) + `"},{"role":"user","content":"` +
			c.text + `"}],"temperature":0.7,"max_tokens":1024}`)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				l.In(body)
			}
		})
	}
}
