package rawjson

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// find looks for the model in a document that comes in pieces of n bytes.
func find(document string, n int) (text string, found bool, read int) {
	f := NewFinder("model")
	for piece := range slices.Chunk([]byte(document), n) {
		read += len(piece)
		if f.Push(piece) {
			break
		}
	}
	text, found = f.Text()
	return text, found, read
}

func TestFinderFindsTheFirstMemberOfThatName(t *testing.T) {
	for _, c := range []struct{ document, want string }{ // "" is nothing
		{`{"model":"m"}`, "m"},
		{" \n{ \"x\" : {\"model\":\"inner\"} , \"model\" : \"m\" , \"y\":1}", "m"},
		{`{"x":["model","a"],"y":"model","model":"m"}`, "m"},
		{`{"x":"\"model\":\"a\"","model":"m"}`, "m"},
		{`{"x":"\\","model":"m"}`, "m"},
		{`{"m\u006fdel":"m\u0041\n"}`, "mA\n"},
		{`{"model":"m","model":"other"}`, "m"},
		{`{"x":{},"y":[],"z":[{}],"model":"m"}`, "m"},
		{`{"a":1,"b":null,"c":true,"model":"m"}`, "m"},
		{`{"model":5,"model":"m"}`, ""},
		{`{"model":null}`, ""},
		{`{"models":"m","Model":"m"}`, ""},
		{`{"model"}`, ""},
		{`{"model":"\x"}`, ""},
		{`{"model":"` + strings.Repeat("m", longestFound) + `"}`, ""},
		{`{"` + strings.Repeat("m", 1000) + `":1,"model":"m"}`, "m"},
		{`["model","m"]`, ""},
		{`{}{"model":"m"}`, ""},
		{`{"model":"m`, ""},
		{``, ""},
	} {
		for n := 1; n <= len(c.document); n++ {
			if text, found, _ := find(c.document, n); text != c.want || found != (c.want != "") {
				t.Errorf("%s in pieces of %d: %q, %v", c.document, n, text, found)
			}
		}
	}
}

func TestFinderStopsWhereItHasFound(t *testing.T) {
	document := `{"a":[1,2,3],"model":"m","messages":"` + strings.Repeat("x", 1<<20) + `"}`
	if text, _, read := find(document, 100); text != "m" || read > 200 {
		t.Errorf("%q after %d bytes", text, read)
	}
}

func FuzzFinder(f *testing.F) {
	for _, document := range []string{`{"model":"m"}`, `{"x":{"model":1},"model":"\u006d"}`, `{"a":"\\\"","model":"b"}`, `[{}]`, `{"model":"a","model":"b"}`} {
		f.Add(document, 3)
	}
	f.Fuzz(func(t *testing.T, document string, n int) {
		if n < 1 {
			n = 1
		}
		text, found, _ := find(document, n)
		if whole, again, _ := find(document, max(len(document), 1)); whole != text || again != found {
			t.Fatalf("%q in pieces of %d, %q as a whole", text, n, whole)
		}
		if !json.Valid([]byte(document)) {
			return
		}
		want, is := "", false
		for it := MembersOf([]byte(document)); it.Next(); {
			if it.Name() == "model" {
				want, is = Text([]byte(document), it.Value)
				is = is && it.Value.End-it.Value.Start <= longestFound
				break
			}
		}
		if found != is || is && text != want {
			t.Fatalf("%q, %v; it is %q, %v", text, found, want, is)
		}
	})
}
