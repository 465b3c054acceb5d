package telemetry

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"testing"
)

func resolved(text string, layers int) string {
	var out []byte
	resolve([]byte(text), escapeSigns, layers, func(c byte) { out = append(out, c) }, func(p []byte) { out = append(out, p...) })
	return string(out)
}

func TestEscapesAreResolved(t *testing.T) {
	for _, tt := range []struct {
		text   string
		layers int
		want   string
	}{
		{`a\/b\u0041\"`, 1, `a/bA"`},
		{`%41%2f%2F%zz%4`, 1, `A//%zz%4`},
		{`&amp;&#65;&#x41;&#X41;&lt;&nothing;&`, 1, `&AAA<&nothing;&`},
		{`%2541`, 1, `%41`},
		{`%2541`, 2, `A`},
		{`\\u0041`, 2, `A`},
		{`&amp;#37;41`, 3, `A`},
		{`\u00`, 1, `\u00`},
		{`\\`, 1, `\`},
		{`\`, 1, `\`},
		{`%%41&&amp;\\%41`, 1, `%A&&\A`},
		{`&aaaaaaaaaaaaaaaaaaaa%41`, 1, `&aaaaaaaaaaaaaaaaaaaaA`},
		{`\x41\xff`, 1, "A\xff"},
	} {
		if got := resolved(tt.text, tt.layers); got != tt.want {
			t.Errorf("%q, %d times: %q, want %q", tt.text, tt.layers, got, tt.want)
		}
	}
}

// FuzzUnescape holds that whatever common encoders make of a text is resolved to it.
func FuzzUnescape(f *testing.F) {
	f.Add("sk-proj-/+=&%\"<>'\\")
	f.Add("&#65;%41")
	f.Fuzz(func(t *testing.T, text string) {
		printable := func(r rune) bool { return r < ' ' || r > '~' }
		if strings.ContainsFunc(text, printable) {
			resolved(text, mostLayers)
			return
		}
		quoted, _ := json.Marshal(text)
		numbered := ""
		for _, c := range []byte(text) {
			numbered += fmt.Sprintf("&#%d;", c)
		}
		for _, encoded := range []string{escapedJSON(text), percented(text), numbered} {
			if got := resolved(encoded, 1); got != text {
				t.Errorf("%q is resolved to %q, want %q", encoded, got, text)
			}
		}
		if strings.ContainsAny(text, "%&") { // which another layer would take for escapes
			return
		}
		for _, encoded := range []string{string(quoted[1 : len(quoted)-1]), percented(percented(text)), html.EscapeString(escapedJSON(text))} {
			if got := resolved(encoded, mostLayers); !strings.Contains(text, `\`) && got != text {
				t.Errorf("%q is resolved to %q, want %q", encoded, got, text)
			}
		}
	})
}

// TestWhatStandsFarBehindAnEscapeIsNotGoneThroughByteByByte counts the bytes of a long text that are, in which escapes
// are few.
func TestWhatStandsFarBehindAnEscapeIsNotGoneThroughByteByByte(t *testing.T) {
	plain := strings.Repeat("x", 1<<20)
	for _, escape := range []string{"%41", "%25252541", `\u0041`, `\\\\`, "&#0000065;", "&", "%", `\`, "&nbsp"} {
		puts, skipped := 0, 0
		resolve([]byte(plain+escape+plain+escape), escapeSigns, mostLayers, func(byte) { puts++ }, func(p []byte) { skipped += len(p) })
		if puts > mostLayers*4*longestEscape || skipped < 2*len(plain)-puts {
			t.Errorf("%q: %d bytes went through one by one, %d in a piece", escape, puts, skipped)
		}
	}
}
