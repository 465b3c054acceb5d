package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// noted is what Update takes to put any JSON into a file, twice: as notes, which
// may be anything, and as the value of a field that is sent to the provider.
func noted(value string) map[string]json.RawMessage {
	return changes("providers", `[{"provider":"p","base_url":"http://127.0.0.1:2/v1/chat/completions","api":"sk-a-0123456789abcdefghijkl","model":["m"],"notes":`+value+
		`,"preferences":{"post_body_parameter_overrides":{"field":`+value+`}}}]`)
}

// sameJSON says whether two texts are the same JSON, numbers by their spelling.
func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var values [2]any
	for i, text := range [][]byte{a, b} {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&values[i]); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}

// roundTrip puts a value through an update, and holds what Parse finds in the new
// file against it. taken is false if the update was refused.
func roundTrip(t *testing.T, value string) (taken bool, err error) {
	t.Helper()
	source := Source{Path: "api.yaml", Getenv: noEnv}
	out, next, err := source.changed([]byte(editedFile), noted(value))
	if err != nil {
		return false, err
	}
	start, err := source.parse(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("the next start would fail: %v\n%s", err, out)
	}
	if start.Hash != next.Hash {
		t.Fatal("what was checked is not what was read")
	}
	override := start.Providers[0].Preferences.Overrides[0]
	if !strings.Contains(value, "${") && (override.Key != "field" || !sameJSON(t, override.Value, []byte(value))) {
		t.Fatalf("%q became %q in\n%s", value, override.Value, out)
	}
	shown, err := start.JSON(true)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var read struct {
		Providers []struct{ Notes any }
	}
	var want any
	if json.Unmarshal(shown, &read) != nil || json.Unmarshal([]byte(value), &want) != nil || !reflect.DeepEqual(read.Providers[0].Notes, want) {
		t.Fatalf("%q is shown as %#v in\n%s", value, read.Providers[0].Notes, out)
	}
	if !strings.Contains(string(out), "# who may ask") || !strings.Contains(string(out), "rate_limit: 100/min # enough") {
		t.Fatalf("the rest of the file was changed:\n%s", out)
	}
	return true, nil
}

// oddTexts are texts that YAML takes for something else unless they are quoted, or
// has its own ways to write.
var oddTexts = []string{
	"", " ", "  x", "x  ", "\t", "\tx", "\n", "x\n", "\n\nx", "a\nb\n\n c\n", "\r", "a\rb", "a\r\nb", "x:", ": x", "a: b", "#", "# x", "x #y", "-", "- x", "?", "? x", ":", "!", "!tag x", "!!str", "&a", "*a", "*", "|", ">",
	"%YAML 1.2", "@x", "`x", "'", "\"", "''", "it's", "\"x\"", "\\", "\\n", "{", "}", "[", "]", "{a: b}", "[a]", ",", "---", "...", "--- x", "yes", "No", "on", "OFF", "y", "n", "true", "True", "null", "Null", "~", "<<", "=", "0", "1", "-1",
	"+1", "1.0", "1e3", "1_000", "0x10", "0o7", "010", "0b1", ".5", "1.", ".inf", "-.Inf", ".nan", "12:30:45", "2026-01-31", "2026-01-31T12:00:00Z", "${NAME", "$NAME", "$${x", "\u0000", "\u0001", "\u001b[0m", "\u007f", "\u0085", "a\u0085b", "\u00a0", "\u200b",
	"\u2028", "x\u2029y", "\ufeff", "\ufeffx", "\ufffd", "\ufffe", "\uffff", "\u00e9", "😀", "\U0010ffff", "a\u0301", strings.Repeat("x", 200), strings.Repeat("word ", 100), strings.Repeat("é", 5000), "sk-…x",
}

func TestUpdateTakesAllOfJSONAsItIs(t *testing.T) {
	values := []string{
		`null`, `true`, `false`, `0`, `-0`, `1`, `-1`, `1.0`, `1.50`, `1e3`, `1E3`, `1e-7`, `0.1e+7`, `123456789012345678`, `123456789012345678901234567890`, `-9223372036854775808`, `18446744073709551616`, `5e-324`, `1.7976931348623157e308`,
		`[]`, `{}`, `[[]]`, `[{}]`, `{"a":{}}`, `{"a":[]}`, `[null]`, `[[[1]],{"a":[{"b":[]}]}]`, `"\ud83d\ude00"`, `"\u0000"`, `"\u0085\u2028\u2029"`, `"\/"`, `{"":""}`, `{"":{"":[""]}}`, `{"b":1,"a":2}`, `[" ","\t"]`, "[1 ,\n2]", `{"a":1,"A":2}`,
		`"` + strings.Repeat("x", 1<<18) + `"`, `{"` + strings.Repeat("k", 3000) + `":1}`, strings.Repeat("[", 90) + strings.Repeat("]", 90),
	}
	var list, keys []string
	for _, text := range oddTexts {
		if quoted, _ := json.Marshal(text); !strings.Contains(text, "…") { // which is for what is masked
			list, keys = append(list, string(quoted)), append(keys, string(quoted)+`:{`+string(quoted)+`:[`+string(quoted)+`]}`)
		}
	}
	values = append(values, `[`+strings.Join(list, ",")+`]`, `{`+strings.Join(keys, ",")+`}`)
	for _, value := range values {
		if taken, err := roundTrip(t, value); !taken {
			t.Errorf("%.100s: %v", value, err)
		}
	}
}

