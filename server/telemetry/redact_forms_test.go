package telemetry

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"
)

// TestSecretIsSeenInBase64OfItsEscapes has what is put in base64 together with what stands around it: a query, a page,
// a file of JSON.
func TestSecretIsSeenInBase64OfItsEscapes(t *testing.T) {
	const lines = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n+/abcdefg=\n-----END KEY-----\n"
	r := NewRedactor(secretsOf(oddSecret, lines, upstreamKeyText))
	for _, secret := range []string{oddSecret, lines, upstreamKeyText} {
		quoted, _ := json.Marshal(secret)
		for name, escaped := range map[string]string{
			"a query": url.QueryEscape(secret), "a path": url.PathEscape(secret), "JavaScript": strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"),
			"JSON": string(quoted[1 : len(quoted)-1]), "HTML": html.EscapeString(secret),
		} {
			for before := range 4 {
				for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
					text := "got " + encoding.EncodeToString([]byte("abc"[:min(before, 3)]+escaped+"&x=y"))
					got := r.Clean(text)
					left := 0
					for _, run := range strings.FieldsFunc(got, func(c rune) bool { return c == '…' || c == ' ' }) {
						left = max(left, len(run))
					}
					if got == text || r.Has(got) || left > 20 {
						t.Errorf("%s, %d before: %q", name, before, got)
					}
				}
			}
		}
	}
}

// TestSecretIsSeenHoweverLongOrShortItsNumbersAre has zeros that mean nothing, and octal numbers without them. What a
// client says in them is its own.
func TestSecretIsSeenHoweverLongOrShortItsNumbersAre(t *testing.T) {
	const secret = "sk-0123456789:;<=/abcdefgh-#!"
	r := NewRedactor(secretsOf(secret))
	for _, format := range []string{"&#" + strings.Repeat("0", 33) + "%d;", "&#" + strings.Repeat("0", 1000) + "%d", "&#x" + strings.Repeat("0", 100) + "%x;", "&#X" + strings.Repeat("0", 5000) + "%X;",
		`\u{` + strings.Repeat("0", 50) + "%x}", `\%o`, `\%03o`} {
		text := each(format)(secret)
		if got := r.Clean("key " + text + " refused"); !strings.HasPrefix(got, "key sk-…") || !strings.HasSuffix(got, " refused") || len(got) > 30 {
			t.Errorf("%.60s: %.100q", format, got)
		}
		var own OwnWords
		r.Collect([]byte(strings.Repeat("x", 100)+text), &own)
		if !own.Holds(secret) {
			t.Errorf("%.60s: what the client has said is %v", format, own.pieces)
		}
	}
	for _, text := range []string{"&#", "&#x", "&#;", `\u{}`, `\u{`, `\u{0`, `\8`, `\1`, "&#000x"} {
		if got := r.Clean(text + " and so on and so on"); got != text+" and so on and so on" {
			t.Errorf("%q became %q", text, got)
		}
	}
}
