//go:build !race

package capture

import (
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestLinesOfWhatSomebodyMadeAreNoSquareOfIt has bodies that would be told at a length far beyond their own.
func TestLinesOfWhatSomebodyMadeAreNoSquareOfIt(t *testing.T) {
	const size = 500_000
	leaves := func(one string, room int) string { return strings.TrimSuffix(strings.Repeat(one, room/len(one)), ",") }
	for name, body := range map[string]string{
		"leaves below a long name":   `{"` + strings.Repeat("n", size/2) + `":[` + leaves(`{"a":"b"},`, size/2) + `]}`,
		"leaves below many names":    strings.Repeat(`{"name":`, 9000) + `[` + leaves(`{"a":1},`, size/2) + `]` + strings.Repeat("}", 9000),
		"leaves below many lists":    strings.Repeat(`[`, 9000) + leaves(`"a",`, size/2) + strings.Repeat("]", 9000),
		"lists in lists":             strings.Repeat(`[1,"a",`, 9000) + "2" + strings.Repeat("]", 9000),
		"a long name of an event":    "event: " + strings.Repeat("é", size/2) + "\ndata: " + `{"a":[` + leaves(`"b",`, size/2) + "]}\n\n",
		"names that are cut in half": `{"é` + strings.Repeat("né", size/4) + `":{"a":1,"b":[` + leaves(`"b",`, size/2) + `]}}`,
	} {
		for _, view := range []View{Exact, Forms} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			lines := told(body, view)
			if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 400<<20 {
				t.Errorf("%s took %d bytes", name, after.TotalAlloc-before.TotalAlloc)
			}
			if len(lines) > mostTold+1000 || !utf8.ValidString(lines) {
				t.Errorf("%s is told in %d bytes", name, len(lines))
			}
		}
	}
}
