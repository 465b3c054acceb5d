package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"uniapi/server/capture"
	"uniapi/usage"
)

// hostile are names that would be more than text on a terminal, or make rows of their own in a table.
var hostile = []string{"\x1b[31mred", "\x1b]0;title\x07", "a\nb", "a\rb", "a\tb", "a\x00b", "\u009b31mred", "\u202egnol", "\u2066x", "\x7f", "\xff\xfe", "two\u2028lines"}

// TestTablesOfForeignNamesHoldNothingButText is for names of models out of a provider's export, and for what reprice
// has of the ledger.
func TestTablesOfForeignNamesHoldNothingButText(t *testing.T) {
	for _, name := range hostile {
		day := map[usage.DayModel]usage.Spent{{Day: 86400, Model: name}: {Input: 5, Output: 2, Cost: 1e9}}
		var compared, repriced strings.Builder
		printCompared(&compared, nil, day, &usage.Statement{HasTokens: true, Cost: true}, 0.01)
		printRepriced(&repriced, []usage.Repriced{{Key: name, Provider: name, Model: name, Requests: 1, Was: 1e9, Is: 2e9}}, true)
		for what, table := range map[string]string{"reconcile": compared.String(), "reprice": repriced.String()} {
			if at := strings.IndexFunc(table, func(r rune) bool { return r != '\n' && r != ' ' && !unicode.IsPrint(r) }); at >= 0 {
				t.Errorf("%s of %q: %q", what, name, table)
			}
		}
		if lines := strings.Count(compared.String(), "\n"); lines != 4 {
			t.Errorf("%q has %d lines: %q", name, lines, compared.String())
		}
	}
	if text := "gpt-5 é 漢 🙂"; plainly(text) != text {
		t.Errorf("%q became %q", text, plainly(text))
	}
}

// TestCommandsObeyNoFile is for files of others that commands are given: neither what is found in one nor an error may
// be more than lines on a terminal.
func TestCommandsObeyNoFile(t *testing.T) {
	const escape = "\x1b]0;title\x07\u009b31m\u202e"
	text, err := os.ReadFile(filepath.Join("..", "..", "e2e", "captures", "chat-plain.json"))
	if err != nil {
		t.Fatal(err)
	}
	spoilt := func(change func(f *capture.File)) string {
		f, err := capture.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		change(f)
		out, err := f.JSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for name, c := range map[string]struct {
		command func(args []string) int
		file    string
	}{
		"replay, a format": {replayed, spoilt(func(f *capture.File) { f.Attempts[0].Format, f.Attempts[0].Provider = escape, escape })},
		"replay, differences": {replayed, spoilt(func(f *capture.File) {
			a := &f.Attempts[0]
			f.Client.Request.Method, f.Client.Request.URL = "P"+escape, "/v1/"+escape
			a.Upstream, a.Failure, a.Request.Method = escape, escape, escape
			a.Answer.Headers = []capture.Header{{Name: "Content-Type", Value: escape}}
			a.Answer.Pieces = []capture.Piece{{Text: `{"\u001b]0;a\u0007":1,"\u009b":"\u202e"}`}}
		})},
		"replay, an answer": {replayed, spoilt(func(f *capture.File) {
			f.Attempts[0].Answer.Headers = []capture.Header{{Name: "content-type", Value: escape}}
			f.Attempts[0].Answer.Pieces = []capture.Piece{{Text: `{"\u001b]0;a\u0007":1,"\u009b":"\u202e"}`}}
		})},
		"replay, no capture": {replayed, `{"uni_api_capture":"` + escape + `"}`},
		"reconcile":          {reconcile, escape + ",b\n1,2\n"},
		"ledger import":      {func(args []string) int { return ledger(append([]string{"import", "--data", t.TempDir()}, args...)) }, `{"ledger":"` + escape + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			said := spoken(t, func() { c.command([]string{file}) })
			if said == "" {
				t.Error("it says nothing")
			}
			if at := strings.IndexFunc(said, func(r rune) bool { return r != '\n' && r != '\t' && r != ' ' && !unicode.IsPrint(r) }); at >= 0 {
				t.Errorf("it says %q", said)
			}
		})
	}
}

// spoken is what is written to the terminal meanwhile.
func spoken(t *testing.T, run func()) string {
	t.Helper()
	to, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	out, problems := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = to, to
	defer func() { os.Stdout, os.Stderr = out, problems }()
	run()
	said, err := os.ReadFile(to.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(said)
}
