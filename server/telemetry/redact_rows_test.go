package telemetry

import (
	"strings"
	"testing"
)

// TestRowsAreNoSecrets has secrets that are rows of few characters, or hold one, and texts that any provider sends.
func TestRowsAreNoSecrets(t *testing.T) {
	const inner, outer = "sk-00000000000000000000000000000042abc", "tok-0000000000000000zq7-11111111111111117Kb"
	r := NewRedactor(secretsOf("0000000000000000", "aaaaaaaaaaaaaaaa", "ababababababab", "12341234123412341234", "----------------", inner, outer, "9f8e7d6c5b4a3210"))
	for _, text := range []string{
		`{"id":"chatcmpl-0000000000000000","n":10000000000000000}`, "aaaaaaaaaaaaaaaaaaaaaaaa!", "abababababababab", "1234123412341234", strings.Repeat("-", 80),
		"YWFhYWFhYWFhYWFhYWFh", "MDAwMDAwMDAwMDAwMDAw", strings.Repeat("0", 40), "0x00000000000000001111111111111111", strings.Repeat("1", 40),
	} {
		if got := r.Clean(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, secret := range []string{inner, outer} {
		if got := r.Clean("key " + secret + " refused"); strings.Contains(got, "0000") || !strings.HasSuffix(got, " refused") {
			t.Errorf("whole: %q", got)
		}
		for size := SecretRun; size <= len(secret); size++ { // wherever a piece begins, unless it is a row itself
			for at := 0; at+size <= len(secret); at++ {
				piece := secret[at : at+size]
				if found := r.Has("<" + piece + ">"); found == isRowText(piece) {
					t.Errorf("%q: found is %v", piece, found)
				}
			}
		}
	}
}

// isRowText is config.IsRow by the rule's words.
func isRowText(text string) bool {
	kinds := map[rune]bool{}
	for _, c := range text {
		kinds[c] = true
	}
	return len(kinds) <= 3
}
