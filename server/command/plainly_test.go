package command

import (
	"strings"
	"testing"
	"unicode"

	"uniapi/usage"
)

// hostile are names that would be more than text on a terminal, or make rows of their own in a table.
var hostile = []string{"\x1b[31mred", "\x1b]0;title\x07", "a\nb", "a\rb", "a\tb", "a\x00b", "\u009b31mred", "\u202egnol", "\u2066x", "\x7f", "\xff\xfe", "two\u2028lines"}

// TestTablesOfForeignNamesHoldNothingButText is for names of models out of a provider's export, and for what reprice has of the ledger.
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
