package rawjson

import (
	"encoding/json"
	"testing"
)

func TestAppendTextLosesNothingOfWhatIsNoJSON(t *testing.T) {
	for raw, want := range map[string]string{
		"a\x00b":       "a\x00b",
		"a\tb\\n\nc":   "a\tb\n\nc",
		`a\x41 \"b\"`:  `a\x41 "b"`,
		`\u12 \u0041`:  `\u12 A`,
		`\ud83d\u12 b`: "\ufffd\\u12 b",
	} {
		data := []byte(`"` + raw + `"`)
		v, err := One(data)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if got, ok := AppendText(nil, data, v); string(got) != want || ok {
			t.Errorf("%q: %q, %v, want %q", raw, got, ok, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{`"plain"`, `"\u00e9\ud83d\ude00\ud83d x\udc00\n\"\\\/\b\f\r\t"`, `"\x"`, `"\u12"`, "\"a\tb\"", `"\ud83d\u0041"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, msg := skip(b, 0)
		if msg != "" || v.Kind != String {
			return
		}
		got, ok := Text(b, v)
		var want string
		err := json.Unmarshal(v.Raw(b), &want)
		if ok != (err == nil) {
			t.Fatalf("%s: %v, encoding/json says %v", v.Raw(b), ok, err)
		}
		if ok && string([]rune(got)) != want {
			t.Fatalf("%s: %q, encoding/json has %q", v.Raw(b), got, want)
		}
	})
}
