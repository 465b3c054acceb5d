package front

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"uniapi/codec/fields"
)

var (
	others = []string{"version", "betas"}
	known  = fields.NewKnown("model", "stream", "talk", "tools", "version", "betas", "models").Mark("models")
	talk   = NewLayout(known, "talk", others...)
)

func TestReadHeadFindsWhatRoutingNeeds(t *testing.T) {
	for _, c := range []struct {
		body   string
		model  string
		stream bool
	}{
		{`{"model":"claude"}`, "claude", false},
		{` {"talk":[{"model":"no","stream":true}], "model" : "a/b:c" ,"stream": true} `, "a/b:c", true},
		{`{"m\u006fdel":"m\u00fcller","stream":null}`, "müller", false},
	} {
		h, err := talk.ReadHead([]byte(c.body))
		if err != nil || h.Model != c.model || h.Stream != c.stream {
			t.Errorf("%s: got %q %v, %v", c.body, h.Model, h.Stream, err)
		}
	}
	body := []byte(`{"model":"m","talk":[1],"tools":[2]}`)
	h, err := talk.ReadHead(body)
	if err != nil || string(h.Messages.Raw(body)) != "[1]" || string(h.Tools.Raw(body)) != "[2]" {
		t.Errorf("got %+v, %v", h, err)
	}
}

func parts(t testing.TB, body string, e Edit) string {
	t.Helper()
	h, err := talk.ReadHead([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var scratch []byte
	return string(bytes.Join(h.Parts(nil, []byte(body), e, &scratch), nil))
}

func TestPartsChangesNothingButWhatItMust(t *testing.T) {
	replaced := Edit{Model: "up"}
	moved := Edit{Before: []byte(`"version":"v1"`), Without: []string{"version", "betas", "stream"}}
	for _, c := range []struct {
		name string
		edit Edit
		body string
		want string
	}{
		{"the model", replaced, ` {"n": 9007199254740993, "model" : "m","x":1.50} `, ` {"n": 9007199254740993, "model" : "up","x":1.50} `},
		{"a model that needs escapes", Edit{Model: `a"b`}, `{"model":"m"}`, `{"model":"a\"b"}`},
		{"a model of that name already", replaced, `{"model":"\u0075p"}`, `{"model":"\u0075p"}`},
		{"the first member goes", moved, `{"model":"m","x":1}`, `{"version":"v1","x":1}`},
		{"a later member goes", moved, `{ "x":1 , "model" : "m" , "y":2 }`, `{"version":"v1", "x":1 , "y":2 }`},
		{"the last member goes", moved, `{"x":1,"model":"m" }`, `{"version":"v1","x":1 }`},
		{"several in a row go", moved, `{"stream":true,"model":"m","version":"own","x":1,"betas":[1]}`, `{"version":"v1","x":1}`},
		{"all of them go", moved, `{"model":"m","stream":true}`, `{"version":"v1"}`},
	} {
		if got := parts(t, c.body, c.edit); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestPartsLeavesTheBodyWholeIfNothingChanges(t *testing.T) {
	body := []byte(`{"model":"m","stream":true,"talk":[]}`)
	h, err := talk.ReadHead(body)
	if err != nil {
		t.Fatal(err)
	}
	var scratch []byte
	if got := h.Parts(nil, body, Edit{Model: "m"}, &scratch); len(got) != 1 || &got[0][0] != &body[0] {
		t.Errorf("got %q", got)
	}
}

// longBody is a request of about size bytes.
func longBody(size int) []byte {
	return fmt.Appendf(nil, `{"model":"m","max_tokens":4096,"stream":true,"talk":[{"role":"user","content":"%s"}]}`,
		strings.Repeat(`He said \"no\" to the first 25 of them,\nand then went on. `, size/60))
}

func TestReadHeadAndPartsDoNotAllocate(t *testing.T) {
	body := longBody(64 << 10)
	edits := []Edit{{Model: "another"}, {Before: []byte(`"version":1`), Without: others}}
	var dst [][]byte
	var scratch []byte
	allocs := testing.AllocsPerRun(100, func() {
		for _, e := range edits {
			h, err := talk.ReadHead(body)
			if err != nil {
				t.Fatal(err)
			}
			scratch = scratch[:0]
			dst = h.Parts(dst[:0], body, e, &scratch)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzParts(f *testing.F) {
	for _, body := range []string{`{"model":"m","stream":true}`, `{"model":"a","version":null,"betas":[],"stream":true}`,
		`{ "x":"\u00e9" , "model" : "m" }`, "{\"model\":\"\xf9\"}"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := talk.ReadHead(body)
		if err != nil {
			return
		}
		var plain map[string]any
		if json.Unmarshal(body, &plain) != nil {
			return // wrong inside a string, which the upstream will tell
		}
		if model, _ := plain["model"].(string); model != h.Model {
			t.Fatalf("model %q read as %q", model, h.Model)
		}
		check := func(e Edit) {
			var got map[string]any
			out := parts(t, string(body), e)
			if err := json.Unmarshal([]byte(out), &got); err != nil || !reflect.DeepEqual(got, plain) {
				t.Fatalf("%s became %s", body, out)
			}
		}
		plain["model"] = "up"
		check(Edit{Model: "up"})
		for _, name := range []string{"model", "stream", "version", "betas"} {
			delete(plain, name)
		}
		if _, has := plain["first"]; !has {
			plain["first"] = true
			check(Edit{Before: []byte(`"first":true`), Without: []string{"stream", "version", "betas"}})
		}
	})
}

func BenchmarkHeadAndParts(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		body := longBody(size)
		b.Run(fmt.Sprintf("%d KiB", size>>10), func(b *testing.B) {
			e := Edit{Before: []byte(`"version":1`), Without: others}
			var dst [][]byte
			var scratch []byte
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				h, err := talk.ReadHead(body)
				if err != nil {
					b.Fatal(err)
				}
				scratch = scratch[:0]
				dst = h.Parts(dst[:0], body, e, &scratch)
			}
		})
	}
}
