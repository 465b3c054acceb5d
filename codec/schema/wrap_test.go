package schema

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWrapMakesAnObjectOfWhatIsNone(t *testing.T) {
	wrapped := func(inner, rest string) string {
		return `{"type":"object","properties":{"answer":` + inner + `},"required":["answer"],"additionalProperties":false` + rest + `}`
	}
	for _, c := range []struct{ schema, want string }{
		{`{"type":"object","properties":{"a":{}}}`, ""},
		{`{"properties":{"a":{}}}`, ""},
		{`{"type":"object"}`, ""},
		{``, ""},
		{`[]`, ""},
		{`{"type":"array","items":{"type":"string"}}`, wrapped(`{"type":"array","items":{"type":"string"}}`, "")},
		{`{"type":"string","enum":["a","b"]}`, wrapped(`{"type":"string","enum":["a","b"]}`, "")},
		{`{"enum":["a"]}`, wrapped(`{"enum":["a"]}`, "")},
		{`{}`, wrapped(`{}`, "")},
		{`{"type":["object","null"],"properties":{}}`, wrapped(`{"type":["object","null"],"properties":{}}`, "")},
		{`{"anyOf":[{"type":"object"},{"type":"null"}]}`, wrapped(`{"anyOf":[{"type":"object"},{"type":"null"}]}`, "")},
		{`{"type":"object","oneOf":[{"required":["a"]}]}`, wrapped(`{"type":"object","oneOf":[{"required":["a"]}]}`, "")},
		{`{"$schema":"s","$ref":"#/$defs/A","$defs":{"A":{"type":"object","properties":{"next":{"$ref":"#/$defs/A"}}}}}`,
			wrapped(`{"$ref":"#/$defs/A"}`, `,"$defs":{"A":{"type":"object","properties":{"next":{"$ref":"#/$defs/A"}}}}`)},
		{`{"type":"array","items":{"anyOf":[{"$ref" : "#"},{"$ref":"#/items/x"},{"const":"$ref"},{"$ref":"#anchor"}]}}`,
			wrapped(`{"type":"array","items":{"anyOf":[{"$ref":"#/properties/answer"},{"$ref":"#/properties/answer/items/x"},{"const":"$ref"},{"$ref":"#anchor"}]}}`, "")},
	} {
		got, is := Wrap([]byte(c.schema))
		if string(got) != c.want || is != (c.want != "") || is && !json.Valid(got) {
			t.Errorf("%s\n got %s\nwant %s", c.schema, got, c.want)
		}
		if is {
			if _, twice := Wrap(got); twice {
				t.Errorf("%s is wrapped twice", c.schema)
			}
		}
	}
}

// unwrap gives a text to an Unwrapper in pieces of n bytes.
func unwrap(text string, n int) string {
	var u Unwrapper
	var out []byte
	for len(text) > 0 {
		n = min(n, len(text))
		out = u.Push(out, []byte(text[:n]))
		text = text[n:]
	}
	return string(u.End(out))
}

func TestUnwrapperGivesTheAnswerHoweverItIsSplit(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"answer":[{"a":"x"}]}`, `[{"a":"x"}]`},
		{" {\n\"answer\" : [ 1 , 2 ] \n}\n", `[ 1 , 2 ]`},
		{`{"answer":"a \"}] b\\"}`, `"a \"}] b\\"`},
		{`{"answer":12 }`, `12`},
		{`{"answer":null,"more":1}`, `null`},
		{`{"answer":{"b":{"c":"}"}}} trailing`, `{"b":{"c":"}"}}`},
		{`{"answer":[1,`, `[1,`},
		{`{"answers":[1]}`, `{"answers":[1]}`},
		{`[{"a":1}]`, `[{"a":1}]`},
		{`{"ans`, `{"ans`},
		{`sunny`, `sunny`},
		{``, ``},
		{"```json\n{}", "```json\n{}"},
		{strings.Repeat(" ", 2*mostLead), strings.Repeat(" ", 2*mostLead)},
	} {
		for _, n := range []int{1, 2, 3, 7, 1 << 20} {
			if got := unwrap(c.text, n); got != c.want {
				t.Errorf("%q by %d: got %q, want %q", c.text, n, got, c.want)
			}
		}
	}
}

func TestBareIsAWordWithoutItsQuotes(t *testing.T) {
	for answer, want := range map[string]string{`"a\nb"`: "a\nb", `["a"]`: `["a"]`, `a`: `a`, ``: ``} {
		if got := Bare([]byte(answer)); string(got) != want {
			t.Errorf("%s is %s", answer, got)
		}
	}
}

func FuzzUnwrapper(f *testing.F) {
	for _, text := range []string{`{"answer":[{"a":"x"}]}`, `{"answer":"a\"b"} x`, ` { "answer" : 1 , }`, `{"x":1}`} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		if len(text) > mostLead {
			return
		}
		whole := unwrap(text, max(len(text), 1))
		if n > 0 && unwrap(text, n) != whole {
			t.Errorf("%q by %d is %q, whole %q", text, n, unwrap(text, n), whole)
		}
		if value := []byte(text); json.Valid(value) {
			if got := unwrap(`{"answer":`+text+`}`, max(n, 1)); got != strings.TrimSpace(text) {
				t.Errorf("%q comes back as %q", text, got)
			}
		}
	})
}
