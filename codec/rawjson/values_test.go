package rawjson

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestValuesAreCountedOutsideOfTexts(t *testing.T) {
	for document, want := range map[string]int{
		``: 1, `5`: 1, `"a,b[c{"`: 1, `{}`: 2, `[]`: 2, `[1,2,3]`: 4, `{"a":1,"b":[{},{}]}`: 7, `{"a\",":"\\"}`: 2, `["unfinished, [`: 2, `[1,"\"\",[`: 3,
	} {
		if got := Values([]byte(document)); got != want {
			t.Errorf("%s: %d, want %d", document, got, want)
		}
	}
}

// count is how many values there are in v.
func count(v any) int {
	n := 1
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			n += count(inner)
		}
	case []any:
		for _, inner := range v {
			n += count(inner)
		}
	}
	return n
}

func FuzzValues(f *testing.F) {
	for _, document := range []string{`{"a":[1,{"b":"x,\"y"}]}`, `[[],[[]],"\\"]`, `"a`} {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		got := Values(document)
		var v any
		if json.Unmarshal(document, &v) == nil && got < count(v) {
			t.Errorf("%d, there are %d", got, count(v))
		}
	})
}

func BenchmarkValues(b *testing.B) {
	body := []byte(`{"messages":[{"role":"user","content":"` + strings.Repeat(`He said \"no\" to the first of them,\nand went on. `, 2000) + `"}]}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		Values(body)
	}
}