// Of the rest of a file nothing may be lost or read otherwise.
func TestUpdateOfAFileThatItCannotKeepIsRefused(t *testing.T) {
	head, tail := "preferences:\n  cooldown_period: 1\n", "api_keys:\n  - api: sk-client-0123456789abcdefghij\n"
	for _, test := range []struct {
		name, file string
		taken      bool
	}{
		{"plain", head + "providers: []\n" + tail, true},
		{"with comments", "# a\n" + head + "# b\nproviders: [] # c\n" + tail + "# d\n", true},
		{"lines of CRLF", strings.ReplaceAll("# a\n"+head+"providers: []\n"+tail, "\n", "\r\n"), true},
		{"a byte order mark", "\ufeff" + head + "providers: []\n" + tail, true},
		{"UTF-16", string(utf16of(head + "providers: []\n" + tail)), true},
		{"a document's marks", "---\n" + head + "providers: []\n" + tail + "...\n", true},
		{"long texts", head + "notes: >-\n  " + strings.Repeat("word ", 50) + "\n\n  x\nmore: |+\n  a\n\n\nproviders: []\n" + tail, true},
		{"an anchor that stays", "base: &a {cooldown_period: 2}\npreferences: *a\nproviders: []\n" + tail, true},
		{"a merge that stays", "base: &a {cooldown_period: 2}\npreferences: {<<: *a}\nproviders: []\n" + tail, true},
		{"tags", head + "x: !!str 1\ny: !mine z\nz: !!binary aGk=\nproviders: []\n" + tail, true},
		{"an anchor that goes, and is used", "providers: &a []\nnotes: *a\n" + head + tail, false},
		{"a list", "- 1\n", false},
		{"broken", "providers: [\n", false},
		{"two documents", head + tail + "---\na: 1\n", false},
		{"too large", head + tail + "#" + strings.Repeat("x", maxSize) + "\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := writeMode(t, filepath.Join(t.TempDir(), "api.yaml"), test.file, 0o600)
			source := Source{Path: path, Getenv: noEnv}
			err := source.Update(changes("providers", `[{"provider":"p","base_url":"http://127.0.0.1:2/v1","model":["m"]}]`), nil)
			if test.taken != (err == nil) {
				t.Errorf("%v", err)
			}
			if err != nil {
				if text := readFile(t, path); text != test.file {
					t.Errorf("the file is now\n%.500s", text)
				}
				return
			}
			c, err := source.Load(t.Context())
			if err != nil || len(c.Providers) != 1 {
				t.Errorf("%v\n%s", err, readFile(t, path))
			}
		})
	}
}

// utf16of is a text in UTF-16, as some editors write it.
func utf16of(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, c := range []byte(text) {
		out = append(out, c, 0)
	}
	return out
}

func TestFullDiskLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := writeMode(t, filepath.Join(dir, "api.yaml"), "old", 0o600)
	err := replaceFile(path, func(w io.Writer) error {
		io.WriteString(w, "ne")
		return &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	})
	if !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, ErrNotWritten) || !strings.Contains(err.Error(), "no space left") || !strings.Contains(err.Error(), "stays as it was") {
		t.Errorf("%v", err)
	}
	if files, _ := os.ReadDir(dir); readFile(t, path) != "old" || len(files) != 1 {
		t.Errorf("%q, %v", readFile(t, path), files)
	}
}

func TestWhatAKilledUpdateLeftIsRemovedByTheNextOne(t *testing.T) {
	dir := t.TempDir()
	path := writeMode(t, filepath.Join(dir, "api.yaml"), "old", 0o600)
	long := time.Now().Add(-time.Hour)
	for name, when := range map[string]time.Time{"api.yaml": long, ".api.yaml-1": long, ".api.yaml-2": time.Now(), "notes": long} {
		writeMode(t, filepath.Join(dir, name), "old", 0o600)
		if err := os.Chtimes(filepath.Join(dir, name), when, when); err != nil {
			t.Fatal(err)
		}
	}
	if err := replaceFile(path, func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	var names []string
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		names = append(names, f.Name())
	}
	if got := strings.Join(names, " "); got != ".api.yaml-2 api.yaml notes" { // the second may be another process at work
		t.Errorf("there are %s", got)
	}
}

// FuzzUpdateRoundTrip holds that any JSON that goes through an update is read from
// the new file as the same value, or else was refused.
func FuzzUpdateRoundTrip(f *testing.F) {
	for _, text := range oddTexts {
		quoted, _ := json.Marshal(text)
		f.Add(string(quoted))
		f.Add(`{` + string(quoted) + `:[` + string(quoted) + `,{}]}`)
	}
	for _, value := range []string{`null`, `-0`, `1.0`, `1e400`, `123456789012345678901234567890`, `[[],{"a":[1,2.5]}]`, `"\ud83d\ude00"`, `"\ud83d"`, `{"a":1,"a":2}`, strings.Repeat("[", 120) + strings.Repeat("]", 120)} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if json.Valid([]byte(value)) {
			roundTrip(t, value)
		}
	})
}
