package rawjson

import (
	"slices"
	"testing"
)

func TestMembersComeInOrderWithTheirNamesDecoded(t *testing.T) {
	body := []byte(` { "a" : 1 , "b\u0063":[1,2], "a":{"x":null}, "":"" } `)
	var got []string
	it := MembersOf(body)
	for it.Next() {
		got = append(got, it.Name()+"="+string(it.Value.Raw(body))+"/"+it.Value.Kind.String())
	}
	if it.Err() != nil {
		t.Fatal(it.Err())
	}
	want := []string{`a=1/a number`, `bc=[1,2]/an array`, `a={"x":null}/an object`, `=""/a string`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestMembersOfAnythingButOneObjectIsAnError(t *testing.T) {
	for _, text := range []string{"", "[]", "null", `"x"`, "{", `{"a":1`, `{"a":1,`, `{"a":1,}`, `{} {}`, `{"a" "b"}`, `{"a\`, "\xff"} {
		it := MembersOf([]byte(text))
		for it.Next() {
		}
		if it.Err() == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestNestedValuesAreWalkedInPlace(t *testing.T) {
	body := []byte(`{"choices":[{"n":1},{"n":2,"n":3}],"x":"y"}`)
	doc, err := One(body)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for e := doc.Get(body, "choices").Elements(body); e.Next(); {
		got = append(got, string(e.Value.Get(body, "n").Raw(body)))
	}
	if !slices.Equal(got, []string{"1", "3"}) {
		t.Errorf("got %q: the last of two members counts", got)
	}
	if doc.Get(body, "x").Get(body, "y").Kind != Missing || doc.Get(body, "none").Present() {
		t.Error("a member of something that is no object was found")
	}
	e := doc.Elements(body)
	if e.Next() || e.Err() != nil {
		t.Error("elements of an object")
	}
}

func TestTextAndInt(t *testing.T) {
	for _, c := range []struct {
		raw, text string
		ok        bool
	}{
		{`"plain"`, "plain", true}, {`""`, "", true}, {`"\u00e9\n\"\ud83d\ude00"`, "é\n\"😀", true}, {`"ü"`, "ü", true},
		{`5`, "", false}, {`null`, "", false}, {"\"a\nb\"", "", false}, {`"\x"`, "", false}, {`"a\x"`, "", false},
	} {
		v, _ := skip([]byte(c.raw), 0)
		if got, ok := Text([]byte(c.raw), v); got != c.text || ok != c.ok {
			t.Errorf("Text(%s) = %q, %v", c.raw, got, ok)
		}
	}
	for _, c := range []struct {
		raw string
		n   int64
		ok  bool
	}{
		{"0", 0, true}, {"-17", -17, true}, {"999999999999999999", 999999999999999999, true}, {"1.5", 0, false}, {"1e3", 0, false},
		{"9999999999999999999999", 0, false}, {`"5"`, 0, false},
	} {
		v, _ := skip([]byte(c.raw), 0)
		if got, ok := Int([]byte(c.raw), v); got != c.n || ok != c.ok {
			t.Errorf("Int(%s) = %d, %v", c.raw, got, ok)
		}
	}
}
