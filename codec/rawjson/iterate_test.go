package rawjson

import (
	"fmt"
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

// trail is all that a walk sees, level by level: by Next, which reads each value whole first, or by Step, which goes
// through the bytes once.
type trail struct {
	data []byte
	step bool
	seen []string
}

func (r *trail) note(name string, v Value) {
	r.seen = append(r.seen, name+" "+v.Kind.String()+" "+string(v.Raw(r.data)))
}

func (r *trail) members(it *Members) {
	for r.step && it.Step() || !r.step && it.Next() {
		r.value(it.Name(), &it.Walk, it.Value)
	}
}

func (r *trail) elements(it *Elements) {
	for r.step && it.Step() || !r.step && it.Next() {
		r.value("", &it.Walk, it.Value)
	}
}

func (r *trail) value(name string, at *Walk, v Value) {
	switch {
	case v.Kind == Object:
		r.seen = append(r.seen, name+" {")
		inner := at.Members()
		if !r.step {
			inner = v.Members(r.data)
		}
		r.members(&inner)
		if r.step {
			at.Leave(&inner.Walk)
		}
	case v.Kind == Array:
		r.seen = append(r.seen, name+" [")
		inner := at.Elements()
		if !r.step {
			inner = v.Elements(r.data)
		}
		r.elements(&inner)
		if r.step {
			at.Leave(&inner.Walk)
		}
	default:
		r.note(name, v)
	}
}

func followed(data []byte, step bool) ([]string, error) {
	r := trail{data: data, step: step}
	it := MembersOf(data)
	r.members(&it)
	return r.seen, it.Err()
}

// FuzzStep holds both ways of walking against each other.
func FuzzStep(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a":{"b":[1,{"c":null},[]]},"d":"e"}`, `{"a":[],"b":{},"a":{"x":[[["y"]]]}}`, `{"a":[1,2,{"b":"c"}`, `{"a":{"b":1}`, `{"a":{"b":1}} x`,
		`{"a":{"b" 1}}`, `{"a":[1 2]}`, `{"a":[1,]}`, `{"a":{"b":1,}}`, `{"a":[}]}`, `{"a":tru}`, `{"\u0061":{"\"":"\\"}}`, `[1]`, `{"a":[{"b":1}{"c":2}]}`, "{\n \"a\" : [ { \"b\" : 1 } , 2 ] }",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		byNext, wrong := followed(data, false)
		byStep, wrongToo := followed(data, true)
		if (wrong == nil) != (wrongToo == nil) {
			// Only Next has a limit to the depth of the whole.
			if e, is := wrong.(*SyntaxError); !is || e.Message != errDepth {
				t.Fatalf("by Next %v, by Step %v", wrong, wrongToo)
			}
			return
		}
		// What comes before an error Next may not see; Step does.
		if !slices.Equal(byNext, byStep[:min(len(byNext), len(byStep))]) || wrong == nil && len(byNext) != len(byStep) {
			t.Errorf("by Next %q, by Step %q", byNext, byStep)
		}
	})
}

func TestValueThatIsNotWalkedIntoIsPassedOver(t *testing.T) {
	data := []byte(`{"a":{"b":[1]},"c":[2,[3]],"d":4,"e":[{"f":5},6]}`)
	for _, c := range []struct {
		name string
		do   func(it *Members)
		want []string
	}{
		{"left alone", func(*Members) {}, []string{"a", "c", "d", "e"}},
		{"read whole", func(it *Members) { it.Whole() }, []string{"a", "c", "d", "e"}},
		{"walked into as what it is not", func(it *Members) {
			inner := it.Elements()
			if it.Value.Kind == Array {
				inner = Elements{Walk: Walk{open: '[', started: true, pos: -1}}
			}
			for inner.Step() {
				t.Error("an object has elements")
			}
			it.Leave(&inner.Walk)
		}, []string{"a", "c", "d", "e"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var names []string
			it := MembersOf(data)
			for it.Step() {
				names = append(names, it.Name())
				c.do(&it)
			}
			if it.Err() != nil || !slices.Equal(names, c.want) {
				t.Errorf("%q, %v", names, it.Err())
			}
		})
	}
}

func TestErrorInWhatIsWalkedIntoEndsTheOuterWalk(t *testing.T) {
	for _, text := range []string{`{"a":{"b" 1},"c":2}`, `{"a":{"b":1`, `{"a":{"b":{"c":]}}}`} {
		it := MembersOf([]byte(text))
		for it.Step() {
			if it.Name() == "c" {
				t.Errorf("%s: walked on", text)
			}
			inner := it.Members()
			for inner.Step() {
			}
			it.Leave(&inner.Walk)
		}
		if it.Err() == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestMembersKnownGoesOnBehindWhatWasRead(t *testing.T) {
	body := []byte(`{"a":[1,{"b":2}],"c":{"d":3},"e":4}`)
	top, err := One(body)
	if err != nil {
		t.Fatal(err)
	}
	known := top.Get(body, "a")
	it := MembersOf(body)
	var names []string
	for it.Step() {
		it.Known(Value{})                       // nothing was read
		it.Known(Value{Start: known.Start + 1}) // another value
		it.Known(known)
		names = append(names, it.Name()+" "+string(it.Whole().Raw(body)))
	}
	if want := `[a [1,{"b":2}] c {"d":3} e 4]`; it.Err() != nil || fmt.Sprint(names) != want {
		t.Errorf("%v, want %s: %v", names, want, it.Err())
	}
}
