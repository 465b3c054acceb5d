package override

import (
	"encoding/json"
	"slices"
	"testing"

	"uniapi/codec/rawjson"
)

// apply compiles the entries, given as one JSON object, for a model and lays them over a body.
func apply(t testing.TB, entries, model, body string, otherModels ...string) string {
	t.Helper()
	list, err := members([]byte(entries))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Compile(list, model, func(name string) bool { return slices.Contains(otherModels, name) })
	if err != nil {
		t.Fatal(err)
	}
	if r == nil {
		return body
	}
	var s rawjson.Splicer
	r.Edit(&s, []byte(body))
	parts, err := s.Parts(nil, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return string(slices.Concat(parts...))
}

func TestOverridesChangeWhatTheyNameAndNothingElse(t *testing.T) {
	for _, test := range []struct{ name, entries, body, want string }{
		{"nothing to do", `{}`, `{"a": 1.50}`, `{"a": 1.50}`},
		{"a field is added", `{"a":1}`, `{"b": 2}`, `{"b": 2,"a":1}`},
		{"a field is replaced, the rest keeps its bytes", `{"a":1}`, `{ "b" : 2.50, "a" : 9 }`, `{ "b" : 2.50, "a" : 1 }`},
		{"numbers keep their spelling", `{"a":1.0}`, `{}`, `{"a":1.0}`},
		{"objects are merged deeply", `{"o":{"x":{"y":1}}}`, `{"o":{"x":{"z": 2},"w":3}}`, `{"o":{"x":{"z": 2,"y":1},"w":3}}`},
		{"lists are replaced", `{"l":[1]}`, `{"l":[2,3]}`, `{"l":[1]}`},
		{"an object takes the place of a scalar", `{"o":{"x":1}}`, `{"o":5}`, `{"o":{"x":1}}`},
		{"the model's block goes over the global field", `{"a":1,"m":{"a":2}}`, `{}`, `{"a":2}`},
		{"the model's block is merged into the global field", `{"o":{"x":1},"m":{"o":{"y":2}}}`, `{}`, `{"o":{"x":1,"y":2}}`},
		{"another model's block is left out", `{"other":{"a":2}}`, `{}`, `{}`},
		{"a field is removed", `{"__remove__":"a"}`, `{"a":1,"b":2}`, `{"b":2}`},
		{"a field that is not there is removed", `{"__remove__":"x"}`, `{"a":1}`, `{"a":1}`},
		{"several are removed", `{"__remove__":["a","b"]}`, `{"a":1,"b":2,"c":3}`, `{"c":3}`},
		{"the model removes what was set for all", `{"a":1,"m":{"__remove__":"a"}}`, `{}`, `{}`},
		{"the model sets what was removed for all", `{"__remove__":"a","m":{"a":2}}`, `{"a":1}`, `{"a":2}`},
		{"removal comes after setting, whatever their order", `{"__remove__":"a","a":5}`, `{"a":1}`, `{}`},
		{"a path below the top", `{"__remove__":[{"path":"o.x"}]}`, `{"o":{"x":1,"y":2}}`, `{"o":{"y":2}}`},
		{"a path through a list", `{"__remove__":[{"path":"messages.name"}]}`, `{"messages":[{"name":"n","role":"user"},{"role":"x"}]}`,
			`{"messages":[{"role":"user"},{"role":"x"}]}`},
		{"items of a list by their text", `{"__remove__":[{"path":"include","where":"a"}]}`, `{"include":["a","b"]}`, `{"include":["b"]}`},
		{"items by a field", `{"__remove__":[{"path":"tools","where":{"type":"web"}}]}`, `{"tools":[{"type":"web"},{"type":"function"}]}`,
			`{"tools":[{"type":"function"}]}`},
		{"items by two fields at once", `{"__remove__":[{"path":"tools","where":{"type":"f","function.name":"x"}}]}`,
			`{"tools":[{"type":"f","function":{"name":"x"}},{"type":"f","function":{"name":"y"}}]}`,
			`{"tools":[{"type":"f","function":{"name":"y"}}]}`},
		{"items by any of several conditions", `{"__remove__":[{"path":"l","where_any":["a","b"]}]}`, `{"l":["a","b","c"]}`, `{"l":["c"]}`},
		{"a list with nothing left stays", `{"__remove__":[{"path":"l","where":"a"}]}`, `{"l":["a"]}`, `{"l":[]}`},
		{"a list with nothing left goes if asked", `{"__remove__":[{"path":"l","where":"a","drop_empty":true}]}`, `{"l":["a"],"b":1}`, `{"b":1}`},
		{"a list with nothing left goes if asked in words", `{"__remove__":[{"path":"l","where":"a","drop_empty":"Yes"}]}`, `{"l":["a"],"b":1}`, `{"b":1}`},
		{"a scalar that meets the condition goes", `{"__remove__":[{"path":"o.x","where":"a"}]}`, `{"o":{"x":"a","y":1}}`, `{"o":{"y":1}}`},
		{"a scalar that does not, stays", `{"__remove__":[{"path":"o.x","where":"b"}]}`, `{"o":{"x":"a"}}`, `{"o":{"x":"a"}}`},
		{"a name with dots is a name", `{"__remove__":"a.b"}`, `{"a.b":1,"a":{"b":2}}`, `{"a":{"b":2}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := apply(t, test.entries, "m", test.body, "other"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestStreamOverrideIsKnown(t *testing.T) {
	for entries, want := range map[string]string{`{"stream":true}`: "true", `{"m":{"stream":false}}`: "false", `{"a":1}`: "none"} {
		list, _ := members([]byte(entries))
		r, err := Compile(list, "m", func(string) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		if r.Stream != nil {
			b, _ := json.Marshal(*r.Stream)
			got = string(b)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", entries, got, want)
		}
	}
}

func TestWrongEntriesAreRefused(t *testing.T) {
	for _, entries := range []string{
		`{"__remove__":5}`, `{"__remove__":[5]}`, `{"__remove__":{"where":"a"}}`, `{"__remove__":[{"path":5}]}`,
		`{"__remove__":[{"path":"a","were":"b"}]}`, `{"__remove__":[{"path":"a","where_any":"b"}]}`, `{"m":5}`,
	} {
		list, _ := members([]byte(entries))
		if _, err := Compile(list, "m", func(string) bool { return false }); err == nil {
			t.Errorf("%s is taken", entries)
		}
	}
}

func FuzzOverridesLeaveValidJSON(f *testing.F) {
	f.Add(`{"a":{"b":1},"m":{"__remove__":[{"path":"l","where":"x","drop_empty":true}]}}`, `{"a":{"c":2},"l":["x"]}`)
	f.Add(`{"__remove__":["a",{"path":"b.c.d"}]}`, `{"a":1,"b":[{"c":{"d":1}}]}`)
	f.Fuzz(func(t *testing.T, entries, body string) {
		if !json.Valid([]byte(entries)) || !json.Valid([]byte(body)) {
			return
		}
		list, err := members([]byte(entries))
		if err != nil {
			return
		}
		r, err := Compile(list, "m", func(string) bool { return false })
		if err != nil || r == nil {
			return
		}
		var s rawjson.Splicer
		r.Edit(&s, []byte(body))
		parts, err := s.Parts(nil, []byte(body))
		if err != nil {
			return
		}
		if out := slices.Concat(parts...); !json.Valid(out) {
			t.Errorf("%s over %s gives %s", entries, body, out)
		}
	})
}

func BenchmarkEdit100KB(b *testing.B) {
	body := []byte(`{"model":"m","messages":[{"role":"user","content":"` + string(slices.Repeat([]byte("x"), 100<<10)) + `"}],"temperature":1}`)
	list, _ := members([]byte(`{"temperature":0.5,"o":{"a":1},"__remove__":"user"}`))
	r, err := Compile(list, "m", func(string) bool { return false })
	if err != nil {
		b.Fatal(err)
	}
	var s rawjson.Splicer
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		r.Edit(&s, body)
		if _, err := s.Parts(nil, body); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWhatIsTouchedIsKnown(t *testing.T) {
	list, _ := members([]byte(`{"a":1,"__remove__":["b",{"path":"c.d"}]}`))
	r, err := Compile(list, "m", func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a": true, "b": true, "c": true, "d": false} {
		if r.Touches(name) != want {
			t.Errorf("touches %s: %v", name, !want)
		}
	}
}
