package rawjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func spliced(t *testing.T, s *Splicer, body string) string {
	t.Helper()
	parts, err := s.Parts(nil, []byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return string(bytes.Join(parts, nil))
}

func TestSplicerChangesOnlyTheMembersNamed(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"replaced in place", `{"x": 1.50, "model" : "a","y":[ ]}`, `{"x": 1.50, "model" : "b","y":[ ],"new":1}`},
		{"replaced once and gone from elsewhere", `{"model":"a","x":1,"model":"c"}`, `{"model":"b","x":1,"new":1}`},
		{"replaced in a run", `{"model":"a","model":"c","model":1,"x":1}`, `{"model":"b","x":1,"new":1}`},
		{"name with an escape", `{"m\u006fdel":"a"}`, `{"m\u006fdel":"b","new":1}`},
		{"missing members added", `{}`, `{"model":"b","new":1}`},
		{"first removed", `{"drop":1, "x":2}`, `{"x":2,"model":"b","new":1}`},
		{"last removed", `{"x":2 , "drop":1 }`, `{"x":2,"model":"b","new":1 }`},
		{"middle removed", `{"x":2,"drop":1,"y":3}`, `{"x":2,"y":3,"model":"b","new":1}`},
		{"runs removed", `{"drop":1,"drop":2,"x":2,"drop":1,"drop":{},"y":3,"drop":4,"drop":5}`, `{"x":2,"y":3,"model":"b","new":1}`},
		{"only member removed", ` { "drop" : 1 } `, ` { "model":"b","new":1 } `},
		{"removed beside replaced", `{"drop":1,"model":"a","drop":2,"new":0}`, `{"model":"b","new":1}`},
	} {
		var s Splicer
		s.Set("model", []byte(`"x"`))
		s.Set("model", []byte(`"b"`))
		s.Remove("drop")
		s.Set("new", []byte(`1`))
		if got := spliced(t, &s, c.body); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRepeatedMemberDoesNotSwell(t *testing.T) {
	var s Splicer
	s.Set("a", []byte(`"`+strings.Repeat("x", 1000)+`"`))
	body := `{` + strings.Repeat(`"a":1,`, 100_000) + `"b":2}`
	if got := spliced(t, &s, body); len(got) > 1100 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestSplicerWithoutEditsCopiesNothing(t *testing.T) {
	var s Splicer
	body := []byte(`{"a":1}`)
	parts, err := s.Parts(nil, body)
	if err != nil || len(parts) != 1 || &parts[0][0] != &body[0] {
		t.Errorf("got %q, %v", parts, err)
	}
}

func FuzzSplice(f *testing.F) {
	for _, body := range []string{`{}`, `{"model":"a","drop":[1],"x":{"model":2}}`, `{"drop":1}`, ` {"drop":1 ,"x":null, "drop" : 2} `,
		`{"x":"\"model\":1","model":null,"model":[]}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var s Splicer
		s.Set("model", []byte(`"b"`))
		s.Remove("drop")
		s.Set("new", []byte(`[1]`))
		parts, err := s.Parts(nil, body)
		var want map[string]any
		if json.Unmarshal(body, &want) != nil || want == nil {
			return
		}
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		var got map[string]any
		out := bytes.Join(parts, nil)
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		want["model"], want["new"] = "b", []any{1.0}
		delete(want, "drop")
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %s", out)
		}
		// Every member that stays is in the output with its own bytes, in its order.
		rest := out
		it := MembersOf(body)
		for it.Next() {
			if name := it.Name(); name == "model" || name == "drop" || name == "new" {
				continue
			}
			member := body[it.Key.Start:it.Value.End]
			at := bytes.Index(rest, member)
			if at < 0 {
				t.Fatalf("%s is not in %s", member, out)
			}
			rest = rest[at+len(member):]
		}
	})
}
