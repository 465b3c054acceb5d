package rawjson

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAppendStringEscapesOnlyWhatItMust(t *testing.T) {
	got := string(AppendString(nil, "a\"b\\c\n\r\t\x01 <é> 😀\xff\u2028"))
	if want := `"a\"b\\c\n\r\t\u0001 <é> 😀` + "\ufffd\u2028" + `"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\"\\\xc3\x28 é")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(AppendString(nil, s), &back); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); back != want && !sameButReplacements(back, s) {
			t.Fatalf("%q became %q", s, back)
		}
		if string(AppendString(nil, []byte(s))) != string(AppendString(nil, s)) {
			t.Fatal("bytes and string differ")
		}
	})
}

// sameButReplacements compares by runes, where each invalid byte is a replacement of its own.
func sameButReplacements(got, s string) bool { return got == string([]rune(s)) }
